import { getCurrentWebviewWindow } from '@tauri-apps/api/webviewWindow';
import type { TopicStatus } from 'tauri-plugin-lockstep-api';
import { byId } from './dom';
import { counter, list, presence, settings } from './lockstep';

const STORES = [settings, counter, list, presence];

/** How bad each status is: the worst of the four topics is shown. */
const BADNESS: Record<TopicStatus, number> = {
  denied: 7,
  removed: 6,
  closed: 5,
  stale: 4,
  idle: 3,
  connecting: 2,
  syncing: 1,
  synchronized: 0,
};

// A pull takes a few milliseconds: no reason for a light to flash.
const WORTH_SHOWING_MS = 250;

const pill = byId('status', HTMLElement);
let timer: ReturnType<typeof setTimeout> | undefined;

function renderStatus(): void {
  clearTimeout(timer);
  const worst = STORES.map((store) => store.status).reduce((a, b) =>
    BADNESS[a] < BADNESS[b] ? b : a,
  );
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
