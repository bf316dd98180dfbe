import type { Revision } from '../core/revision.js';
import type { Topic, Unsubscribe } from '../core/types.js';
import type { FakeGrants } from './fake-grants.js';
import type { FakePage } from './fake-pages.js';
import type { createFakeRules } from './fake-rules.js';
import { copy } from './json.js';

/** A delivery that was sent. */
export interface FakeDelivery {
  window: string;
  /** What it holds: an answer for each topic. Empty where the page was late, and is woken. */
  entries: { topic: Topic; revision: Revision }[];
}

/** How long a page may take to acknowledge, in ms. */
const LATE_MS = 5000;

/** How often a page that was late is woken again, in ms. */
const PROBE_MS = 60_000;

interface Changed {
  revision: string;
  sourceId: string | null;
}

interface Lane {
  page: FakePage;
  receive?: ((payload: unknown) => void) | undefined;
  wake?: () => void;
  given: Map<Topic, Revision>;
  dirty: Map<Topic, Changed>;
  underWay?: object | undefined;
  stopped: boolean;
  late?: ReturnType<typeof setTimeout>;
  probe?: ReturnType<typeof setTimeout>;
}

interface Behind {
  rules: ReturnType<typeof createFakeRules>;
  grants: FakeGrants;
  has(topic: Topic): boolean;
  answer(window: string, topic: Topic, since?: Revision): object;
}

/**
 * Deliveries, as `PROTOCOL.md` has them: one under way for each page, and the newest state wins.
 */
export function createFakeDeliveries({ rules, grants, has, answer }: Behind) {
  const lanes = new Map<string, Lane>();
  const sent: FakeDelivery[] = [];
  const latest = new Map<Topic, Changed>();

  const laneOf = (page: FakePage): Lane => {
    const lane = lanes.get(page.session);
    if (lane?.page === page) return lane;
    const next = { page, given: new Map(), dirty: new Map(), stopped: false, ...receiverOf(lane) };
    lanes.set(page.session, next);
    return next;
  };
  const receiverOf = (lane?: Lane) => lane && { receive: lane.receive, wake: lane.wake };

  function entryOf(lane: Lane, topic: Topic, { revision, sourceId }: Changed): object | undefined {
    const { label } = lane.page;
    if (!has(topic) || !grants.may(label, topic, 'read')) return { topic, revision };
    const told = answer(label, topic, lane.given.get(topic)) as { unchanged?: true };
    if (told.unchanged) return undefined;
    return { topic, ...(sourceId !== null && { sourceId }), ...told };
  }

  function cross(lane: Lane, entries: FakeDelivery['entries'], arrived: () => void): void {
    const { label: window } = lane.page;
    const topic = entries[0]?.topic ?? '';
    sent.push({ window, entries: copy(entries) });
    Promise.resolve(rules.cross({ kind: 'delivery', window, topic })).then(
      (arrival) => {
        if (!lane.receive) return;
        const arrive = entries.length ? lane.receive : lane.wake;
        if (arrival === 'twice') arrive?.(copy(entries));
        arrive?.(copy(entries));
        arrived();
      },
      () => {},
    );
  }

  function pump(lane: Lane): void {
    if (lane.underWay || lane.stopped || !lane.dirty.size) return;
    const taken = new Map(
      [...lane.dirty].filter(
        ([topic]) => lane.page.delivered.has(topic) && !lane.page.resting.has(topic),
      ),
    );
    lane.dirty.clear();
    const entries = [...taken].flatMap(([topic, changed]) => entryOf(lane, topic, changed) ?? []);
    if (!entries.length) return;
    const ticket = {};
    lane.underWay = ticket;
    clearTimeout(lane.late);
    lane.late = setTimeout(() => {
      lane.stopped = true;
      for (const [topic, changed] of taken) {
        lane.given.delete(topic);
        if (!lane.dirty.has(topic)) lane.dirty.set(topic, changed);
      }
      wakeUp(lane);
    }, LATE_MS);
    cross(lane, entries as FakeDelivery['entries'], () => {
      if (lane.underWay !== ticket) return;
      clearTimeout(lane.late);
      clearTimeout(lane.probe);
      lane.underWay = undefined;
      lane.stopped = false;
      for (const { topic, revision, ...rest } of entries as FakeDelivery['entries']) {
        if (Object.keys(rest).length) gave(lane, topic, revision);
        else lane.given.delete(topic);
      }
      pump(lane);
    });
  }

  function wakeUp(lane: Lane): void {
    if (!lane.stopped || !lane.page.delivered.size) return;
    cross(lane, [], () => {});
    clearTimeout(lane.probe);
    lane.probe = setTimeout(() => wakeUp(lane), PROBE_MS);
  }

  function gave(lane: Lane, topic: Topic, revision: Revision): void {
    const before = lane.given.get(topic);
    if (before === undefined || BigInt(before) < BigInt(revision)) lane.given.set(topic, revision);
  }

  return {
    sent,
    /** The page takes what is delivered to its session. */
    receive(session: string, receive: (payload: unknown) => void, wake: () => void): Unsubscribe {
      const lane = laneOf(lanes.get(session)?.page ?? ({ session } as FakePage));
      Object.assign(lane, { receive, wake });
      return () => {
        lane.receive = undefined;
      };
    },
    /** Nothing reaches the page any more. */
    vanish(session: string): void {
      const lane = lanes.get(session);
      if (lane) lane.receive = undefined;
    },
    /** The page is delivered the topic from here on, or rests from that. */
    open(page: FakePage, topic: Topic, rests: boolean): void {
      const lane = laneOf(page);
      page.delivered.add(topic);
      if (rests) {
        page.resting.add(topic);
        lane.dirty.delete(topic);
      } else if (page.resting.delete(topic)) {
        lane.dirty.set(topic, latest.get(topic) ?? { revision: '0', sourceId: null });
      }
      if (lane.stopped) {
        lane.stopped = false;
        lane.underWay = undefined;
      }
      pump(lane);
    },
    /** The page may have stopped reading: nobody waits for it then. */
    rest(session: string): void {
      const lane = lanes.get(session);
      if (!lane || lane.page.delivered?.size) return;
      clearTimeout(lane.late);
      clearTimeout(lane.probe);
      lane.underWay = undefined;
    },
    /** The session was answered. */
    gave(session: string | undefined, topic: Topic, told: unknown): void {
      const lane = session === undefined ? undefined : lanes.get(session);
      const { revision, withheld } = Object(told);
      if (lane && typeof revision === 'string' && !withheld)
        gave(lane, topic, revision as Revision);
    },
    changed(topic: Topic, revision: string, sourceId: string | null): void {
      latest.set(topic, { revision, sourceId: null });
      for (const lane of [...lanes.values()]) {
        if (!lane.page.delivered?.has(topic) || lane.page.resting.has(topic)) continue;
        const before = lane.dirty.get(topic);
        const source = before && before.sourceId !== sourceId ? null : sourceId;
        lane.dirty.set(topic, { revision, sourceId: source });
        // A window that writes is answered first, and not told again.
        Promise.resolve().then(() => pump(lane));
      }
    },
  };
}
