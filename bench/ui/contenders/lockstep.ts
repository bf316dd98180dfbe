import { defineTopic } from 'tauri-plugin-lockstep-api';
import { type Contender, type Document, withProbe } from '../contender.js';

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
