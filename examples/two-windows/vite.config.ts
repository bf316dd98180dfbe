import { defineConfig } from 'vite';

export default defineConfig({
  // Tauri's messages stay on the screen.
  clearScreen: false,
  // The port of `devUrl` in tauri.conf.json.
  server: { port: 1420, strictPort: true },
  // The plugin's guest comes from this repository, with a copy of its own.
  resolve: { dedupe: ['@tauri-apps/api'] },
});
