import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [vue()],
  // Tauri's messages stay on the screen.
  clearScreen: false,
  // The port of `devUrl` in tauri.conf.json.
  server: { port: 1440, strictPort: true },
  // The plugin's guest comes from this repository, with copies of its own.
  resolve: { dedupe: ['@tauri-apps/api', 'pinia', 'vue'] },
});
