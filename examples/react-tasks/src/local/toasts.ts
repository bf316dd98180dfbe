import { useSyncExternalStore } from 'react';

export interface Toast {
  id: number;
  title: string;
  text: string;
  /** The task that it is about. */
  taskId?: string;
}

const MOST = 3;

let toasts: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Says something in this window. */
export function showToast(toast: Omit<Toast, 'id'>): void {
  set([...toasts, { ...toast, id: ++lastId }].slice(-MOST));
}

export function closeToast(id: number): void {
  set(toasts.filter((toast) => toast.id !== id));
}

export const useToasts = (): readonly Toast[] => useSyncExternalStore(subscribe, () => toasts);

/** The latest toast about a task, while it is shown. */
export const useToastAbout = (taskId: string): number | undefined =>
  useSyncExternalStore(subscribe, () => toasts.findLast((toast) => toast.taskId === taskId)?.id);
