import { expect, it } from 'vitest';
import { createFakeBackend } from '../testing/index.js';
import { flush } from './flush.js';
import { createTopicStore } from './store.js';

const setup = () => {
  const backend = createFakeBackend({ topics: { settings: 0 } });
  const { transport } = backend.window('main');
  return { backend, transport, store: createTopicStore<number>('settings', transport) };
};

it('waits for what this page has written before, awaited or not', async () => {
  const { backend, transport, store } = setup();
  const written = store.set(1);
  const saved = await flush(transport, 'settings');
  expect(saved).toBe(backend.revision('settings'));
  expect(await written).toBe(saved);
  const sent = backend.calls.all.map(({ command }) => command);
  expect(sent.filter((command) => /^(write|flush)$/.test(command))).toEqual(['write', 'flush']);
});

it('rejects with the kind and the revision of what is not on disk', async () => {
  const { transport } = setup();
  transport.flush = async () => {
    throw { kind: 'notSaved', message: 'the disk is full', topic: 'settings', revision: '7' };
  };
  await expect(flush(transport, 'settings')).rejects.toMatchObject({
    kind: 'notSaved',
    message: 'the disk is full',
    revision: '7',
  });
  transport.flush = async () => ({ revision: 7 });
  await expect(flush(transport, 'settings')).rejects.toMatchObject({ kind: 'protocol' });
  transport.flush = () => Promise.reject('lockstep.flush not allowed on window "main"');
  await expect(flush(transport, 'settings')).rejects.toMatchObject({
    kind: 'denied',
    permission: 'lockstep:write',
  });
});

it('I10: a write that was applied and is not on disk rejects, and is shown all the same', async () => {
  const { transport, store } = setup();
  await store.ready;
  const { write } = transport;
  transport.write = async (request) => {
    const { revision } = Object(await write(request));
    throw { kind: 'notSaved', message: 'the disk is full', topic: 'settings', revision };
  };
  const written = store.set(1, { optimistic: true });
  await expect(written).rejects.toMatchObject({ kind: 'notSaved', revision: '2' });
  expect(store.revision).toBe('2');
  expect(store.get()).toBe(1);
});
