import { useState } from 'react';
import type { Task } from '../lockstep';

export type Filter = 'all' | 'open' | 'done';

/** A window's filter. `useState` and no topic, since two lists are there to show different things. */
export function useFilter(): { filter: Filter; setFilter: (filter: Filter) => void } {
  const [filter, setFilter] = useState<Filter>('all');
  return { filter, setFilter };
}

export const FILTERS: Record<Filter, (task: Task) => boolean> = {
  all: () => true,
  open: (task) => !task.done,
  done: (task) => task.done,
};
