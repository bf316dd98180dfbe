import type { Unsubscribe } from './core/types.js';

/**
 * `receive` of the transport over Tauri: a global function, which the backend calls by a script in
 * this webview. It has the session in its name, so that what is meant for one page never reaches
 * the next, and it is given text, so that nothing in it is code. That it answers `true` is the
 * acknowledgement.
 *
 * Whoever can call it can run scripts in this page, and so could do as much to its stores without.
 */
export function receive(session: string, handler: (payload: unknown) => void): Unsubscribe {
  const name = `__LOCKSTEP_${session.replaceAll('-', '$')}`;
  const value = (text: string): boolean => {
    handler(JSON.parse(text));
    return true;
  };
  Object.defineProperty(globalThis, name, { value, configurable: true });
  return () => void Reflect.deleteProperty(globalThis, name);
}
