// What reaches the page, and how long the page stood still; the same for every contender.

interface Internals {
  callbacks: Map<number, (data: unknown) => unknown>;
}

declare global {
  interface Window {
    __TAURI_INTERNALS__: Internals;
  }
}

export interface Reading {
  /** Events, channel messages, and answers to commands that carry something. */
  messages: number;
  /** Their size as JSON, in characters; 0 unless `measure` was told to weigh. */
  bytes: number;
  /** The longest time between two ticks of a 4 ms timer, in ms; 0 unless it was watched. */
  longestStall: number;
  /** The callbacks that the page has registered with Tauri. */
  callbacks: number;
}

const TICK_MS = 4;

let weighing = false;
let timer: ReturnType<typeof setInterval> | undefined;
let reading = { messages: 0, bytes: 0, longestStall: 0 };

let last: unknown;

function note(data: unknown): void {
  if (data === null || data === undefined) return;
  // A channel fetches what is big, and then passes on what it was answered: that has come once.
  if (last !== undefined && Object(data).message === last) return;
  last = data;
  reading.messages++;
  if (weighing) reading.bytes += (typeof data === 'string' ? data : JSON.stringify(data)).length;
}

// Tauri gives everything that reaches a page to a callback, and looks that up here.
const { callbacks } = window.__TAURI_INTERNALS__;
const found = callbacks.get.bind(callbacks);
callbacks.get = (id) => {
  const callback = found(id);
  return (
    callback &&
    ((data) => {
      note(data);
      return callback(data);
    })
  );
};

const metered = new Set<string>();

/** A guest that takes deliveries is called by a global function of its own, past all of Tauri's callbacks. */
function meterDeliveries(): void {
  for (const name of Object.getOwnPropertyNames(window)) {
    if (!name.startsWith('__LOCKSTEP_') || metered.has(name)) continue;
    metered.add(name);
    const receive: (payload?: unknown) => unknown = Object(window)[name];
    const value = (payload?: unknown) => {
      note(payload ?? '');
      return receive(payload);
    };
    Object.defineProperty(window, name, { value, configurable: true });
  }
}

/** Begins anew. Weighing costs as much as a message is long, so times are taken without. */
export function measure(options: { weigh: boolean; stalls: boolean }): void {
  meterDeliveries();
  reading = { messages: 0, bytes: 0, longestStall: 0 };
  weighing = options.weigh;
  clearInterval(timer);
  if (!options.stalls) return;
  let last = performance.now();
  timer = setInterval(() => {
    const now = performance.now();
    reading.longestStall = Math.max(reading.longestStall, now - last - TICK_MS);
    last = now;
  }, TICK_MS);
}

export const read = (): Reading => ({ ...reading, callbacks: callbacks.size });
