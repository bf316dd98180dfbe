import type { Accent, Font, LineSpacing, Shortcuts, Sound, Theme } from './lockstep';

// As records, so that a variant which Rust adds does not compile until it has a name here.
export const THEMES: Record<Theme, string> = {
  light: 'Light',
  sepia: 'Sepia',
  dark: 'Dark',
  system: 'System',
};

export const ACCENTS: Record<Accent, string> = {
  pine: 'Pine',
  sea: 'Sea',
  plum: 'Plum',
  brick: 'Brick',
  slate: 'Slate',
};

export const FONTS: Record<Font, string> = { serif: 'Serif', sans: 'Sans', mono: 'Mono' };

export const LINE_SPACINGS: Record<LineSpacing, string> = {
  tight: 'Tight',
  normal: 'Normal',
  loose: 'Loose',
};

export const COMMANDS: Record<keyof Shortcuts, string> = {
  largerText: 'Larger text',
  smallerText: 'Smaller text',
  focusMode: 'Focus mode',
  preferences: 'Open preferences',
  panel: 'Open panel',
};

export const SOUNDS: Record<Sound, string> = {
  rain: 'Rain',
  waves: 'Waves',
  forest: 'Forest',
  fire: 'Fire',
};
