/** One of a document's entities; about 200 bytes of JSON in most jobs. */
export interface Entity {
  value: number;
  title: string;
  done: boolean;
  tags: string[];
}

/** The state of every job. Each has an entity called `probe`, whose `value` is what writes change. */
export type Document = Record<string, Entity>;

/** What a contender does in a page. `src/contender.rs` is the other half. */
export interface Contender {
  /**
   * Makes the page follow the state: calls `show` with the first state and with each one after it.
   * Resolves when the page follows.
   */
  start(show: (document: Document) => void): Promise<void>;
  /** Writes the probe's value in the ordinary way; resolves when that is done. */
  write?(value: number): Promise<void>;
  /** The ways to add one to the probe's value, by name. */
  counts?: Record<string, () => Promise<void>>;
}

export function withProbe(document: Document, change: (value: number) => number): Document {
  const { probe } = document;
  if (!probe) throw new Error('there is no state yet');
  return { ...document, probe: { ...probe, value: change(probe.value) } };
}
