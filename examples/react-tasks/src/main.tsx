import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { configure } from 'tauri-plugin-lockstep-api';
import { App } from './App';
import { countWhilePrimary } from './shared/timer';

// The first frame shows the tasks.
configure({ firstPaint: true });

// The page counts, not a component: whatever it shows, it may be the primary.
const stopCounting = countWhilePrimary();
import.meta.hot?.dispose(stopCounting);

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
