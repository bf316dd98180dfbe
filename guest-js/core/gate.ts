import { compareRevisions, type Revision, ZERO_REVISION } from './revision.js';
import type { Answer } from './wire.js';

/** How often a pull follows one that was still older than what had been announced. */
export const FOLLOW_UPS = 4;

/** What to do with an answer. `rebase`: it cannot be used as it is; pull the whole. */
export type Verdict = 'apply' | 'skip' | 'rebase';

/** What to do after a successful pull. `later`: pull again after a back-off. */
export type Next = 'rest' | 'now' | 'later';

/**
 * What decides whether to pull and whether to apply: pure bookkeeping, no I/O, no timers.
 *
 * - **I7** An answer is applied only if it is strictly newer than what was applied before; a
 *   patch only on exactly its base. The revision moves by {@link Gate.moved} alone, which is
 *   called after the applier has succeeded.
 * - **I6** An announcement's revision is never more than a reason to ask: it is compared, and
 *   never becomes the handle's own.
 * - **I8** An announcement is answered by a pull that began after it, or by being overtaken; an
 *   explicit demand by a pull that began after it, and nothing else. Where that pull is still
 *   older than announced, {@link FOLLOW_UPS} more follow; then the owner's answer stands. So a
 *   forged revision costs a handful of pulls, and the next announcement starts afresh.
 *
 * "Began after" is kept by tickets: each demand and announcement takes the next number, and a
 * pull carries the highest number given out when it began.
 */
export interface Gate {
  revision(): Revision;
  /**
   * The revision, or undefined where nothing was applied yet: the first snapshot is newer than
   * nothing, whatever its revision.
   */
  since(): Revision | undefined;
  newer(than: Revision): boolean;
  /** The highest ticket given out: what a pull that begins now answers. */
  now(): number;
  /** Somebody asks for a pull that begins after this. */
  demand(): number;
  /** Somebody says there is `revision`. Whether that is a reason to pull. */
  announce(revision: Revision): boolean;
  judge(answer: Answer): Verdict;
  /** The applier has succeeded. */
  moved(to: Revision): void;
  /** Whether somebody has asked, or announced something newer, since a pull that began at `ticket`. */
  asked(ticket: number): boolean;
  /** A pull that began at `ticket` has succeeded. */
  next(ticket: number): Next;
  /** How many follow-ups in a row were asked for. */
  followUps(): number;
}

export function createGate(): Gate {
  let revision = ZERO_REVISION;
  let fresh = true;
  let tickets = 0;
  let demandedAt = 0;
  let announcedAt = 0;
  let wanted = ZERO_REVISION;
  let followUps = 0;

  const newer = (other: Revision): boolean => compareRevisions(other, revision) > 0;
  const asked = (ticket: number): boolean =>
    demandedAt > ticket || (announcedAt > ticket && newer(wanted));

  return {
    revision: () => revision,
    since: () => (fresh ? undefined : revision),
    newer,
    now: () => tickets,
    demand() {
      demandedAt = ++tickets;
      return demandedAt;
    },
    announce(announced) {
      if (!newer(announced)) return false;
      if (compareRevisions(announced, wanted) > 0) wanted = announced;
      announcedAt = ++tickets;
      followUps = 0;
      return true;
    },
    judge({ revision: offered, data, base, patch }) {
      if (!fresh && !newer(offered)) return 'skip';
      // JSON has no undefined: data that is there is something.
      return data !== undefined || (patch && !fresh && base === revision) ? 'apply' : 'rebase';
    },
    moved(to) {
      revision = to;
      fresh = false;
    },
    asked,
    next(ticket) {
      if (asked(ticket)) return 'now';
      if (newer(wanted) && followUps++ < FOLLOW_UPS) return 'later';
      wanted = ZERO_REVISION;
      followUps = 0;
      return 'rest';
    },
    followUps: () => followUps,
  };
}
