/**
 * Shares a text field with the other windows while somebody types in it. Returns what shows the
 * text that the windows share.
 *
 * What is typed here goes first: the field is left alone until all of it is written, and only
 * then takes what the others have written meanwhile. One write is under way at a time, and the
 * next one carries whatever the field holds by then, so typing fast costs no more writes than
 * can be made.
 *
 * `write` must not reject: the field then returns to the text that the windows share.
 */
export function shareText(
  input: HTMLInputElement,
  write: (text: string) => Promise<unknown>,
): (shared: string) => void {
  let shared = input.value;
  let writing = false;
  let composing = false;

  function show(): void {
    if (writing || composing || input.value === shared) return;
    const { selectionStart, selectionEnd } = input;
    input.value = shared;
    // A new value sends the caret to the end.
    if (document.activeElement === input) input.setSelectionRange(selectionStart, selectionEnd);
  }

  async function share(): Promise<void> {
    if (writing || composing) return;
    writing = true;
    let written: string;
    do {
      written = input.value;
      await write(written);
    } while (input.value !== written);
    writing = false;
    show();
  }

  input.addEventListener('input', share);
  // An input method's text is not a text yet, and a new value would cut it short.
  input.addEventListener('compositionstart', () => {
    composing = true;
  });
  input.addEventListener('compositionend', () => {
    composing = false;
    share();
  });

  return (next) => {
    shared = next;
    show();
  };
}
