import type { Topic } from '../core/types.js';

/** One page life of one window, as the backend knows it. */
export interface FakePage {
  label: string;
  session: string;
  /** The page is taken for alive. */
  live: boolean;
  /** It was navigated away, closed or replaced: nothing brings it back. */
  gone: boolean;
  topics: Set<Topic>;
  /** Those of them that are delivered, also where they have been removed. */
  delivered: Set<Topic>;
  /** Those of them that it rests from. */
  resting: Set<Topic>;
}

const noTopics = () => ({
  topics: new Set<Topic>(),
  delivered: new Set<Topic>(),
  resting: new Set<Topic>(),
});

/**
 * Who reads what. The session of a label that last subscribed for the first time is the current
 * one; older ones are gone. A page that was only silent lives again by subscribing.
 */
export function createFakePages(onDropped: (page: FakePage) => void) {
  const pages: FakePage[] = [];
  const buried = new Set<string>();

  const find = (label: string, session: string): FakePage | undefined =>
    pages.find((page) => page.label === label && page.session === session);

  function drop(page: FakePage, forGood: boolean): void {
    const { live } = page;
    page.gone ||= forGood;
    page.live = false;
    page.topics.clear();
    page.delivered.clear();
    page.resting.clear();
    if (live) onDropped(page);
  }

  return {
    find,
    /**
     * The page, alive and a reader of the topic.
     *
     * @throws `sessionEnded` where it is gone.
     */
    subscribe(label: string, session: string, topic: Topic): FakePage {
      let page = find(label, session);
      if (buried.has(session) || page?.gone) {
        const message = `The page "${session}" of the window "${label}" has gone`;
        throw { kind: 'sessionEnded', message, window: label, session };
      }
      if (!page) {
        for (const older of pages) if (older.label === label) drop(older, true);
        page = { label, session, live: true, gone: false, ...noTopics() };
        pages.push(page);
      }
      page.live = true;
      page.topics.add(topic);
      return page;
    },
    unsubscribe(label: string, session: string, topic: Topic): void {
      const page = find(label, session);
      page?.topics.delete(topic);
      page?.delivered.delete(topic);
      page?.resting.delete(topic);
    },
    /** The app lets the label's pages read the topic no more. */
    dismiss(label: string, topic: Topic): void {
      for (const page of pages) {
        if (page.label !== label) continue;
        for (const read of [page.topics, page.delivered, page.resting]) read.delete(topic);
      }
    },
    /** The page is gone, whether or not it was known: what of it is still on its way comes too late. */
    bury: (session: string) => void buried.add(session),
    /** The label's pages are not there any more, or have only not answered. */
    drop(label: string, forGood: boolean): void {
      for (const page of pages) if (page.label === label) drop(page, forGood);
    },
    /** The topic is removed: what was subscribed to it ends. */
    forget(topic: Topic): void {
      for (const page of pages) page.topics.delete(topic);
    },
    readers: (topic: Topic): string[] =>
      pages.filter((page) => page.topics.has(topic)).map(({ label }) => label),
  };
}
