import { expect, it } from 'vitest';
import type { SnapshotEnvelope } from '../core/types.js';
import { deferred, kindOf, rev } from '../test/helpers.js';
import { createLocalStorageBackend } from './local-storage.js';
import { createPersistenceApplier, type PersistenceApplierOptions } from './persistence.js';
import { alone, type ChannelLike } from './platform.js';

const at = (revision: number, data: unknown = `at ${revision}`): SnapshotEnvelope<unknown> => ({
  revision: rev(revision),
  data,
});

/** Channels that deliver at once. */
function channels() {
  const open = new Set<ChannelLike>();
  const names: string[] = [];
  return {
    open,
    names,
    channel(name: string): ChannelLike {
      names.push(name);
      const channel: ChannelLike = {
        onmessage: null,
        postMessage(data) {
          for (const each of open) if (each !== channel) each.onmessage?.({ data });
        },
        close: () => void open.delete(channel),
      };
      open.add(channel);
      return channel;
    },
  };
}

function tab(
  storage = alone().storage,
  net = channels(),
  options: Partial<PersistenceApplierOptions<unknown>> = {},
) {
  const shown: unknown[] = [];
  const errors: unknown[] = [];
  const backend = createLocalStorageBackend({
    key: 'k',
    storage,
    onDamaged: (e) => errors.push(e),
  });
  const applier = createPersistenceApplier({
    storage: backend,
    applier: { apply: ({ data }) => void shown.push(data) },
    crossTabSync: { channelName: 'k', channel: net.channel },
    onError: (error) => errors.push(error),
    ...options,
  });
  return { applier, shown, errors, backend, storage, net };
}

const settled = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve));

it('what was applied is there at the next start, as one pair', async () => {
  const one = tab();
  expect(await one.applier.restored).toBeUndefined();
  await one.applier.apply(at(5));
  expect(JSON.parse(one.storage.getItem('k') ?? '')).toEqual(at(5));
  const two = tab(one.storage);
  expect(await two.applier.restored).toBe('5');
  expect(two.shown).toEqual(['at 5']);
});

it('I7: the owner’s first snapshot replaces what was restored, even where it counts anew', async () => {
  const { storage } = alone();
  await tab(storage).applier.apply(at(57));
  const { applier, shown, backend } = tab(storage);
  await applier.apply(at(3));
  await applier.apply(at(2));
  await applier.apply(at(3, 'again'));
  await applier.apply(at(4));
  expect(shown).toEqual(['at 57', 'at 3', 'at 4']);
  expect(backend.load()).toEqual(at(4));
});

it('I7: other tabs take what is newer, and nothing else', async () => {
  const one = tab();
  const two = tab(one.storage, one.net);
  await Promise.all([one.applier.restored, two.applier.restored]);
  await one.applier.apply(at(5));
  await two.applier.apply(at(6));
  await settled();
  await one.applier.apply(at(5));
  await one.applier.apply(at(6, 'from the owner'));
  await settled();
  expect(one.shown).toEqual(['at 5', 'at 6']);
  expect(two.shown).toEqual(['at 5', 'at 6']);
  expect(one.net.names).toEqual(['k', 'k']);
});

it('I7: what another tab has saved is overwritten only by what is newer', async () => {
  const one = tab();
  const two = tab(one.storage, channels());
  await one.applier.apply(at(5));
  await two.applier.apply(at(7));
  await one.applier.apply(at(6));
  expect(one.backend.load()).toEqual(at(7));
  await one.applier.apply(at(8));
  expect(one.backend.load()).toEqual(at(8));
});

it('only those tabs talk that are asked to', async () => {
  const net = channels();
  const { storage } = alone();
  const quiet = tab(storage, net, {
    crossTabSync: { channelName: 'k', channel: net.channel, broadcastSaves: false },
  });
  const deaf = tab(storage, net, {
    crossTabSync: { channelName: 'k', channel: net.channel, receiveUpdates: false },
  });
  await quiet.applier.apply(at(5));
  await deaf.applier.apply(at(6));
  await settled();
  expect([quiet.shown, deaf.shown]).toEqual([['at 5', 'at 6'], ['at 6']]);
});

it('what another tab sends is checked', async () => {
  const one = tab();
  await one.applier.restored;
  const stranger = one.net.channel('k');
  for (const data of [null, 'x', { revision: '07', data: 1 }, { revision: '7' }]) {
    stranger.postMessage(data);
  }
  await settled();
  expect(one.shown).toEqual([]);
  expect(one.errors).toHaveLength(4);
});

it('one after another, however long the applier takes', async () => {
  const first = deferred<void>();
  const shown: unknown[] = [];
  const { applier } = tab(undefined, undefined, {
    applier: {
      async apply({ data }) {
        if (data === 'at 1') await first.promise;
        shown.push(data);
      },
    },
  });
  const both = [applier.apply(at(1)), applier.apply(at(2))];
  first.resolve();
  await Promise.all(both);
  expect(shown).toEqual(['at 1', 'at 2']);
});

it('I7: what the applier throws fails the snapshot, and is not saved', async () => {
  let fails = true;
  const { applier, backend } = tab(undefined, undefined, {
    applier: {
      apply() {
        if (fails) throw new Error('no');
      },
    },
  });
  expect(await kindOf(Promise.resolve(applier.apply(at(1))))).toMatchObject({ message: 'no' });
  expect(backend.load()).toBeUndefined();
  fails = false;
  await applier.apply(at(1));
  expect(backend.load()).toEqual(at(1));
});

it('what cannot be saved is reported, and applied all the same', async () => {
  const { storage } = alone();
  storage.setItem = () => {
    throw new DOMException('full', 'QuotaExceededError');
  };
  const { applier, shown, errors } = tab(storage);
  await applier.apply(at(1));
  expect(shown).toEqual(['at 1']);
  expect(errors).toMatchObject([{ kind: 'tooLarge' }]);
});

it('what is damaged is set aside, and never written over', async () => {
  const { storage } = alone();
  storage.setItem('k', '{"revision":"07"');
  const { applier, shown, errors } = tab(storage);
  expect(await applier.restored).toBeUndefined();
  await applier.apply(at(1));
  expect([shown, errors.length]).toEqual([['at 1'], 1]);
  const keys = Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? '');
  expect(keys.map((key) => storage.getItem(key)).sort()).toEqual([
    '{"revision":"07"',
    JSON.stringify(at(1)),
  ]);
  // Also by a backend that has never loaded.
  storage.setItem('k', 'nonsense');
  createLocalStorageBackend({ key: 'k', storage, onDamaged: () => {} }).save(at(2));
  expect(storage.length).toBe(3);
});

it('I9: nothing is saved, sent or received after dispose', async () => {
  const one = tab();
  const two = tab(one.storage, one.net);
  await Promise.all([one.applier.restored, two.applier.restored]);
  one.applier.dispose();
  one.applier.dispose();
  await two.applier.apply(at(1));
  await one.applier.apply(at(2));
  await settled();
  expect([one.shown, two.shown]).toEqual([['at 2'], ['at 1']]);
  expect(one.backend.load()).toEqual(at(1));
  expect(one.net.open.size).toBe(1);
});
