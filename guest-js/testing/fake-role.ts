import type { FakePage } from './fake-pages.js';

/** Who holds the role, as the topic has it. */
export interface FakeHolder {
  window: string;
  session: string;
  term: string;
}

/** Gives the role to the candidate that waits longest, with a higher term each time. */
export function createFakeRole(changed: (holder: FakeHolder | null) => void) {
  const candidates: FakePage[] = [];
  let holding: FakePage | undefined;
  let term = 0;

  function remove(page: FakePage): void {
    const at = candidates.indexOf(page);
    if (at >= 0) candidates.splice(at, 1);
    if (holding !== page) return;
    holding = candidates[0];
    tell();
  }

  function tell(): void {
    const { label: window, session } = holding ?? {};
    if (window === undefined || session === undefined) changed(null);
    else changed({ window, session, term: String(++term) });
  }

  return {
    join(page: FakePage): void {
      if (!candidates.includes(page)) candidates.push(page);
      if (holding) return;
      holding = page;
      tell();
    },
    leave: remove,
    holder: () => holding,
  };
}
