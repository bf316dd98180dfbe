import { define, isObject, own } from './own.js';

/** A JSON object. */
export const isMap = (value: unknown): value is object => isObject(value) && !Array.isArray(value);

/** Applies a JSON Merge Patch (RFC 7396), and returns the new value. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const result = isMap(target) ? { ...target } : {};
  for (const key of Object.keys(patch)) {
    const change = own(patch, key);
    if (change === null) delete (result as Record<string, unknown>)[key];
    else define(result, key, mergePatch(own(result, key), change));
  }
  return result;
}
