import { useEffect, useState } from 'react';
import { closeToast, type Toast, useToasts } from '../local/toasts';
import { Cross } from './icons';

const SHOWN_MS = 10_000;

/** What this window has to say: above all, what was refused, and why. */
export function Toasts() {
  const toasts = useToasts();
  return (
    <div className="toasts">
      {toasts.map((toast) => (
        <ToastCard key={toast.id} {...toast} />
      ))}
    </div>
  );
}

function ToastCard({ id, title, text }: Toast) {
  // Whoever reads it is given the time.
  const [held, setHeld] = useState(false);

  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => closeToast(id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [held, id]);

  return (
    <div
      className="toast"
      data-testid="toast"
      role="alert"
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
    >
      <div>
        <p className="toast-title" data-testid="toast-title">
          {title}
        </p>
        <p data-testid="toast-reason">{text}</p>
      </div>
      <button className="tool" type="button" aria-label="Close" onClick={() => closeToast(id)}>
        <Cross />
      </button>
    </div>
  );
}
