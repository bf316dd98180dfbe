import { invoke } from '@tauri-apps/api/core';
import type { Document } from './contender.js';
import { contenders } from './contenders/index.js';
import { measure, read } from './meter.js';

// What the page reports back to `src/pages.rs`, and is told by it.

const scriptStart = performance.now();
const params = new URLSearchParams(location.search);
const life = Number(params.get('life'));
const contender = contenders[params.get('contender') ?? ''];

let shown = -1;
let reportFrom = Number.POSITIVE_INFINITY;
let firstState: number | undefined;
let contentLoaded: number | undefined;

document.addEventListener('DOMContentLoaded', () => {
  contentLoaded = performance.now();
});

function show({ probe }: Document): void {
  if (!probe || probe.value === shown) return;
  firstState ??= performance.now();
  shown = probe.value;
  if (shown >= reportFrom) void invoke('shown', { value: shown });
}

function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${params.get('contender')} has no ${what}`);
  return value;
}

/** The mean time of a write, in ms: the page's clock ticks once a ms, but its mean is true. */
async function timedWrite(value: number): Promise<number> {
  const write = present(contender?.write, 'write');
  const start = performance.now();
  await write(value);
  return performance.now() - start;
}

async function count(way: string, times: number): Promise<void> {
  const once = present(contender?.counts?.[way], way);
  for (let n = 0; n < times; n++) await once();
}

const jobs: Record<string, (arg: never) => unknown> = {
  ping: () => null,
  shown: () => shown,
  reportFrom: (value: number) => {
    reportFrom = value;
  },
  measure,
  read,
  timedWrite,
  async write(value: number) {
    await present(contender?.write, 'write')(value);
  },
  count: ({ way, times }: { way: string; times: number }) => count(way, times),
  async times({ command, times }: { command: string; times: number }) {
    const start = performance.now();
    for (let n = 0; n < times; n++) await invoke(command);
    return (performance.now() - start) / times;
  },
  async pull({ bytes, times }: { bytes: number; times: number }) {
    const start = performance.now();
    for (let n = 0; n < times; n++) await invoke('pull_bytes', { bytes });
    return (performance.now() - start) / times;
  },
};

async function call(id: number, job: string, arg: never): Promise<void> {
  let outcome: { ok: unknown } | { error: string };
  try {
    outcome = { ok: (await present(jobs[job], job)(arg)) ?? null };
  } catch (error) {
    outcome = {
      error: typeof error === 'string' ? error : (Object(error).message ?? JSON.stringify(error)),
    };
  }
  await invoke('reported', { id, outcome });
}

Object.assign(window, { bench: { call } });

void invoke('starting', { life });
try {
  await present(contender, 'page').start(show);
  contentLoaded ??= await new Promise<number>((resolve) =>
    document.addEventListener('DOMContentLoaded', () => resolve(performance.now())),
  );
  await invoke('ready', {
    life,
    outcome: {
      ok: { scriptStart, contentLoaded, firstState, ways: Object.keys(contender?.counts ?? {}) },
    },
  });
} catch (error) {
  await invoke('ready', { life, outcome: { error: String(Object(error).message ?? error) } });
}
