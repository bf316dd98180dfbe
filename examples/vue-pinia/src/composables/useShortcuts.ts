import { onScopeDispose } from 'vue';
import { showWindow } from '../commands';
import { shortcutOf } from '../keys';
import type { Shortcuts } from '../lockstep';
import { useSettings } from '../stores/settings';

/** Does what the keys in the settings ask for. `attempt` is given each outcome. */
export function useShortcuts(attempt: (change: Promise<unknown>) => unknown): void {
  const settings = useSettings();
  const commands: Record<keyof Shortcuts, () => Promise<unknown>> = {
    largerText: () => settings.changeTextSize(1),
    smallerText: () => settings.changeTextSize(-1),
    focusMode: () => settings.change({ focusMode: !settings.focusMode }),
    preferences: () => showWindow('preferences'),
    panel: () => showWindow('panel'),
  };

  function onKeydown(event: KeyboardEvent): void {
    const pressed = shortcutOf(event);
    for (const [command, run] of Object.entries(commands)) {
      if (settings.shortcuts[command as keyof Shortcuts] !== pressed) continue;
      event.preventDefault();
      attempt(run());
    }
  }

  addEventListener('keydown', onKeydown);
  onScopeDispose(() => removeEventListener('keydown', onKeydown));
}
