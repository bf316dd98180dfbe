import type { Logger } from './types.js';

/** How a console logger writes. */
export interface ConsoleLoggerOptions {
  /** Stands before each message. Default: `[lockstep]`. */
  prefix?: string;
  /** Whether `debug` lines are written. Default: false. */
  debug?: boolean;
}

/**
 * A logger on `console`. Details are written into the line; an error among them also follows
 * as it is, so that the console can show its stack.
 *
 * @example
 * const logger = createConsoleLogger({ prefix: '[windowId=main]', debug: true });
 * logger.debug('snapshot applied', { revision: '5' });
 * // [debug] [windowId=main] snapshot applied { revision: "5" }
 */
export function createConsoleLogger(options: ConsoleLoggerOptions = {}): Logger {
  const { prefix = '[lockstep]', debug = false } = options;
  const write =
    (level: keyof Logger) =>
    (message: string, extra?: unknown): void => {
      const errors: Error[] = [];
      const line = [`[${level}]`, prefix, message, text(extra, errors)];
      console[level](line.filter(Boolean).join(' '), ...errors);
    };
  return { debug: debug ? write('debug') : () => {}, warn: write('warn'), error: write('error') };
}

/**
 * Puts tags before every message of a logger.
 *
 * @example
 * const logger = tagLogger(createConsoleLogger(), { windowId: 'main' });
 * logger.warn('late'); // [warn] [lockstep] [windowId=main] late
 */
export function tagLogger(base: Logger, tags: Record<string, unknown>): Logger {
  const tag = Object.entries(tags)
    .map(([key, value]) => `[${key}=${String(value)}]`)
    .join(' ');
  const write =
    (level: keyof Logger) =>
    (message: string, extra?: unknown): void =>
      base[level](`${tag} ${message}`, extra);
  return { debug: write('debug'), warn: write('warn'), error: write('error') };
}

/** Where a store logs that is given no logger: warnings and errors, with the details as they are. */
export const defaultLogger: Logger = {
  debug() {},
  warn: (message, extra) => console.warn(`[warn] [lockstep] ${message}`, extra),
  error: (message, extra) => console.error(`[error] [lockstep] ${message}`, extra),
};

/** A logger that says nothing. */
export const noopLogger: Logger = { debug() {}, warn() {}, error() {} };

/** Details in short; the errors among them go into `errors`. */
function text(extra: unknown, errors: Error[]): string {
  const brief = (value: unknown): string => {
    try {
      if (!(value instanceof Error)) return JSON.stringify(value) ?? String(value);
      errors.push(value);
    } catch {
      // What JSON does not know.
    }
    return String(value);
  };
  if (Object(extra) !== extra || extra instanceof Error)
    return extra === undefined ? '' : brief(extra);
  const members = Object.entries(extra as object).filter(([, value]) => value !== undefined);
  return `{ ${members.map(([key, value]) => `${key}: ${brief(value)}`).join(', ')} }`;
}
