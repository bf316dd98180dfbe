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
      const parts = [`[${level}]`, prefix, message, text(extra)];
      console[level](parts.filter((part) => part !== '').join(' '), ...errorsIn(extra));
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

/** A logger that says nothing. */
export const noopLogger: Logger = { debug() {}, warn() {}, error() {} };

function text(extra: unknown): string {
  if (extra === undefined) return '';
  if (typeof extra !== 'object' || extra === null || extra instanceof Error) return brief(extra);
  const members = Object.entries(extra).filter(([, value]) => value !== undefined);
  return `{ ${members.map(([key, value]) => `${key}: ${brief(value)}`).join(', ')} }`;
}

function brief(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

function errorsIn(extra: unknown): Error[] {
  if (extra instanceof Error) return [extra];
  if (typeof extra !== 'object' || extra === null) return [];
  return Object.values(extra).filter((value) => value instanceof Error);
}
