import { type DefaultTheme, defineConfig, type MarkdownOptions } from 'vitepress';

/** Documents at the root that the site shows, and the page that includes each. */
const INCLUDED: Record<string, string> = {
  'ARCHITECTURE.md': 'architecture.md',
  'CHANGELOG.md': 'changelog.md',
  'CONTRIBUTING.md': 'contributing.md',
  'PROTOCOL.md': 'protocol.md',
};

/** Where a part of the README has a page of its own here; the whole of it is the first page. */
const OF_THE_README: Record<string, string> = {
  '#install': 'quick-start.md#install',
  '#quick-start': 'quick-start.md',
  '#permissions': 'permissions.md',
  '#what-it-guarantees': 'guarantees.md',
};

/** GitHub's way, so that one anchor serves both; `cargo xtask tidy` checks them. */
function slugify(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{Alphabetic}\p{Number} _-]/gu, '')
    .replace(/ /g, '-');
}

/** A path from the repository's root, for a link that stands in the page of this path under `docs/`. */
function resolve(page: string, link: string): string {
  const isOfTheRoot = Object.values(INCLUDED).includes(page);
  const parts = isOfTheRoot ? [] : ['docs', ...page.split('/').slice(0, -1)];
  for (const part of link.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}

/**
 * Where a link of a document leads in the site: documents link one another, and the code, by their
 * places in the repository. Undefined for what the site does not have.
 */
function placeOf(page: string, link: string): string | undefined {
  const [path = '', fragment] = link.split('#');
  const hash = fragment === undefined ? '' : `#${fragment}`;
  if (path === '') return link;
  const target = resolve(page, path);
  if (target === 'README.md') return `/${OF_THE_README[hash] ?? 'index.md'}`;
  const shown = INCLUDED[target];
  if (shown) return `/${shown}${hash}`;
  return /^docs\/.*\.md$/.test(target) ? `/${target.slice('docs/'.length)}${hash}` : undefined;
}

/** Leads the documents' links to the site's pages, and shows of all others where the file is. */
const linksOfTheSite: NonNullable<MarkdownOptions['config']> = (md) => {
  md.core.ruler.push('links-of-the-site', ({ tokens, env }) => {
    for (const outer of tokens) {
      // `rust,no_run` is for rustdoc.
      if (outer.type === 'fence') outer.info = outer.info.replace(/^rust,.*/, 'rust');
      let closes = false;
      for (const token of outer.children ?? []) {
        if (token.type === 'link_close' && closes) {
          token.tag = 'span';
          closes = false;
        }
        const href = token.type === 'link_open' && token.attrGet('href');
        if (!href || /^[a-z]+:|^\//.test(href)) continue;
        const place = placeOf(env.relativePath, decodeURI(href));
        if (place) {
          token.attrSet('href', place);
          continue;
        }
        closes = true;
        Object.assign(token, { type: 'in_the_repository', tag: 'span' });
        const path = resolve(env.relativePath, href);
        token.attrs = [
          ['class', 'in-the-repository'],
          ['data-path', path],
          ['title', `In the repository: ${path}`],
        ];
      }
    }
  });
};

const GUIDE: DefaultTheme.SidebarItem[] = [
  {
    text: 'Begin',
    items: [
      { text: 'What it is', link: '/' },
      { text: 'Quick start', link: '/quick-start' },
      { text: 'When to use it, and when not', link: '/comparison' },
      { text: 'Benchmarks', link: '/benchmarks' },
      { text: 'Coming from something else', link: '/migration' },
    ],
  },
  {
    text: 'Use',
    items: [
      { text: 'Multi-window patterns', link: '/patterns' },
      { text: 'Topics and their names', link: '/topics' },
      { text: 'Writing state', link: '/writing' },
      { text: 'Topics with a life', link: '/topics-with-a-life' },
      { text: 'Collections', link: '/collections' },
      { text: 'State that survives', link: '/persistence' },
      { text: 'Permissions', link: '/permissions' },
      { text: 'React, Vue, Svelte, stores', link: '/frameworks' },
    ],
  },
  {
    text: 'Understand',
    items: [
      { text: 'Guarantees and failures', link: '/guarantees' },
      { text: 'Lifecycle contract', link: '/lifecycle' },
      { text: 'Your own echo', link: '/self-echo' },
      { text: 'Architecture', link: '/architecture' },
      { text: 'Protocol', link: '/protocol' },
    ],
  },
  {
    text: 'Work',
    items: [
      { text: 'Troubleshooting', link: '/troubleshooting' },
      { text: 'Debugging', link: '/debugging' },
      { text: 'Testing', link: '/testing' },
      { text: 'Custom transports', link: '/custom-transports' },
      { text: 'In a browser', link: '/browser' },
      { text: 'Contributing', link: '/contributing' },
      { text: 'Changelog', link: '/changelog' },
    ],
  },
];

const REFERENCE: DefaultTheme.SidebarItem[] = [
  {
    text: 'Reference',
    items: [
      { text: 'Where what is', link: '/reference' },
      { text: 'In a window', link: '/api/tauri-plugin-lockstep-api' },
      { text: '…/core', link: '/api/tauri-plugin-lockstep-api/core' },
      { text: '…/react', link: '/api/tauri-plugin-lockstep-api/react' },
      { text: '…/vue', link: '/api/tauri-plugin-lockstep-api/vue' },
      { text: '…/svelte', link: '/api/tauri-plugin-lockstep-api/svelte' },
      { text: '…/pinia', link: '/api/tauri-plugin-lockstep-api/pinia' },
      { text: '…/zustand', link: '/api/tauri-plugin-lockstep-api/zustand' },
      { text: '…/valtio', link: '/api/tauri-plugin-lockstep-api/valtio' },
      { text: '…/browser', link: '/api/tauri-plugin-lockstep-api/browser' },
      { text: '…/testing', link: '/api/tauri-plugin-lockstep-api/testing' },
    ],
  },
];

export default defineConfig({
  title: 'Lockstep',
  description: 'Multi-window state sync for Tauri',
  lang: 'en',
  cleanUrls: true,
  markdown: { anchor: { slugify }, config: linksOfTheSite },
  themeConfig: {
    nav: [
      { text: 'Quick start', link: '/quick-start' },
      { text: 'Guarantees', link: '/guarantees' },
      { text: 'Reference', link: '/reference' },
    ],
    sidebar: { '/': GUIDE, '/api/': REFERENCE, '/reference': REFERENCE },
    outline: [2, 3],
    search: { provider: 'local' },
  },
});
