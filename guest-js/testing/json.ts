import { define, isObject, own } from '../core/own.js';

const isMap = (value: unknown): value is object => isObject(value) && !Array.isArray(value);

/** JSON Merge Patch, RFC 7396. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const result = {};
  if (isMap(target)) for (const key of Object.keys(target)) define(result, key, own(target, key));
  for (const key of Object.keys(patch)) {
    const change = own(patch, key);
    if (change === null) delete (result as Record<string, unknown>)[key];
    else define(result, key, mergePatch(own(result, key), change));
  }
  return result;
}

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
