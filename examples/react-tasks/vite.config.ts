import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // Tauri's messages stay on the screen.
  clearScreen: false,
  // The port of `devUrl` in tauri.conf.json.
  server: { port: 1430, strictPort: true },
  // The plugin's guest comes from this repository, with copies of its own.
  resolve: { dedupe: ['@tauri-apps/api', 'react', 'react-dom'] },
});
