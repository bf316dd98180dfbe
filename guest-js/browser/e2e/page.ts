// The page that the tests open in real tabs: set up as an app would, with bindings that know nothing
// of the browser.
import { defineTopic } from '../../index.js';
import { installBrowserTransport } from '../index.js';

interface State {
  count: number;
  by: Record<string, number>;
}

interface Action {
  by: string;
}

const add = (state: State, { by }: Action): State => ({
  count: state.count + 1,
  by: { ...state.by, [by]: (state.by[by] ?? 0) + 1 },
});

const state = defineTopic<State, Action>('state');

const transport = installBrowserTransport({
  topics: { state: { initial: { count: 0, by: {} }, reduce: add } },
});

const app = {
  state,
  role: () => transport?.role(),
  /** Adds so often, one by one. */
  async add(how: 'dispatch' | 'update', times: number, by: string): Promise<string> {
    for (let i = 0; i < times; i++) {
      if (how === 'dispatch') await state.dispatch({ by });
      else await state.update((now) => add(now, { by }));
      // Each to the outside: a tab that is killed could not be asked any more.
      console.log('acknowledged');
    }
    return 'done';
  },
};

state.subscribe(() => {});
Object.assign(globalThis, { app });
