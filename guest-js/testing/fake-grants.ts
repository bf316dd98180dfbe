import type { Topic, Unsubscribe } from '../core/types.js';

/** What a window wants to do with a topic. `admin`: create or remove it. */
export type FakeAccess = 'read' | 'write' | 'admin' | 'role';

/** What is denied: what has all of these fields. */
export interface DenyMatch {
  window?: string;
  topic?: Topic;
  access?: FakeAccess;
}

/** The app's own word on a denial. Without: it is a capability that is missing. */
export interface DenyReason {
  code: string;
  reason: string;
}

interface Denial {
  match: DenyMatch;
  why: DenyReason | undefined;
}

const PERMISSIONS = {
  read: 'lockstep:default',
  write: 'lockstep:write',
  admin: 'lockstep:admin',
  role: 'lockstep:role',
};

/** Who may do what. */
export function createFakeGrants(
  grants: (window: string, topic: Topic, access: FakeAccess) => boolean = () => true,
) {
  let denials: Denial[] = [];

  const denial = (window: string, topic: Topic, access: FakeAccess): Denial | undefined =>
    denials.find(({ match }) =>
      Object.entries({ window, topic, access }).every(
        ([key, value]) => (match[key as keyof DenyMatch] ?? value) === value,
      ),
    );

  return {
    may: (window: string, topic: Topic, access: FakeAccess): boolean =>
      !denial(window, topic, access) && grants(window, topic, access),
    authorise(window: string, topic: Topic, access: FakeAccess): void {
      const denied = denial(window, topic, access);
      if (!denied && grants(window, topic, access)) return;
      throw {
        kind: 'denied',
        message: `The window "${window}" may not ${access} "${topic}"`,
        topic,
        window,
        ...(denied?.why ?? { permission: PERMISSIONS[access] }),
      };
    },
    /** Of the app's own denials, those of a window whatever it asks for refuse its page. */
    admit(window: string, prefix: string): void {
      const refusal = denials.find(
        ({ match, why }) =>
          why && (match.window ?? window) === window && !match.topic && !match.access,
      );
      if (!refusal) return;
      const message = `The app refuses the window "${window}"`;
      throw { kind: 'denied', message, topic: `${prefix}*`, window, ...refusal.why };
    },
    deny(match: DenyMatch, why?: DenyReason): Unsubscribe {
      const added = { match, why };
      denials.push(added);
      return () => {
        denials = denials.filter((each) => each !== added);
      };
    },
  };
}

export type FakeGrants = ReturnType<typeof createFakeGrants>;
