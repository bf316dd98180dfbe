import type { ReactNode } from 'react';

function icon(shape: ReactNode) {
  return function Icon() {
    return (
      <svg className="icon" viewBox="0 0 20 20" aria-hidden="true">
        {shape}
      </svg>
    );
  };
}

export const Star = icon(
  <path d="M10 2.6l2.25 4.7 5.15.68-3.77 3.57.94 5.1L10 14.16l-4.57 2.49.94-5.1L2.6 7.98l5.15-.68z" />,
);
export const OpenWindow = icon(
  <path d="M8.5 4.5h-3a1.5 1.5 0 0 0-1.5 1.5v8.5A1.5 1.5 0 0 0 5.5 16H14a1.5 1.5 0 0 0 1.5-1.5v-3M11.5 4h4.5v4.5M15.6 4.4L9.5 10.5" />,
);
export const Bin = icon(
  <path d="M4 5.75h12M8 5.5V4.25C8 3.8 8.3 3.5 8.75 3.5h2.5c.45 0 .75.3.75.75V5.5M5.5 5.75l.6 9.4a1.4 1.4 0 0 0 1.4 1.35h5a1.4 1.4 0 0 0 1.4-1.35l.6-9.4M8.5 9v4.5M11.5 9v4.5" />,
);
export const Back = icon(<path d="M12 4.5L6.5 10l5.5 5.5" />);
export const Plus = icon(<path d="M10 4.5v11M4.5 10h11" />);
export const Cross = icon(<path d="M5.5 5.5l9 9M14.5 5.5l-9 9" />);
export const Play = icon(<path className="filled" d="M6.5 4.4v11.2L15.5 10z" />);
export const Pause = icon(
  <path className="filled" d="M5.5 4.5h3.2v11H5.5zM11.3 4.5h3.2v11h-3.2z" />,
);
export const Reset = icon(<path d="M4.2 4.5v3.8H8M4.6 8.2a6 6 0 1 1-.5 3.3" />);

export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 36 36" aria-hidden="true">
      <rect className="logo-back" x="2" y="5" width="21" height="26" rx="5" />
      <rect className="logo-front" x="13" y="5" width="21" height="26" rx="5" />
      <path className="logo-tick" d="M18.5 18.5l3.5 3.5 6.5-7.5" />
    </svg>
  );
}
