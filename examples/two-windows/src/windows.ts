import { invoke } from '@tauri-apps/api/core';
import { getCurrentWebviewWindow } from '@tauri-apps/api/webviewWindow';
import { byId, create } from './dom';
import { showError } from './errors';
import { presence } from './lockstep';

const { label } = getCurrentWebviewWindow();
const count = byId('presence-count', HTMLElement);
const chips = byId('presence-windows', HTMLUListElement);

presence.subscribe(({ windows }) => {
  count.textContent = windows.length === 1 ? '1 window open' : `${windows.length} windows open`;
  chips.replaceChildren(
    ...windows.map((open) => {
      const chip = create('li', open);
      if (open === label) chip.ariaCurrent = 'true';
      return chip;
    }),
  );
});

byId('open-window', HTMLButtonElement).addEventListener('click', () => {
  invoke('open_window').catch(showError);
});
