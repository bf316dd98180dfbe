import type { StorageLike } from './platform.js';

/** JSON in a storage, under keys that begin alike. */
export interface Shelf {
  /**
   * What is stored under a name, if anything is. What `parse` throws for is set aside, and
   * reported.
   *
   * @throws what went wrong, where there is no room to set it aside: it is left as it is.
   */
  read<T>(name: string, parse: (stored: unknown) => T): T | undefined;
  /** @throws `tooLarge`, as it travels, where the storage does not take it. */
  write(name: string, value: unknown): void;
  remove(name: string): void;
  /** The names that begin so, without that beginning. */
  names(beginning: string): string[];
}

/** Told of what was damaged, and under which key it is now. */
export type OnDamaged = (name: string, error: unknown, aside: string) => void;

export function createShelf(storage: StorageLike, prefix: string, onDamaged: OnDamaged): Shelf {
  return {
    read(name, parse) {
      const key = prefix + name;
      const text = storage.getItem(key);
      if (text === null) return undefined;
      try {
        return parse(JSON.parse(text));
      } catch (error) {
        onDamaged(name, error, setAside(storage, key, text));
        return undefined;
      }
    },
    write(name, value) {
      const text = JSON.stringify(value);
      try {
        storage.setItem(prefix + name, text);
      } catch (error) {
        const message = `The browser's storage does not take it: ${(error as Error).message}`;
        throw { kind: 'tooLarge', message, size: text.length };
      }
    },
    remove: (name) => storage.removeItem(prefix + name),
    names(beginning) {
      const start = prefix + beginning;
      return Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? '')
        .filter((key) => key.startsWith(start))
        .map((key) => key.slice(start.length));
    },
  };
}

/** Keeps a damaged text under another key, which it returns: nothing may overwrite it. */
export function setAside(storage: StorageLike, key: string, text: string): string {
  let at = Date.now();
  while (storage.getItem(`damaged:${at}:${key}`) !== null) at++;
  const aside = `damaged:${at}:${key}`;
  storage.setItem(aside, text);
  storage.removeItem(key);
  return aside;
}
