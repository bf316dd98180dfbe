import type {
  InvalidationSubscriber,
  Revision,
  SnapshotEnvelope,
  SnapshotProvider,
} from '../../core/index.js';

/** Hears of changes in the tab or worker that owns the topic. */
export function createBroadcastSubscriber(channel: BroadcastChannel): InvalidationSubscriber {
  return {
    async subscribe(handler) {
      const hear = ({ data }: MessageEvent) => {
        if (data.invalidated) handler(data.invalidated);
      };
      channel.addEventListener('message', hear);
      return () => channel.removeEventListener('message', hear);
    },
  };
}

/** Asks the tab or worker that owns the topic. */
export function createBroadcastProvider<T>(channel: BroadcastChannel): SnapshotProvider<T> {
  return {
    getSnapshot: (_since, signal) =>
      new Promise((resolve) => {
        const id = crypto.randomUUID();
        const end = () => channel.removeEventListener('message', hear);
        const hear = ({ data }: MessageEvent) => {
          if (data.answers !== id) return;
          end();
          resolve(data.snapshot);
        };
        channel.addEventListener('message', hear);
        signal?.addEventListener('abort', end);
        channel.postMessage({ asks: id });
      }),
  };
}

/** The owner's side: answers whoever asks, and tells everybody of a change. */
export function ownTopic<T>(topic: string, channel: BroadcastChannel, data: T) {
  let snapshot: SnapshotEnvelope<T> = { revision: '1' as Revision, data };
  channel.addEventListener('message', ({ data: { asks } }: MessageEvent) => {
    if (asks) channel.postMessage({ answers: asks, snapshot });
  });
  return {
    set(next: T) {
      const revision = String(BigInt(snapshot.revision) + 1n) as Revision;
      // Change first, announce second: whoever hears of it and asks must get it.
      snapshot = { revision, data: next };
      channel.postMessage({ invalidated: { topic, revision } });
    },
  };
}
