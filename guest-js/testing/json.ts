import { isMap } from '../core/merge-patch.js';
import { own } from '../core/own.js';

/** What makes `to` of `from`, member by member; undefined where they are not both objects. */
export function topLevelPatch(from: unknown, to: unknown): object[] | undefined {
  if (!isMap(from) || !isMap(to)) return undefined;
  const path = (key: string): string => `/${key.replace(/~/g, '~0').replace(/\//g, '~1')}`;
  const patch: object[] = [];
  for (const key of Object.keys(from)) {
    if (!Object.hasOwn(to, key)) patch.push({ op: 'remove', path: path(key) });
  }
  for (const key of Object.keys(to)) {
    const value = own(to, key);
    if (JSON.stringify(own(from, key)) !== JSON.stringify(value)) {
      patch.push({ op: 'add', path: path(key), value });
    }
  }
  return patch;
}

/** What arrives on the other side. */
export function copy<T>(value: T): T {
  return value === undefined ? value : JSON.parse(JSON.stringify(value));
}
