import type {
  InvalidationEvent,
  InvalidationSubscriber,
  SnapshotEnvelope,
  SnapshotProvider,
} from '../../core/index.js';

interface Waiting<T> {
  resolve(snapshot: SnapshotEnvelope<T>): void;
  reject(error: Error): void;
}

/**
 * Both parts over one WebSocket. `onLost` is called when an open connection ends: what was
 * announced from then on was missed, so let it refresh the handle, whose pull connects anew.
 */
export function createSocketTransport<T>(url: string, topic: string, onLost: () => void) {
  const handlers = new Set<(event: InvalidationEvent) => void>();
  const waiting = new Map<string, Waiting<T>>();
  let connection: Promise<WebSocket> | undefined;

  function connect(): Promise<WebSocket> {
    connection ??= new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      let open = false;
      socket.addEventListener('open', () => {
        open = true;
        resolve(socket);
      });
      socket.addEventListener('message', ({ data }) => {
        const { invalidated, answers, snapshot } = JSON.parse(String(data));
        if (invalidated) for (const handler of handlers) handler(invalidated);
        waiting.get(answers)?.resolve(snapshot);
        waiting.delete(answers);
      });
      // An error is always followed by this.
      socket.addEventListener('close', () => {
        connection = undefined;
        const lost = new Error('The connection was lost');
        reject(lost);
        for (const each of waiting.values()) each.reject(lost);
        waiting.clear();
        if (open && handlers.size > 0) onLost();
      });
      socket.addEventListener('error', () => {});
    });
    return connection;
  }

  const subscriber: InvalidationSubscriber = {
    async subscribe(handler) {
      await connect();
      handlers.add(handler);
      return () => {
        handlers.delete(handler);
        if (handlers.size === 0) connection?.then((socket) => socket.close());
      };
    },
  };

  const provider: SnapshotProvider<T> = {
    async getSnapshot(since, signal) {
      const socket = await connect();
      return new Promise((resolve, reject) => {
        const id = crypto.randomUUID();
        waiting.set(id, { resolve, reject });
        signal?.addEventListener('abort', () => waiting.delete(id));
        socket.send(JSON.stringify({ asks: id, topic, since }));
      });
    },
  };

  return { subscriber, provider };
}
