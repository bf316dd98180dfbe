import { byId } from './dom';
import { showError } from './errors';
import { counter } from './lockstep';

const value = byId('counter-value', HTMLOutputElement);
const reset = byId('counter-reset', HTMLButtonElement);

counter.subscribe((count) => {
  value.textContent = String(count);
  reset.disabled = count === 0;
});

// `update` loses no count, however many windows count at once: it begins again from the newest.
byId('counter-increment', HTMLButtonElement).addEventListener('click', () => {
  counter.update((count) => count + 1).catch(showError);
});
byId('counter-decrement', HTMLButtonElement).addEventListener('click', () => {
  counter.update((count) => count - 1).catch(showError);
});
reset.addEventListener('click', () => {
  counter.set(0).catch(showError);
});
