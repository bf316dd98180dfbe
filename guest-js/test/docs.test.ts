import { compile as compileSvelte } from 'svelte/compiler';
import { describe, expect, it } from 'vitest';
import { compileScript, compileTemplate, parse } from 'vue/compiler-sfc';
import document from '../../docs/frameworks.md?raw';

/** The code blocks of a language. `cargo xtask tidy` checks those that are TypeScript. */
function blocks(language: string): string[] {
  return [...document.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, tag, code]) =>
    tag === language && code ? [code] : [],
  );
}

describe('the components in docs/frameworks.md compile', () => {
  it('there are some of each kind', () => {
    expect([blocks('vue').length, blocks('svelte').length]).toEqual([1, 2]);
  });

  it.each(blocks('vue'))('Vue: %.60s', (source) => {
    const filename = 'Theme.vue';
    const { descriptor, errors } = parse(source, { filename });
    const script = compileScript(descriptor, { id: filename });
    const template = compileTemplate({
      id: filename,
      filename,
      source: descriptor.template?.content ?? '',
      compilerOptions: { bindingMetadata: script.bindings ?? {} },
    });
    expect([errors, template.errors, template.tips]).toEqual([[], [], []]);
    // A ref is unwrapped in the template only where the compiler knows of it.
    for (const name of ['state', 'status', 'store']) expect(script.bindings).toHaveProperty(name);
  });

  it.each(blocks('svelte'))('Svelte: %.60s', (source) => {
    const { warnings } = compileSvelte(source, { filename: 'Theme.svelte' });
    expect(warnings).toEqual([]);
  });
});
