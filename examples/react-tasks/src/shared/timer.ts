import type { LockstepError } from 'tauri-plugin-lockstep-api';
import { useTopic } from 'tauri-plugin-lockstep-api/react';
import { showToast } from '../local/toasts';
import { type Timer, type TimerAction, timer } from '../lockstep';
import { primary } from './primary';

const SECOND = 1000;

/** The timer; undefined before the first snapshot. */
export const useTimer = (): Timer | undefined => useTopic(timer);

/** What any window may do to the timer. */
export function control(type: Exclude<TimerAction['type'], 'tick'>): void {
  timer.dispatch({ type }).catch(({ reason, message }: LockstepError) => {
    showToast({ title: 'The timer did not hear that', text: reason ?? message });
  });
}

/** Counts down for all windows, while this page is the primary. Returns how to stop. */
export function countWhilePrimary(): () => void {
  let counting: ReturnType<typeof setInterval> | undefined;
  const stop = primary.onRole((role) => {
    clearInterval(counting);
    if (role === 'primary') counting = setInterval(tick, SECOND);
  });
  return () => {
    stop();
    clearInterval(counting);
  };
}

function tick(): void {
  const { term } = primary;
  if (term === undefined || !timer.get()?.running) return;
  // Refused where another page has counted since: this one slept, and will hear that it has lost the role.
  timer.dispatch({ type: 'tick', term }).catch(() => {});
}
