import { LockstepError } from 'tauri-plugin-lockstep-api';
import { type Ref, ref } from 'vue';

/** Waits for a change. Resolves with whether it was made. */
export type Attempt = (change: Promise<unknown>) => Promise<boolean>;

/** What came of the last change that a control asked for. */
export interface UseRefusal {
  /** Why it was refused, for people; empty if it was not. */
  readonly refusal: Ref<string>;
  readonly attempt: Attempt;
}

export function useRefusal(): UseRefusal {
  const refusal = ref('');
  let latest = 0;

  async function attempt(change: Promise<unknown>): Promise<boolean> {
    latest += 1;
    const mine = latest;
    const reason = await change.then(() => '', reasonOf);
    if (mine === latest) refusal.value = reason;
    return !reason;
  }

  return { refusal, attempt };
}

/** The app's own words, where its rules refuse; else what Lockstep or Tauri says. */
function reasonOf(error: unknown): string {
  if (error instanceof LockstepError && error.reason) return error.reason;
  return error instanceof Error ? error.message : String(error);
}
