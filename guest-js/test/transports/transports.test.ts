import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket as Client, WebSocketServer } from 'ws';
import document from '../../../docs/custom-transports.md?raw';
import {
  createRevisionSync,
  type SnapshotEnvelope,
  type SyncErrorContext,
} from '../../core/index.js';
import { waitFor } from '../../testing/index.js';
import { rev } from '../helpers.js';
import { createBroadcastProvider, createBroadcastSubscriber, ownTopic } from './broadcast.js';
import broadcast from './broadcast.ts?raw';
import { createSocketTransport } from './socket.js';
import socket from './socket.ts?raw';

interface Settings {
  theme: string;
}

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  vi.unstubAllGlobals();
});

it.each([
  ['broadcast', broadcast],
  ['socket', socket],
])('docs/custom-transports.md shows the code of %s that is tested here', (_, source) => {
  expect(document).toContain(
    source.replace('../../core/index.js', 'tauri-plugin-lockstep-api/core'),
  );
});

describe('over BroadcastChannel', () => {
  const channel = () => {
    const opened = new BroadcastChannel('settings');
    ends.push(() => opened.close());
    return opened;
  };

  it('every tab shows what the owner has', async () => {
    const owner = ownTopic<Settings>('settings', channel(), { theme: 'light' });
    const tabs = Array.from({ length: 3 }, () => {
      const shown: string[] = [];
      const own = channel();
      const sync = createRevisionSync<Settings>({
        topic: 'settings',
        subscriber: createBroadcastSubscriber(own),
        provider: createBroadcastProvider(own),
        applier: { apply: ({ data }) => void shown.push(data.theme) },
      });
      ends.push(() => sync.stop());
      return { sync, shown };
    });
    await Promise.all(tabs.map(({ sync }) => sync.start()));
    owner.set({ theme: 'dark' });
    owner.set({ theme: 'blue' });
    await waitFor(() => tabs.every(({ sync }) => sync.getLocalRevision() === '3'));
    for (const { shown } of tabs) expect([shown[0], shown.at(-1)]).toEqual(['light', 'blue']);
  });

  it('asks no more once it is stopped', async () => {
    const own = channel();
    const asked = vi.spyOn(own, 'postMessage');
    const removed = vi.spyOn(own, 'removeEventListener');
    const sync = createRevisionSync<Settings>({
      topic: 'settings',
      subscriber: createBroadcastSubscriber(own),
      provider: createBroadcastProvider(own),
      applier: { apply() {} },
    });
    const starting = sync.start();
    await waitFor(() => asked.mock.calls.length > 0);
    sync.stop();
    await expect(starting).rejects.toMatchObject({ kind: 'closed' });
    // Of the subscriber, and of the question that nobody answers.
    expect(removed).toHaveBeenCalledTimes(2);
  });
});

describe('over WebSocket', () => {
  /** A server with one topic, which can cut everybody off. */
  async function serve() {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await new Promise((resolve) => server.once('listening', resolve));
    ends.push(() => server.close());
    let snapshot: SnapshotEnvelope<Settings> = { revision: rev(1), data: { theme: 'light' } };
    server.on('connection', (client) => {
      client.on('message', (message) => {
        const { asks } = JSON.parse(String(message));
        client.send(JSON.stringify({ answers: asks, snapshot }));
      });
    });
    const address = server.address() as { port: number };
    return {
      server,
      url: `ws://127.0.0.1:${address.port}`,
      set(theme: string) {
        snapshot = { revision: rev(BigInt(snapshot.revision) + 1n), data: { theme } };
        const invalidated = { topic: 'settings', revision: snapshot.revision };
        for (const client of server.clients) client.send(JSON.stringify({ invalidated }));
      },
      /** Resolves once every connection there was is gone; by then there may be new ones. */
      async cut() {
        await Promise.all(
          [...server.clients].map((client) => {
            const gone = once(client, 'close');
            client.terminate();
            return gone;
          }),
        );
      },
    };
  }

  function syncTo(url: string) {
    vi.stubGlobal('WebSocket', Client);
    const shown: string[] = [];
    const errors: SyncErrorContext[] = [];
    const { subscriber, provider } = createSocketTransport<Settings>(url, 'settings', () =>
      sync.refresh(),
    );
    const sync = createRevisionSync<Settings>({
      topic: 'settings',
      subscriber,
      provider,
      applier: { apply: ({ data }) => void shown.push(data.theme) },
      onError: (context) => errors.push(context),
    });
    ends.push(() => sync.stop());
    return { sync, shown, errors };
  }

  it('shows what the server has, and hears of changes', async () => {
    const { url, set, server } = await serve();
    const { sync, shown } = syncTo(url);
    await sync.start();
    set('dark');
    await waitFor(() => shown.at(-1) === 'dark');
    sync.stop();
    await waitFor(() => server.clients.size === 0);
  });

  it('I6: comes back after a cut, with what it has missed', async () => {
    const { url, set, cut } = await serve();
    const { sync, shown, errors } = syncTo(url);
    await sync.start();
    await cut();
    set('missed');
    await waitFor(() => shown.at(-1) === 'missed');
    set('heard');
    await waitFor(() => shown.at(-1) === 'heard');
    expect(errors).toEqual([]);
  });

  it('start() rejects where nobody answers, and may be called again', async () => {
    const { url, server } = await serve();
    await new Promise((resolve) => server.close(resolve));
    const { sync, errors } = syncTo(url);
    await expect(sync.start()).rejects.toThrow('The connection was lost');
    expect(errors).toMatchObject([{ phase: 'subscribe', topic: 'settings' }]);
    await expect(sync.start()).rejects.toThrow('The connection was lost');
  });
});
