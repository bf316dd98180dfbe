import { load, type Store } from '@tauri-apps/plugin-store';
import { type Contender, type Document, type Entity, withProbe } from '../contender.js';

// The files are never written: what is compared is what goes between windows.
const open = (file: string): Promise<Store> => load(file, { autoSave: false, defaults: {} });

let store: Store;
let document: Document;

/** The official store plugin, with the whole document under one key. */
export const storeWhole: Contender = {
  async start(show) {
    store = await open('whole.json');
    const become = (next: Document | undefined) => {
      if (!next) return;
      document = next;
      show(next);
    };
    await store.onKeyChange<Document>('document', become);
    become(await store.get<Document>('document'));
  },
  write: (value) =>
    store.set(
      'document',
      withProbe(document, () => value),
    ),
  counts: {
    async 'get, set'() {
      const current = await store.get<Document>('document');
      if (current)
        await store.set(
          'document',
          withProbe(current, (value) => value + 1),
        );
    },
  },
};

/** The official store plugin, with a key for each entity. */
export const storeKeyed: Contender = {
  async start(show) {
    store = await open('keyed.json');
    document = {};
    await store.onChange<Entity>((key, value) => {
      if (value) document[key] = value;
      else delete document[key];
      if (document.probe) show(document);
    });
    for (const [key, value] of await store.entries<Entity>()) document[key] ??= value;
    show(document);
  },
  write: (value) => store.set('probe', { ...document.probe, value }),
  counts: {
    async 'get, set'() {
      const probe = await store.get<Entity>('probe');
      if (probe) await store.set('probe', { ...probe, value: probe.value + 1 });
    },
  },
};
