import { getCurrentWebviewWindow } from '@tauri-apps/api/webviewWindow';
import type { TopicStatus } from 'tauri-plugin-lockstep-api';
import { byId } from './dom';
import { counter, list, presence, settings } from './lockstep';

const STORES = [settings, counter, list, presence];

/** The status of four topics in one: the first of these that any of them has. */
const WORST_FIRST: TopicStatus[] = [
  'denied',
  'closed',
  'stale',
  'idle',
  'connecting',
  'syncing',
  'synchronized',
];

// A pull takes a few milliseconds: no reason for a light to flash.
const WORTH_SHOWING_MS = 250;

const pill = byId('status', HTMLElement);
let timer: ReturnType<typeof setTimeout> | undefined;

function renderStatus(): void {
  clearTimeout(timer);
  const statuses = STORES.map((store) => store.status);
  const worst = WORST_FIRST.find((status) => statuses.includes(status)) ?? 'idle';
  const show = (): void => {
    pill.textContent = pill.dataset.status = worst;
  };
  if (worst === 'syncing') timer = setTimeout(show, WORTH_SHOWING_MS);
  else show();
}

for (const store of STORES) {
  const revision = byId(`revision-${store.topic}`, HTMLElement);
  const renderRevision = (): void => {
    revision.textContent = store.revision;
  };
  store.subscribe(renderRevision);
  store.onStatus(() => {
    renderRevision();
    renderStatus();
  });
}

byId('label', HTMLElement).textContent = getCurrentWebviewWindow().label;
