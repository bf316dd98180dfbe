import { type Deferred, deferred } from '../core/deferred.js';
import type { Topic, Unsubscribe } from '../core/types.js';
import type { FakeCommand } from './fake-recorder.js';

/** One crossing between a window and the backend. */
export interface Hop {
  kind: 'listen' | 'event' | 'delivery' | 'request' | 'hook' | 'response';
  window: string;
  /**
   * Of `list_topics`: the prefix; of a topic that the backend is to name: its family; of a delivery:
   * the first of its topics, or nothing where a page that was late is woken.
   */
  topic: Topic;
  /** For requests and responses. */
  command?: Exclude<FakeCommand, 'listen'>;
}

/** Which crossings: those that have all of these fields, or for which the function says so. */
export type HopMatch = Partial<Hop> | ((hop: Hop) => boolean);

/**
 * What a rule does with a crossing: it arrives when the promise resolves, twice if that is with
 * `'twice'`, and fails when it rejects. Undefined leaves the crossing to the next rule.
 */
export type HopAction = (hop: Hop) => Promise<unknown> | undefined;

/** For how long a rule is there. */
export interface RuleOptions {
  /** It ends by itself after so many crossings. Default: never. */
  times?: number;
}

/** How a rule makes crossings fail. */
export interface FailOptions extends RuleOptions {
  /** What calls reject with. Default: `new Error('down')`. */
  error?: unknown;
}

/** Crossings that wait until they are told to go on, one by one, in any order. */
export interface HeldHops {
  /** What waits, the oldest first. */
  readonly waiting: readonly Hop[];
  /** Lets one arrive: the oldest, or that of an index, which counts round. False: none waits. */
  deliver(index?: number): boolean;
  /** Loses an event or a delivery, or fails a call. */
  lose(index?: number, error?: unknown): boolean;
  /** Lets all that wait arrive, in the order in which they were sent, or in the reverse. */
  deliverAll(order?: { reversed?: boolean }): void;
  /** Holds no more; what waits goes on waiting. */
  stop(): void;
  /** Holds no more, and lets all that wait arrive. */
  release(): void;
}

/**
 * What crosses between windows and backend arrives at once, unless a rule says otherwise. Of the
 * rules that match a crossing, the oldest decides. Each method returns what ends the rule.
 *
 * A command makes two crossings, `request` and `response`: a rule without a `kind` meets both.
 * To lose the request is to lose the command; to lose the response is to leave the window in the
 * dark about one that was run.
 *
 * Between the two, `write`, `create_topic` and `remove_topic` are at the app's hooks, which only a
 * rule of the kind `hook` meets: what it holds or delays is a hook that takes long, and the call
 * counts as under way for `busy`; what it fails has changed nothing.
 */
export interface FakeRules {
  /** The most general: does what the function says. */
  rule(match: HopMatch, act: HopAction, options?: RuleOptions): Unsubscribe;
  /** Arrives so many ms later. Where they differ from one to the next, order is lost. */
  delay(match: HopMatch, ms: number | ((hop: Hop) => number), options?: RuleOptions): Unsubscribe;
  /** Events and deliveries are lost; calls, and `listen`, reject. */
  fail(match: HopMatch, options?: FailOptions): Unsubscribe;
  /** Never arrives, and nobody is told: a call hangs. */
  drop(match: HopMatch, options?: RuleOptions): Unsubscribe;
  /** Arrives twice: an event is heard again, a command is run again and its answer is lost. */
  repeat(match: HopMatch, options?: RuleOptions): Unsubscribe;
  /** Waits until it is told to go on. */
  hold(match?: HopMatch): HeldHops;
}

interface Rule {
  match: HopMatch;
  act: HopAction;
  left: number;
  /** What it keeps is not on its way. */
  parks: boolean;
}

const never = (): Promise<never> => new Promise(() => {});

/** The rules of one backend, and what asks them. */
export function createFakeRules() {
  let rules: Rule[] = [];
  let underWay = 0;

  function add(
    match: HopMatch,
    act: HopAction,
    { times = Number.POSITIVE_INFINITY }: RuleOptions = {},
    parks = false,
  ): Unsubscribe {
    const rule = { match, act, left: times, parks };
    rules.push(rule);
    return () => {
      rules = rules.filter((each) => each !== rule);
    };
  }

  function hold(match: HopMatch = {}): HeldHops {
    const held: { hop: Hop; crossing: Deferred<void> }[] = [];
    const end = add(
      match,
      (hop) => {
        const crossing = deferred<void>();
        held.push({ hop, crossing });
        return crossing.promise;
      },
      {},
      true,
    );
    const take = (index: number) =>
      held.length ? held.splice(index % held.length, 1)[0]?.crossing : undefined;
    const deliverAll: HeldHops['deliverAll'] = ({ reversed = false } = {}) => {
      const all = held.splice(0);
      for (const { crossing } of reversed ? all.reverse() : all) crossing.resolve();
    };
    return {
      get waiting() {
        return held.map(({ hop }) => hop);
      },
      deliver(index = 0) {
        const crossing = take(index);
        crossing?.resolve();
        return crossing !== undefined;
      },
      lose(index = 0, error = new Error('lost')) {
        const crossing = take(index);
        crossing?.reject(error);
        return crossing !== undefined;
      },
      deliverAll,
      stop: end,
      release() {
        end();
        deliverAll();
      },
    };
  }

  const api: FakeRules = {
    rule: add,
    delay: (match, ms, options) =>
      add(
        match,
        (hop) =>
          new Promise((resolve) => {
            setTimeout(resolve, typeof ms === 'number' ? ms : ms(hop));
          }),
        options,
      ),
    fail: (match, { error = new Error('down'), ...options } = {}) =>
      add(match, () => Promise.reject(error), options),
    drop: (match, options) => add(match, never, options, true),
    repeat: (match, options) => add(match, async () => 'twice', options),
    hold,
  };

  return {
    api,
    /** What becomes of a crossing; undefined where it arrives at once. */
    cross(hop: Hop): Promise<unknown> | undefined {
      for (const rule of rules) {
        if (rule.left <= 0 || !matches(rule.match, hop)) continue;
        const acting = rule.act(hop);
        if (!acting) continue;
        rule.left--;
        if (rule.parks) return acting;
        underWay++;
        return acting.finally(() => {
          underWay--;
        });
      }
      return undefined;
    },
    /** How many crossings a rule slows down; not those that it holds, or has dropped. */
    underWay: () => underWay,
  };
}

function matches(match: HopMatch, hop: Hop): boolean {
  if (typeof match === 'function') return match(hop);
  if (hop.kind === 'hook' && match.kind !== 'hook') return false;
  return Object.entries(match).every(([key, value]) => hop[key as keyof Hop] === value);
}
