import { copyFileSync, mkdirSync } from 'node:fs';
import { build } from 'esbuild';

mkdirSync('dist', { recursive: true });
await build({
  entryPoints: ['ui/main.ts'],
  outfile: 'dist/main.js',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  // As an app's release build has it.
  define: { 'process.env.NODE_ENV': '"production"', 'import.meta.env': '{"MODE":"production"}' },
});
copyFileSync('ui/index.html', 'dist/index.html');
