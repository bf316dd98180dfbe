import type { Revision } from '../core/revision.js';

/** Which keys of the local state belong to the topic: name them, or name the others. Not both. */
export type KeysOptions<S> =
  | {
      /** Only these are assigned or removed. Default: all. */
      pickKeys?: readonly (keyof S & string)[];
      omitKeys?: undefined;
    }
  | {
      pickKeys?: undefined;
      /** These are the app's own: neither assigned nor removed. Default: none. */
      omitKeys?: readonly (keyof S & string)[];
    };

/** What `toState` is told beside the data. */
export interface ToStateContext<S> {
  /** The snapshot's revision. */
  readonly revision: Revision;
  /** The local state before it: to be read, not to be changed. */
  readonly state: Readonly<S>;
}

/** How a snapshot is put into local state. `S` is the local state, `T` the topic's. */
export type ApplierOptions<S, T = Partial<S>> = KeysOptions<S> & {
  /**
   * What happens to keys that the snapshot does not have. `patch`: they stay. `replace`: they are
   * removed, but for functions (a store's actions) and accessors, which no snapshot could have
   * brought. Default: `patch`.
   */
  mode?: 'patch' | 'replace';
  /**
   * Makes local state of the topic's, such as `(theme) => ({ theme })`. What it throws, or a
   * promise, fails the snapshot. Default: the topic's state as it is.
   */
  toState?: (data: T, context: ToStateContext<S>) => Partial<S>;
  /**
   * Whether a snapshot that is not an object (after `toState`) is an error, rather than left
   * alone. Default: true.
   */
  strict?: boolean;
};
