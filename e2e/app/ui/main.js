// What tests reach for in a page. Everything is a global, and nothing but the counter starts by itself.
'use strict';

const { lockstep, core, event } = window.__TAURI__;
const { invoke } = core;

const label = window.__TAURI_INTERNALS__.metadata.currentWebview.label;
const problems = [];

function problem(kind) {
  return (message, extra) => {
    problems.push(`${kind}: ${message} ${extra?.error ?? ''}`);
    if (problems.length > 50) problems.shift();
  };
}

const logger = { debug() {}, info() {}, warn: problem('warning'), error: problem('error') };

window.addEventListener('error', ({ message }) => problem('uncaught')(message));
window.addEventListener('unhandledrejection', ({ reason }) => problem('unhandled')(reason));

const define = (topic, options, guest = lockstep) => guest.defineTopic(topic, { logger, ...options });

const counter = define('counter');
const note = define('note');
const secret = define('secret');
const readOnly = define('read-only');
const writeOnly = define('write-only');
const slowToWrite = define('slow-to-write');
const slowToRead = define('slow-to-read');
const staff = define('staff');
const odd = define('odd');
// By which of their hooks misbehaves. A hook may wait for the test, which takes as long as it takes.
const patient = { writeTimeoutMs: 300_000 };
const hooked = Object.fromEntries(
  ['intercept', 'validate', 'reducer', 'async', 'async-brief'].map((hook) => [hook, define(`hook-${hook}`, patient)]),
);
const stores = [
  counter, note, secret, readOnly, writeOnly, slowToWrite, slowToRead, staff, odd, ...Object.values(hooked),
];

const tasks = lockstep.defineCollection('tasks', { logger });
const sheet = define('sheet');

// What a store has in the page's first script, where a test wants to know.
const early = location.search === '?early' && define('note', { firstPaint: true }).get();

/** As a store with `firstPaint` waits for its state. */
function waitFor(topic) {
  const request = new XMLHttpRequest();
  request.open('GET', `${core.convertFileSrc('', 'lockstep')}?topic=${topic}`, false);
  request.send();
  return request.responseText;
}

const family = (name) => lockstep.defineTopicFamily(name, { logger });
const rooms = family('rooms');
const meetings = family('meetings');
const documents = family('documents');
const flashes = family('flashes');
const drafts = family('drafts');

// Each hook is asked about a number in the way in which it meets one.
const askHook = (hook, value) =>
  hook === 'reducer' ? hooked[hook].dispatch({ type: 'become', value }) : hooked[hook].set(value);
/** What became of that, without the words for people. */
const told = (write) =>
  write.then(
    () => 'applied',
    ({ kind, code }) => [kind, code ?? null],
  );

// What the backend sent of each topic, once that is counted: in which form, and how many bytes of JSON the message had.
const received = [];
function keep(text, entries) {
  const bytes = new TextEncoder().encode(text).length;
  for (const entry of entries) {
    const form = ['patch', 'unchanged', 'data'].find((member) => member in entry) ?? 'nothing';
    received.push({ topic: entry.topic, form, bytes });
  }
}
const receivedOf = (topic) => received.filter((each) => each.topic === topic);

// Counts what goes to the backend, as `command topic`. Tauri's `invoke` cannot be replaced, but it looks up `fetch`.
const calls = {};
let answersCount = false;
const realFetch = window.fetch;
window.fetch = (url, init) => {
  const [, command] = /^ipc:\/\/localhost\/(.*)$/.exec(String(url)) ?? [];
  const answer = realFetch(url, init);
  if (!command) return answer;
  const name = decodeURIComponent(command);
  const args = typeof init?.body === 'string' ? JSON.parse(init.body) : {};
  const call = `${name} ${args?.topic ?? args?.event ?? ''}`.trim();
  calls[call] = (calls[call] ?? 0) + 1;
  const tells = answersCount && /[|](get_snapshot|write)$/.test(name);
  return tells ? answer.then((response) => weighed(response, args.topic)) : answer;
};
async function weighed(response, topic) {
  const text = await response.clone().text();
  const answer = JSON.parse(text);
  if (!('kind' in answer)) keep(text, [{ topic, ...answer }]);
  return response;
}
/** From here on, what the page is answered counts as received. */
const countAnswers = () => {
  answersCount = true;
};
const pulls = (topic) => calls[`plugin:lockstep|get_snapshot ${topic}`] ?? 0;
const listens = (topic) => calls[`plugin:event|listen ${topic}:invalidated`] ?? 0;

// Counts the deliveries to this page from here on, by standing between the backend and the receiver.
let deliveries = 0;
const deliveredTopics = new Set();
function countDeliveries() {
  for (const name of Object.getOwnPropertyNames(window).filter((each) => each.startsWith('__LOCKSTEP_'))) {
    const receive = window[name];
    const value = (text) => {
      const entries = JSON.parse(text);
      deliveries++;
      for (const { topic } of entries) deliveredTopics.add(topic);
      keep(text, entries);
      return receive(text);
    };
    Object.defineProperty(window, name, { value, configurable: true });
  }
}

/** Holds back what is delivered to this page from here on, until the function that it returns is called. */
const heldBack = [];
function holdDeliveries() {
  const [name] = Object.getOwnPropertyNames(window).filter((each) => each.startsWith('__LOCKSTEP_'));
  const receive = window[name];
  const value = (text) => heldBack.push(text) > 0;
  Object.defineProperty(window, name, { value, configurable: true });
  return () => {
    Object.defineProperty(window, name, { value: receive, configurable: true });
    for (const text of heldBack.splice(0)) receive(text);
  };
}

// Hears a topic's invalidations beside the stores.
const heard = {};
async function hear(topic) {
  heard[topic] = 0;
  await event.listen(`${topic}:invalidated`, () => heard[topic]++);
}

// Begins something that a test does not want to wait for; its outcome is asked for later, with `outcome`.
let outcome = 'nothing was begun';
function begin(job) {
  outcome = 'pending';
  job().then(
    () => {
      outcome = 'done';
    },
    (error) => {
      outcome = `failed: ${error}`;
    },
  );
}

async function times(count, job) {
  for (let n = 0; n < count; n++) await job(n);
}

/** Resolves at a moment of the wall clock, which all windows share. */
const at = (ms) => new Promise((resolve) => setTimeout(resolve, ms - Date.now()));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The longest time in which the page did nothing.
const heartbeat = {
  longest: 0,
  start() {
    let last = performance.now();
    setInterval(() => {
      const now = performance.now();
      this.longest = Math.max(this.longest, now - last);
      last = now;
    }, 10);
  },
};

/** A store whose changes are noted, each only once. */
function watched(store) {
  const seen = [];
  store.subscribe((value) => seen.push(value));
  return { store, seen };
}

/** Another copy of the guest, as a second bundle in this page would bring it. */
async function anotherGuest() {
  const script = await invoke('guest_script');
  const first = window.__TAURI__;
  // The spread leaves `lockstep` out: it is not enumerable.
  window.__TAURI__ = { ...first };
  try {
    new Function(script)();
    return window.__TAURI__.lockstep;
  } finally {
    window.__TAURI__ = first;
  }
}

// The role. What this page does in it is noted in the backend, so that a test sees the order.
let primary;
const roleOf = () => primary?.role();
// How long it takes to stop what the primary does.
let stoppingMs = 0;
function takePart(options) {
  primary = lockstep.defineRole({ logger, ...options });
  let work = Promise.resolve();
  let ofTerm;
  const note = (deed, term) => invoke('note_role', { page: pageLife, term, deed });
  primary.onRole(async (role, { term }) => {
    if (role === 'primary') {
      ofTerm = term;
      work = (async () => {
        await note('began', term);
        for (; ofTerm === term; await pause(5)) await note('worked', term);
      })();
    } else if (ofTerm !== undefined) {
      const ended = ofTerm;
      ofTerm = undefined;
      await work;
      await pause(stoppingMs);
      await note('ended', ended);
    }
  });
}

/** What this page shows, for the message of a test that failed. */
function describe() {
  const used = stores.filter((store) => store.status !== 'idle');
  const states = used.map((store) => [store.topic, { value: store.get(), revision: store.revision, status: store.status }]);
  const large = [tasks, sheet].map(({ topic, status }) => [topic, status]);
  const role = primary && [primary.role(), primary.holder];
  return { label, outcome, role, topics: Object.fromEntries(states), large, received: received.slice(-20), calls, heard, problems };
}

document.querySelector('#label').textContent = label;
const show = () => {
  document.querySelector('#status').textContent = counter.status;
  document.querySelector('#counter').textContent = counter.get();
};
counter.subscribe(show);
counter.onStatus(show);

// A reload makes a new one: a test sees by it that the page is another.
const pageLife = Math.random();
const isReady = true;
