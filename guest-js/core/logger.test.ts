import { afterEach, expect, it, vi } from 'vitest';
import { createConsoleLogger, defaultLogger, noopLogger, tagLogger } from './logger.js';

afterEach(() => void vi.restoreAllMocks());

function spied(level: 'debug' | 'warn' | 'error') {
  return vi.spyOn(console, level).mockImplementation(() => {});
}

it('writes one line, details included', () => {
  const debug = spied('debug');
  const logger = createConsoleLogger({ prefix: '[windowId=main]', debug: true });
  logger.debug('snapshot applied', { revision: '5' });
  expect(debug).toHaveBeenCalledWith('[debug] [windowId=main] snapshot applied { revision: "5" }');
});

it('says nothing of debug unless asked', () => {
  const debug = spied('debug');
  createConsoleLogger().debug('detail');
  noopLogger.debug('detail');
  noopLogger.warn('detail');
  noopLogger.error('detail');
  expect(debug).not.toHaveBeenCalled();
});

it('without a logger of its own, a store writes warnings and errors, and hands the details over', () => {
  const [debug, warn, error] = [spied('debug'), spied('warn'), spied('error')];
  const extra = { error: new Error('x') };
  for (const level of ['debug', 'warn', 'error'] as const) defaultLogger[level]('odd', extra);
  expect([debug, warn, error].map(({ mock }) => mock.calls)).toEqual([
    [],
    [['[warn] [lockstep] odd', extra]],
    [['[error] [lockstep] odd', extra]],
  ]);
});

it('puts tags before the message', () => {
  const warn = spied('warn');
  tagLogger(createConsoleLogger(), { windowId: 'main', n: 1 }).warn('late');
  expect(warn).toHaveBeenCalledWith('[warn] [lockstep] [windowId=main] [n=1] late');
});

it('shows an error, and its stack', () => {
  const error = spied('error');
  const oops = new TypeError('oops');
  createConsoleLogger({ prefix: '' }).error('failed', { error: oops, topic: 'a', gone: undefined });
  expect(error).toHaveBeenCalledWith('[error] failed { error: TypeError: oops, topic: "a" }', oops);
});

it('survives what JSON does not', () => {
  const warn = spied('warn');
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  const logger = createConsoleLogger({ prefix: '' });
  logger.warn('odd', { loop, big: 1n });
  logger.warn('odd', 'text');
  logger.warn('odd', new Error('x'));
  expect(warn.mock.calls.map(([line]) => line)).toEqual([
    '[warn] odd { loop: [object Object], big: 1 }',
    '[warn] odd "text"',
    '[warn] odd Error: x',
  ]);
});
