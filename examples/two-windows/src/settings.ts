import { choices } from './choices';
import { byId } from './dom';
import { showError } from './errors';
import { type Accent, type Settings, settings, type TextSize, type Theme } from './lockstep';
import { shareText } from './share-text';

// As records, so that a variant which Rust adds does not compile until it has a name here.
const THEMES: Record<Theme, string> = { light: 'Light', dark: 'Dark', system: 'System' };
const TEXT_SIZES: Record<TextSize, string> = { small: 'Small', medium: 'Medium', large: 'Large' };
const ACCENTS: Record<Accent, string> = {
  indigo: 'Indigo',
  teal: 'Teal',
  amber: 'Amber',
  rose: 'Rose',
  graphite: 'Graphite',
};

/** Changes only what it names: another window may be changing the rest just now. */
function change(patch: Partial<Settings>): Promise<unknown> {
  return settings.merge(patch).catch(showError);
}

const showTheme = choices('theme', THEMES, (theme) => change({ theme }));
const showAccent = choices('accent', ACCENTS, (accent) => change({ accent }));
const showTextSize = choices('text-size', TEXT_SIZES, (textSize) => change({ textSize }));
const showDisplayName = shareText(byId('display-name', HTMLInputElement), (displayName) =>
  change({ displayName }),
);

settings.subscribe(({ theme, accent, textSize, displayName }) => {
  Object.assign(document.documentElement.dataset, { theme, accent, textSize });
  showTheme(theme);
  showAccent(accent);
  showTextSize(textSize);
  showDisplayName(displayName);
});
