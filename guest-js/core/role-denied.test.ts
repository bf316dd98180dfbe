import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { pass, tick } from '../test/helpers.js';
import { setup } from '../test/store-setup.js';
import { noopLogger } from './logger.js';
import { PRIMARY } from './primary.js';
import { createRole } from './role.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('I5: a page that is refused gives the role up once it has stopped, and gets it again when it is let in', async () => {
  const { backend, rule } = setup({ topics: {} });
  const [a, b] = ['a', 'b'].map((label) =>
    createRole(backend.window(label).transport, { logger: noopLogger, onError() {} }),
  ) as [ReturnType<typeof createRole>, ReturnType<typeof createRole>];
  let stop = (): void => {};
  a.onRole((role) =>
    role === 'primary' ? undefined : new Promise((resolve) => (stop = () => resolve())),
  );
  await tick();
  b.role();
  await tick();
  expect([a.role(), b.role()]).toEqual(['primary', 'secondary']);

  const refuse = () =>
    Promise.reject({ kind: 'denied', message: 'no', topic: PRIMARY, code: 'no' });
  const heals = (['get_snapshot', 'join_role'] as const).map((command) =>
    rule({ kind: 'request', window: 'a', command }, refuse),
  );
  backend.set(PRIMARY, backend.data(PRIMARY));
  await tick();
  expect([a.role(), a.term, b.role()]).toEqual(['secondary', undefined, 'secondary']);
  expect(backend.calls.count({ command: 'leave_role' })).toBe(0);
  stop();
  await tick();
  expect([a.role(), b.role()]).toEqual(['secondary', 'primary']);
  await pass(60_000);
  expect(backend.calls.count({ command: 'leave_role' })).toBe(1);

  for (const heal of heals) heal();
  await b.leave();
  await pass(30_000);
  expect([a.role(), b.role()]).toEqual(['primary', 'secondary']);
});
