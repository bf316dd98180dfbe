import { byId, create } from './dom';

/** Fills a group with one button for each choice. Returns what shows the chosen one. */
export function choices<Value extends string>(
  id: string,
  captions: Record<Value, string>,
  choose: (value: Value) => void,
): (chosen: Value) => void {
  const buttons = (Object.keys(captions) as Value[]).map((value) => {
    const button = create('button', captions[value]);
    button.type = 'button';
    button.value = value;
    button.dataset.testid = `${id}-${value}`;
    button.title = captions[value];
    button.addEventListener('click', () => {
      if (button.ariaPressed !== 'true') choose(value);
    });
    return button;
  });
  byId(id, HTMLElement).replaceChildren(...buttons);
  return (chosen) => {
    for (const button of buttons) button.ariaPressed = String(button.value === chosen);
  };
}
