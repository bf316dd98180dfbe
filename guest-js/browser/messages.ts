import type { Revision } from '../core/revision.js';
import type { InvalidationEvent, Topic } from '../core/types.js';

/** `from` leads, and has these topics. */
export interface Lead {
  type: 'lead';
  from: string;
  counter: Revision;
  revisions: Record<Topic, Revision>;
}

/** For the leader. `method` is one of `Transport`. */
export interface CallMessage {
  type: 'call';
  from: string;
  /** Begins with the tab. */
  id: string;
  label: string;
  method: string;
  args: unknown[];
}

/** What tabs send one another. Every tab hears all of it. */
export type Message =
  /** Who leads? */
  | { type: 'hello' }
  | Lead
  /** `from` leads no more. */
  | { type: 'resign'; from: string }
  /** `from` is about to lead: how far has everybody heard? */
  | { type: 'ask'; from: string }
  | { type: 'heard'; from: string; to: string; counter: Revision }
  | CallMessage
  | { type: 'answer'; to: string; id: string; counter: Revision; result?: unknown; error?: unknown }
  | { type: 'event'; counter: Revision; event: InvalidationEvent };
