import { byId } from './dom';

const SHOWN_MS = 12_000;

const toast = byId('toast', HTMLElement);
const text = byId('error', HTMLElement);
let timer: ReturnType<typeof setTimeout> | undefined;

/** Shows why something was refused: the message of a `LockstepError` says what to do about it. */
export function showError(error: unknown): void {
  text.textContent = error instanceof Error ? error.message : String(error);
  toast.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(hide, SHOWN_MS);
}

function hide(): void {
  toast.hidden = true;
}

byId('toast-close', HTMLButtonElement).addEventListener('click', hide);
