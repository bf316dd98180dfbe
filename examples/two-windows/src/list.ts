import { byId, fromTemplate } from './dom';
import { showError } from './errors';
import { type Item, list, settings } from './lockstep';

const title = byId('list-title', HTMLElement);
const summary = byId('list-summary', HTMLElement);
const empty = byId('list-empty', HTMLElement);
const clear = byId('list-clear', HTMLButtonElement);
const form = byId('list-form', HTMLFormElement);
const input = byId('list-input', HTMLInputElement);
const rows = byId('items', HTMLUListElement);

interface Row {
  element: HTMLElement;
  checkbox: HTMLInputElement;
  text: HTMLElement;
}

const shown = new Map<string, Row>();

/** A row stays the same element for as long as its item lives, so that no click or focus is lost. */
function render(items: Item[]): void {
  const gone = new Set(shown.keys());
  items.forEach((item, index) => {
    gone.delete(item.id);
    const { element, checkbox, text } = shown.get(item.id) ?? addRow(item.id);
    checkbox.checked = item.done;
    text.textContent = item.text;
    if (rows.children[index] !== element) rows.insertBefore(element, rows.children[index] ?? null);
  });
  for (const id of gone) {
    shown.get(id)?.element.remove();
    shown.delete(id);
  }

  const done = items.filter((item) => item.done).length;
  summary.textContent = items.length > 0 ? `${done} of ${items.length} done` : '';
  clear.hidden = done === 0;
  empty.hidden = items.length > 0;
}

function addRow(id: string): Row {
  const element = fromTemplate('item');
  const row: Row = {
    element,
    checkbox: element.querySelector('input') as HTMLInputElement,
    text: element.querySelector('span') as HTMLElement,
  };
  row.checkbox.addEventListener('change', () => {
    const done = row.checkbox.checked;
    change((items) => items.map((item) => (item.id === id ? { ...item, done } : item)));
  });
  element.querySelector('button')?.addEventListener('click', () => {
    change((items) => items.filter((item) => item.id !== id));
  });
  shown.set(id, row);
  return row;
}

/** Makes the new list from the newest one: nobody's item is lost. Resolves to whether it did. */
async function change(next: (items: Item[]) => Item[]): Promise<boolean> {
  try {
    await list.update(next);
    return true;
  } catch (error) {
    showError(error);
    // A box that was ticked in vain goes back.
    render(list.get() ?? []);
    return false;
  }
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = input.value.trim();
  if (!text) return;
  input.value = '';
  const item: Item = { id: crypto.randomUUID(), text, done: false };
  const added = await change((items) => [...items, item]);
  if (!added && !input.value) input.value = text;
});

clear.addEventListener('click', () => {
  change((items) => items.filter((item) => !item.done));
});

list.subscribe(render);

settings
  .select(({ displayName }) => displayName.trim())
  .subscribe((name) => {
    title.textContent = name ? `${name}’s list` : 'Shared list';
  });
