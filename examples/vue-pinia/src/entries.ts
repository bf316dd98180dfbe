/** `Object.entries`, with the keys' own type: a template's `v-for` would make numbers of them, too. */
export const entries = Object.entries as <K extends string, V>(record: Record<K, V>) => [K, V][];
