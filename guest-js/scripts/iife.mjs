// Builds `api-iife.js`, the script that Tauri puts into every page of an app with
// `withGlobalTauri`. With `--check` it writes nothing and fails where the file is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const target = `${root}api-iife.js`;

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['guest-js/index.ts'],
  bundle: true,
  minify: true,
  write: false,
  format: 'iife',
  globalName: '__TAURI_PLUGIN_LOCKSTEP__',
  target: 'es2020',
  // No bundler of the app's will replace it in this script.
  define: { 'process.env.NODE_ENV': '"production"' },
});

const script = outputFiles[0].text.trim();
const text = `if('__TAURI__'in window){${script}Object.defineProperty(window.__TAURI__,'lockstep',{value:__TAURI_PLUGIN_LOCKSTEP__})}\n`;

if (process.argv.includes('--check')) {
  let found = '';
  try {
    found = readFileSync(target, 'utf8');
  } catch {
    // A missing file is out of date, too.
  }
  if (found !== text) {
    console.error('api-iife.js is out of date: run `npm run build` and commit it');
    process.exit(1);
  }
  console.log('api-iife.js is up to date');
} else {
  writeFileSync(target, text);
  console.log(`api-iife.js: ${Buffer.byteLength(text)} B`);
}
