import { useSyncExternalStore } from 'react';
import type { LockstepError } from 'tauri-plugin-lockstep-api';
import { useTopic, useTopicSelector } from 'tauri-plugin-lockstep-api/react';
import { showToast } from '../local/toasts';
import { type Task, type TaskAction, tasks } from '../lockstep';
import { reduce } from './reduce';

let underWay: readonly TaskAction[] = [];
const listeners = new Set<() => void>();

function setUnderWay(actions: readonly TaskAction[]): void {
  underWay = actions;
  for (const listener of listeners) listener();
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const titleOf = (id: string): string =>
  tasks.get()?.find((task) => task.id === id)?.title ?? 'The task';

/**
 * Does something to the tasks: this window shows it at once, the others when Rust has agreed. If it
 * does not agree, this window shows what was before, and says why. Resolves with whether it agreed.
 */
export async function act(action: TaskAction): Promise<boolean> {
  const title = action.type === 'add' ? action.title : titleOf(action.id);
  const answer = tasks.dispatch(action, { optimistic: reduce });
  setUnderWay([...underWay, action]);
  try {
    await answer;
    return true;
  } catch (error) {
    const { kind, reason, message } = error as LockstepError;
    const outcome = kind === 'rejected' ? 'was not changed' : 'may not have changed';
    showToast({ taskId: action.id, title: `“${title}” ${outcome}`, text: reason ?? message });
    return false;
  } finally {
    setUnderWay(underWay.filter((other) => other !== action));
  }
}

/** All tasks; undefined before the first snapshot. */
export const useTasks = (): Task[] | undefined => useTopic(tasks);

/** One task; null where there is none, undefined before the first snapshot. */
export const useTask = (id: string): Task | null | undefined =>
  useTopicSelector(tasks, (all) => all.find((task) => task.id === id) ?? null);

/** How many changes this window shows that are not confirmed yet. */
export const usePending = (): number => useSyncExternalStore(listen, () => tasks.pending);

/** Whether one of them is a change of this task. */
export const useIsSaving = (id: string): boolean =>
  useSyncExternalStore(listen, () => underWay.some((action) => action.id === id));
