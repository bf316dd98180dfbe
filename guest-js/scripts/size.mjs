// What a window pays, minified and gzipped, without @tauri-apps/api and the frameworks. Fails over
// a limit. A limit is what was reached, rounded up: it is raised only with what a store can do, and
// said so in the commit; the goal is where it should come to. The README's table has to be what is
// measured here: `npm run size -- --write` writes it.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** What a bare applier gets its snapshots from. */
const BARE = "export { createTauriRevisionSync } from './index.js';";

/**
 * What is imported from where; without names, everything. `beyond`: what the app has already. Without
 * a limit it is only told. `shown`: what the README calls it.
 */
const LIMITS = [
  {
    entry: './index.js',
    names: ['createTauriRevisionSync'],
    shown: '`createTauriRevisionSync`, for a store of your own',
    limit: 3200,
    goal: 1900,
  },
  // An applier is of no use without what brings it snapshots, and shares some of that.
  {
    entry: './appliers/pinia.js',
    names: ['createPiniaSnapshotApplier'],
    beyond: BARE,
    shown: 'beyond `createTauriRevisionSync`, the applier for Pinia',
    limit: 600,
    goal: 600,
  },
  {
    entry: './appliers/zustand.js',
    names: ['createZustandSnapshotApplier'],
    beyond: BARE,
    shown: 'beyond `createTauriRevisionSync`, the applier for Zustand',
    limit: 550,
    goal: 600,
  },
  {
    entry: './appliers/valtio.js',
    names: ['createValtioSnapshotApplier'],
    beyond: BARE,
    shown: 'beyond `createTauriRevisionSync`, the applier for Valtio',
    limit: 550,
    goal: 600,
  },
  {
    entry: './vue/index.js',
    names: ['createVueSnapshotApplier'],
    beyond: BARE,
    shown: 'beyond `createTauriRevisionSync`, the applier for Vue',
    limit: 700,
    goal: 600,
  },
  {
    entry: './svelte/index.js',
    names: ['createSvelteSnapshotApplier'],
    beyond: BARE,
    shown: 'beyond `createTauriRevisionSync`, the applier for Svelte',
    limit: 650,
    goal: 600,
  },
  {
    entry: './index.js',
    names: ['defineReadonlyTopic'],
    shown: '`defineReadonlyTopic`: the store of a window that only reads',
    limit: 9100,
    goal: 3000,
  },
  {
    entry: './index.js',
    names: ['defineTopic'],
    shown: '`defineTopic`: the everyday store, with all kinds of writes',
    limit: 11300,
    goal: 6000,
  },
  { entry: './index.js', names: ['defineCollection'], limit: 11800, goal: 6500 },
  {
    entry: './index.js',
    names: ['defineCollection'],
    beyond: "export { defineTopic } from './index.js';",
    shown: 'beyond that, `defineCollection`',
    limit: 1250,
    goal: 900,
  },
  { entry: './index.js', names: ['defineTopicFamily'], limit: 12050, goal: 6750 },
  { entry: './index.js', names: ['defineRole'], limit: 10650, goal: 7150 },
  {
    entry: './react/index.js',
    names: [
      'useTopic',
      'useTopicSelector',
      'useTopicStatus',
      'useTopicPending',
      'useTopicStore',
      'TopicProvider',
    ],
    shown: 'the React binding, for topics',
    limit: 700,
    goal: 800,
  },
  { entry: './react/index.js', limit: 900, goal: 900 },
  {
    entry: './vue/index.js',
    names: ['useTopic', 'topicKey'],
    shown: 'the Vue binding',
    limit: 350,
    goal: 300,
  },
  {
    entry: './svelte/index.js',
    names: ['topicState'],
    shown: 'the Svelte binding',
    limit: 250,
    goal: 200,
  },
  { entry: './svelte/index.js', names: ['topicReadable', 'topicStatus'], limit: 200, goal: 200 },
  { entry: './appliers/pinia.js', limit: 750, goal: 600 },
  { entry: './appliers/zustand.js', limit: 700, goal: 600 },
  { entry: './appliers/valtio.js', limit: 650, goal: 600 },
  { entry: './vue/index.js', names: ['createVueSnapshotApplier'], limit: 800, goal: 600 },
  { entry: './svelte/index.js', names: ['createSvelteSnapshotApplier'], limit: 800, goal: 600 },
  {
    entry: './browser/index.js',
    names: ['installBrowserTransport'],
    shown: 'beyond the store, `installBrowserTransport`',
    beyond: "export { defineTopic } from './index.js';",
    limit: 5050,
    goal: 4500,
  },
  {
    entry: './browser/index.js',
    names: ['createPersistenceApplier', 'createLocalStorageBackend'],
    limit: 1250,
    goal: 1000,
  },
  // No window pays for it.
  { entry: './testing/index.js' },
];

const resolveDir = fileURLToPath(new URL('..', import.meta.url));
const readme = fileURLToPath(new URL('../../README.md', import.meta.url));
const [BEGIN, END] = ['<!-- sizes -->\n', '<!-- end of sizes -->'];
const table = ['| what is imported | min+gzip |', '|---|---|'];
let failed = false;

async function sizeOf(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir, loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    external: ['@tauri-apps/api', 'react', 'svelte', 'vue'],
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

for (const { entry, names, beyond = '', limit, goal, shown } of LIMITS) {
  const what = names ? `{ ${names.join(', ')} }` : '*';
  const all = await sizeOf(`${beyond} export ${what} from '${entry}';`);
  const size = beyond ? all - (await sizeOf(beyond)) : all;
  const over = size > limit;
  failed ||= over;
  const name = `${beyond && 'beyond: '}${names?.join(', ') ?? `all of ${entry}`}`;
  const bounds = limit === undefined ? '' : ` of ${limit} B, goal ${goal} B`;
  if (shown) table.push(`| ${shown} | ${(Math.ceil(size / 100) / 10).toFixed(1)} KB |`);
  console.log(`${over ? 'OVER' : 'ok  '} ${name}: ${size} B${bounds} (min+gzip)`);
}

const text = readFileSync(readme, 'utf8');
const [before, rest] = text.split(BEGIN);
const now = `${before}${BEGIN}${table.join('\n')}\n${END}${rest.split(END)[1]}`;
if (process.argv.includes('--write')) writeFileSync(readme, now);
else if (now !== text) {
  console.log('OVER README.md shows other sizes: run `npm run size -- --write`');
  failed = true;
}

if (failed) process.exit(1);
