import { vi } from 'vitest';
import type { Revision } from '../core/revision.js';
import { createRevisionSync, type RevisionSyncOptions } from '../core/sync.js';
import type { InvalidationEvent, SyncErrorContext, Unsubscribe } from '../core/types.js';

export const rev = (revision: string | number | bigint): Revision => String(revision) as Revision;

/** Lets everything run that needs no time. Needs fake timers. */
export const tick = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

/** Lets so many ms pass. Needs fake timers. */
export const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/** What a promise has come to, without waiting for it. */
export function outcome<T>(promise: Promise<T>): { now: unknown } {
  const seen: { now: unknown } = { now: 'pending' };
  promise.then(
    (value) => {
      seen.now = value === undefined ? 'resolved' : value;
    },
    (error: unknown) => {
      seen.now = error;
    },
  );
  return seen;
}

/** The kind that a promise rejects with. */
export async function kindOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return (error as { kind?: unknown }).kind ?? error;
  }
  return 'resolved';
}

export interface Pull extends Deferred<unknown> {
  since: Revision | undefined;
  signal: AbortSignal | undefined;
  /** Answers with a whole snapshot. */
  answer(revision: string, data?: unknown): Promise<unknown>;
  fail(error: unknown): Promise<unknown>;
}

/** A bare revision sync, all of whose outside is held by the test. */
export function bareSync(options: Partial<RevisionSyncOptions<unknown>> = {}) {
  const pulls: Pull[] = [];
  const applied: string[] = [];
  const errors: SyncErrorContext[] = [];
  const handlers = new Set<(event: InvalidationEvent) => void>();
  let undone = 0;
  const handle = createRevisionSync<unknown>({
    topic: 'topic',
    subscriber: {
      async subscribe(handler): Promise<Unsubscribe> {
        handlers.add(handler);
        return () => {
          undone++;
          handlers.delete(handler);
        };
      },
    },
    provider: {
      getSnapshot(since, signal) {
        const result = deferred<unknown>();
        pulls.push({
          ...result,
          since,
          signal,
          answer(revision, data = `at ${revision}`) {
            result.resolve({ revision, data });
            return tick();
          },
          fail(error) {
            result.reject(error);
            return tick();
          },
        });
        return result.promise as Promise<never>;
      },
    },
    applier: { apply: ({ revision }) => void applied.push(revision) },
    onError: (context) => errors.push(context),
    ...options,
  });

  const pull = (i: number): Pull => {
    const found = pulls.at(i);
    if (!found) throw new Error(`there is no pull ${i}`);
    return found;
  };

  return {
    handle,
    pulls,
    pull,
    applied,
    errors,
    handlers,
    undone: () => undone,
    /** Sends anything, and lets it run. */
    emit(payload: unknown) {
      for (const handler of [...handlers]) handler(payload as InvalidationEvent);
      return tick();
    },
    announce(revision: string, sourceId?: string) {
      return this.emit({ topic: 'topic', revision, sourceId: sourceId ?? null, timestampMs: 1 });
    },
    /** Starts, and answers the first pull. */
    async started(revision = '1') {
      const starting = handle.start();
      await tick();
      await pull(-1).answer(revision);
      await starting;
      return this;
    },
  };
}
