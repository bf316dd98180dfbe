import { configure, defineCollection, defineTopic } from 'tauri-plugin-lockstep-api';
import { type Contender, type Document, type Entity, withProbe } from '../contender.js';

interface AddOne {
  type: 'addOne';
}

const document = defineTopic<Document, AddOne>('document');
const addOne = (state: Document) => withProbe(state, (value) => value + 1);

/** Lockstep, with the document as one topic. */
export const lockstep: Contender = {
  async start(show) {
    document.subscribe(show);
    await document.ready;
  },
  async write(value) {
    await document.merge({ probe: { value } });
  },
  counts: {
    async update() {
      await document.update(addOne);
    },
    async 'an action'() {
      await document.dispatch({ type: 'addOne' });
    },
    async 'an optimistic action'() {
      await document.dispatch({ type: 'addOne' }, { optimistic: addOne });
    },
  },
};

/** The same, in a page whose stores wait for their first state. */
export const lockstepFirstPaint: Contender = {
  start(show) {
    configure({ firstPaint: true });
    // It is there at once; a listener hears of the next.
    const first = document.get();
    if (first) show(first);
    return lockstep.start(show);
  },
};

const entities = defineCollection<Entity>('entities');

/** Lockstep, with the document as a collection: a page listens to the entity that it shows. */
export const lockstepCollection: Contender = {
  async start(show) {
    entities.key('probe').subscribe((probe) => {
      if (probe) show({ probe });
    });
    await entities.ready;
  },
  async write(value) {
    await entities.merge('probe', { value });
  },
  counts: {
    async update() {
      await entities.update('probe', (probe) => probe && { ...probe, value: probe.value + 1 });
    },
  },
};
