import { useSyncExternalStore } from 'react';
import { defineRole } from 'tauri-plugin-lockstep-api';

/** One page of the app is the primary, whichever has been there for longest. */
export const primary = defineRole();

/** The term of this page's turn as the primary; undefined where another page is. */
export const usePrimaryTerm = (): string | undefined =>
  useSyncExternalStore(primary.onRole, () => primary.term);
