/** A page that would hold the role. */
export interface Candidate {
  window: string;
  session: string;
  tab: string;
}

/**
 * Who waits for the role of the primary: the longest-waiting page holds it. Only the leading tab
 * knows; when another takes over, the pages hear that nobody holds the role, and join again.
 */
export function createCandidates(changed: (holder: Candidate | undefined) => void) {
  let waiting: Candidate[] = [];

  function keep(only: (candidate: Candidate) => boolean): void {
    const [holder] = waiting;
    waiting = waiting.filter(only);
    if (waiting[0] !== holder) changed(waiting[0]);
  }

  return {
    join(candidate: Candidate): void {
      if (waiting.some(({ session }) => session === candidate.session)) return;
      waiting.push(candidate);
      if (waiting.length === 1) changed(candidate);
    },
    leave: (session: string): void => keep((candidate) => candidate.session !== session),
    gone: (tab: string): void => keep((candidate) => candidate.tab !== tab),
  };
}
