import { PRIMARY } from '../core/primary.js';
import type { RoleOptions } from '../core/role.js';
import type { FakeWindow } from '../testing/index.js';
import { tick } from './helpers.js';
import { setup } from './store-setup.js';

/** A fake backend whose windows take part in the role. */
export function roles() {
  const made = setup({ topics: {} });
  const roleIn = (window: FakeWindow, options?: RoleOptions) => window.role(options);
  return {
    ...made,
    roleIn,
    /** A window that has joined, and what it was told. */
    async joined(label: string, options: RoleOptions = {}) {
      const window = made.backend.window(label);
      const role = roleIn(window, options);
      const told: unknown[] = [];
      role.onRole((to, { term, window: by }) => void told.push([to, by, term]));
      await tick();
      return { window, role, told };
    },
    holder: () =>
      (made.backend.data(PRIMARY) as { holder: { window: string; term: string } | null }).holder,
  };
}
