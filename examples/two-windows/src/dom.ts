/** The element of `index.html` with this id. */
export function byId<E extends HTMLElement>(id: string, type: abstract new () => E): E {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`index.html has no ${type.name} with the id "${id}"`);
}

/** What a template of `index.html` holds: one element. */
export function fromTemplate(id: string): HTMLElement {
  const { firstElementChild } = byId(id, HTMLTemplateElement).content;
  return document.importNode(firstElementChild as HTMLElement, true);
}

/** A new element with text. */
export function create<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  textContent: string,
): HTMLElementTagNameMap[Name] {
  return Object.assign(document.createElement(name), { textContent });
}
