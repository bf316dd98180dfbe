const MAC = navigator.userAgent.includes('Mac');
// These would not be seen, or not be told from what stands between keys.
const SPELT: Record<string, string> = { ' ': 'Space', '+': 'Plus' };
const MODIFIERS = ['Control', 'Meta', 'Alt', 'Shift'];

/** The keys that are pressed, as a shortcut is stored; null unless Ctrl (on a Mac, Cmd) is one of them. */
export function shortcutOf(event: KeyboardEvent): string | null {
  const mod = MAC ? event.metaKey : event.ctrlKey;
  if (!mod || MODIFIERS.includes(event.key)) return null;
  const key = SPELT[event.key] ?? (event.key.length === 1 ? event.key.toUpperCase() : event.key);
  return ['Mod', event.altKey && 'Alt', event.shiftKey && 'Shift', key].filter(Boolean).join('+');
}

/** A stored shortcut as its keycaps: ["Ctrl", "Shift", "F"]. */
export function keycaps(shortcut: string): string[] {
  return shortcut.split('+').map((key) => (key === 'Mod' ? (MAC ? '⌘' : 'Ctrl') : key));
}
