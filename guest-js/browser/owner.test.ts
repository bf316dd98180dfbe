import { expect, it } from 'vitest';
import { PRIMARY } from '../core/primary.js';
import type { Revision } from '../core/revision.js';
import type { WriteOperation } from '../core/transport.js';
import type { InvalidationEvent } from '../core/types.js';
import { rev } from '../test/helpers.js';
import type { BrowserTopic } from './options.js';
import { createOwner, SESSIONS } from './owner.js';
import { alone, type StorageLike } from './platform.js';
import { createShelf } from './shelf.js';

interface Options {
  storage?: StorageLike;
  topics?: Record<string, BrowserTopic>;
  families?: Record<string, BrowserTopic>;
  floor?: Revision;
}

function owning({ storage = alone().storage, topics, families, floor = rev(0) }: Options = {}) {
  const announced: InvalidationEvent[] = [];
  const reports: [topic: string, error: unknown][] = [];
  const damaged: string[] = [];
  const watched = new Map<string, () => void>();
  const owner = createOwner({
    topics: topics ?? { a: { initial: { n: 0 } }, b: { initial: 'b' } },
    families: families ?? {},
    shelf: createShelf(storage, 'test/', (name, _, aside) => damaged.push(name, aside)),
    floor,
    announce: (event) => announced.push(event),
    watch: (tab, gone) => watched.set(tab, gone),
    report: (topic, error) => reports.push([topic, error]),
  });
  let seq = 0;
  return {
    owner,
    storage,
    announced,
    reports,
    damaged,
    watched,
    get: (topic: string) => owner.getSnapshot('tab', topic) as { revision: string; data: unknown },
    write: (topic: string, operation: WriteOperation, session = 's', at = ++seq) =>
      owner.write('tab', { topic, session, seq: at, ...operation }),
    /** What an owner in another tab finds. */
    next: (more: Options = {}) => owning({ storage, ...(topics && { topics }), ...more }),
  };
}

/** A storage that refuses, from when it is told to. */
function limited(): { storage: StorageLike; full(is: boolean, only?: string): void } {
  const { storage } = alone();
  let refuse: ((key: string) => boolean) | undefined;
  return {
    storage: {
      ...storage,
      get length() {
        return storage.length;
      },
      setItem(key, value) {
        if (refuse?.(key)) throw new DOMException('the quota is exceeded', 'QuotaExceededError');
        storage.setItem(key, value);
      },
    },
    full: (is, only = '') => {
      refuse = is ? (key) => key.includes(only) : undefined;
    },
  };
}

/** What is thrown, as it travels. */
function thrown(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

it('I1: what is stored of a topic is one entry: its revision, its state, and who wrote what last', () => {
  const one = owning();
  one.write('a', { merge: { n: 1 } });
  const { revision } = one.get('a');
  expect(JSON.parse(one.storage.getItem('test/topic/a') ?? '')).toEqual({
    format: 1,
    revision,
    data: { n: 1 },
    sessions: [{ session: 's', seq: 1, results: [{ revision }] }],
  });
  const two = one.next();
  expect(two.get('a')).toEqual({ revision, data: { n: 1 } });
  expect(two.announced, 'a take-over changes nothing').toEqual([]);
});

it('I11: a repeated write is answered from what is stored, and an older one refused', () => {
  const one = owning();
  one.write('a', { set: { n: 1 } });
  const first = one.write('a', { set: { n: 2 } });
  const two = one.next();
  expect(two.write('a', { set: { n: 2 } }, 's', 2)).toEqual(first);
  expect(thrown(() => two.write('a', { set: { n: 1 } }, 's', 1))).toMatchObject({
    kind: 'outOfOrder',
    lastSeq: 2,
  });
  expect(two.announced).toEqual([]);
});

it('I14: of each topic the last sessions are remembered, and no more', () => {
  const { write, storage } = owning();
  for (let i = 0; i < SESSIONS + 10; i++) write('a', { set: i }, `s${i}`);
  write('a', { set: 'again' }, 's10');
  const { sessions } = JSON.parse(storage.getItem('test/topic/a') ?? '');
  expect(sessions).toHaveLength(SESSIONS);
  expect([sessions[0].session, sessions.at(-1).session]).toEqual(['s11', 's10']);
});

it('I5: a revision never goes back: not after a removal, nor where the storage was cleared', () => {
  const one = owning({ families: { jobs: { initial: 0 } } });
  one.owner.createTopic('tab', { topic: 'jobs/1', session: 's' }, 'c1');
  one.owner.removeTopic('tab', 'jobs/1');
  const removal = BigInt(one.announced.at(-1)?.revision ?? 0);
  const two = one.next({ families: { jobs: { initial: 0 } } });
  two.owner.createTopic('tab', { topic: 'jobs/1', session: 's' }, 'c2');
  expect(BigInt(two.get('jobs/1').revision)).toBeGreaterThan(removal);

  const cleared = owning({ floor: rev(1000) });
  expect([cleared.get('a').revision, cleared.get('b').revision]).toEqual(['1001', '1002']);
  // Of an older copy than any tab has: each topic gets a new revision, though its state is old.
  const restored = cleared.next({ floor: rev(2000) });
  expect([restored.get('a').revision, restored.get('b').revision]).toEqual(['2001', '2002']);
  // A tab that was not heard when another took over.
  expect(restored.owner.getSnapshot('tab', 'a', rev(3000))).toMatchObject({ revision: '3001' });
  expect(restored.get('b').revision).toBe('2002');
});

it('I5: at the end the counter refuses', () => {
  const { write } = owning({ floor: rev('18446744073709551613') });
  expect(thrown(() => write('a', { set: 1 }))).toMatchObject({ kind: 'exhausted', topic: 'a' });
});

it('I10: what the storage does not take has not happened', () => {
  const { storage, full } = limited();
  const one = owning({ storage });
  const before = one.get('a');
  full(true);
  expect(thrown(() => one.write('a', { set: 1 }))).toMatchObject({ kind: 'tooLarge' });
  expect(one.get('a')).toEqual(before);
  full(false);
  expect(one.write('a', { set: 2 }, 's', 1)).toMatchObject({ data: 2 });
  expect(one.announced.filter(({ topic }) => topic === 'a')).toHaveLength(2);
  // The counter is never the reason: what it counts is stored already.
  full(true, 'counter');
  expect(one.write('a', { set: 3 })).toMatchObject({ data: 3 });
  expect(one.next().get('a').data).toBe(3);
});

it('what is damaged is set aside and reported, and only then begun anew', () => {
  const one = owning();
  one.write('a', { set: { n: 7 } });
  const { revision } = one.get('b');
  for (const text of ['{"n":', 'null', '{"format":2}', '{"format":1,"revision":"07","data":1}']) {
    one.storage.setItem('test/topic/a', text);
    const two = one.next();
    const [name, aside = ''] = two.damaged;
    expect(name).toBe('topic/a');
    expect(one.storage.getItem(aside)).toBe(text);
    expect(two.get('a').data).toEqual({ n: 0 });
    expect(BigInt(two.get('a').revision)).toBeGreaterThan(BigInt(revision));
    expect(two.get('b').revision).toBe(revision);
    one.storage.removeItem(aside);
  }
});

it('what is damaged stays as it is where there is no room to set it aside', () => {
  const { storage, full } = limited();
  owning({ storage });
  storage.setItem('test/topic/a', 'nonsense');
  full(true, 'damaged:');
  const { get, write, reports } = owning({ storage });
  expect(thrown(() => get('a'))).toMatchObject({ kind: 'unserializable', topic: 'a' });
  expect(thrown(() => write('a', { set: 1 }))).toMatchObject({ kind: 'unserializable' });
  expect(get('b').data).toBe('b');
  expect(reports).toMatchObject([['a', { name: 'QuotaExceededError' }]]);
  expect(storage.getItem('test/topic/a')).toBe('nonsense');
});

it('what an earlier version of the app stored is restored, at a new revision where that changes it', () => {
  const one = owning();
  const { revision } = one.get('a');
  const restore = (stored: unknown) => ({ version: 2, ...(stored as object) });
  const two = one.next({ topics: { a: { initial: {}, restore } } });
  expect(two.get('a').data).toEqual({ version: 2, n: 0 });
  expect(BigInt(two.get('a').revision)).toBeGreaterThan(BigInt(revision));
  expect(two.next({ topics: { a: { initial: {}, restore } } }).get('a')).toEqual(two.get('a'));
  // What this version does not know is left alone.
  expect(thrown(() => two.get('b'))).toMatchObject({ kind: 'unknownTopic' });
  expect(one.storage.getItem('test/topic/b')).not.toBeNull();
});

it('an action is reduced, and refused with a reason', () => {
  const { write, get } = owning({
    topics: {
      list: {
        initial: [],
        reduce: (list: string[], item: string) => {
          list.push(item);
          if (item === 'bad') throw { code: 'bad', reason: 'not this one' };
          if (item === 'error') throw new Error('told so');
          return item === 'nothing' ? undefined : list;
        },
      },
      plain: { initial: 0 },
    },
  });
  write('list', { action: 'x' });
  expect(thrown(() => write('list', { action: 'bad' }))).toMatchObject({
    kind: 'rejected',
    code: 'bad',
    reason: 'not this one',
  });
  expect(thrown(() => write('list', { action: 'error' }))).toMatchObject({ reason: 'told so' });
  expect(thrown(() => write('list', { action: 'nothing' }))).toMatchObject({
    kind: 'unserializable',
  });
  expect(thrown(() => write('plain', { action: 1 }))).toMatchObject({
    kind: 'invalidRequest',
    field: 'action',
  });
  expect(get('list').data, 'I10').toEqual(['x']);
});

it('the kinds of errors are those of Rust', () => {
  const { write, get, owner } = owning({
    families: { jobs: { initial: 0 } },
  });
  const { revision, data } = get('a');
  const expectedRevision = rev(99);
  expect(thrown(() => write('a', { set: 1, expectedRevision }))).toMatchObject({
    kind: 'conflict',
    expectedRevision,
    revision,
    data,
  });
  expect(thrown(() => write('a', { patch: [{ op: 'remove', path: '/x' }] }))).toMatchObject({
    kind: 'invalidData',
  });
  expect(thrown(() => write('a', {}))).toMatchObject({ kind: 'invalidRequest' });
  expect(thrown(() => write('c', { set: 1 }))).toMatchObject({ kind: 'unknownTopic', topic: 'c' });
  expect(thrown(() => owner.subscribe('tab', 'c'))).toMatchObject({ kind: 'unknownTopic' });
  expect(thrown(() => owner.unsubscribe('tab', 'c'))).toMatchObject({ kind: 'unknownTopic' });
  const create = (topic: string, by = 'c1') =>
    thrown(() => owner.createTopic('tab', { topic, session: 's' }, by));
  expect(create('jobs/ö')).toMatchObject({ kind: 'invalidTopic' });
  expect(create('tasks/1')).toMatchObject({ kind: 'invalidRequest' });
  expect(create('a')).toMatchObject({ kind: 'invalidRequest' });
  expect(create('jobs/1')).toMatchObject({ topic: 'jobs/1', data: 0 });
  expect(create('jobs/1'), 'the same call, sent again').toMatchObject({ data: 0 });
  expect(create('jobs/1', 'c2')).toMatchObject({ kind: 'alreadyExists' });
  expect(owner.listTopics('tab')).toEqual(['a', 'b', 'jobs/1']);
  expect(owner.removeTopic('tab', 'jobs/1')).toEqual({ removed: true });
  expect(owner.removeTopic('tab', 'jobs/1')).toEqual({ removed: false });
});

it('a batch is stored once, and each of its writes has its own end', () => {
  const { owner, announced, get } = owning();
  announced.length = 0;
  const answer = owner.write('tab', {
    topic: 'a',
    session: 's',
    seq: 1,
    writes: [{ merge: { n: 1 } }, { patch: [{ op: 'remove', path: '/x' }] }, { merge: { m: 2 } }],
  });
  const { revision, data } = get('a');
  expect(data).toEqual({ n: 1, m: 2 });
  expect(answer).toMatchObject({
    revision,
    results: [{}, { error: { kind: 'invalidData' } }, { revision }],
  });
  expect(announced).toMatchObject([{ topic: 'a', revision, sourceId: 'tab' }]);
});

it('the role goes to whoever waits longest, with a higher term each time', () => {
  const one = owning();
  const { owner, watched, get } = one;
  const holder = () => (get(PRIMARY).data as { holder: { session: string; term: string } }).holder;
  const terms: bigint[] = [];
  const held = () => {
    terms.push(BigInt(holder().term));
    return holder().session;
  };
  for (const tab of ['a', 'b', 'c']) owner.joinRole(`of ${tab}`, tab, `${tab}/1`);
  owner.joinRole('of a', 'a', 'a/2');
  expect([held(), holder()]).toMatchObject(['a', { window: 'of a', session: 'a' }]);
  owner.leaveRole('of a', 'a');
  expect(held()).toBe('b');
  watched.get('b')?.();
  watched.get('b')?.();
  expect(held()).toBe('c');
  expect(terms).toEqual([...new Set(terms)].sort((a, b) => Number(a - b)));
  // Whoever takes over knows of nobody.
  const two = one.next();
  expect(two.get(PRIMARY).data).toEqual({ holder: null });
  expect(BigInt(two.get(PRIMARY).revision)).toBeGreaterThan(terms.at(-1) ?? 0n);
  expect(thrown(() => two.write(PRIMARY, { set: 1 }))).toMatchObject({ kind: 'denied' });
  expect(two.owner.removeTopic('tab', PRIMARY)).toEqual({ removed: false });
});
