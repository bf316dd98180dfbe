import type { Task, TaskAction } from '../lockstep';

/**
 * What `rules::reduce` in Rust makes of an action that it agrees to: shown at once, while the office
 * takes its time. Whether it agrees is for Rust alone. So there is no word here of how many tasks may
 * be urgent: the window shows the fourth, and takes it back when it is refused.
 */
export function reduce(tasks: Task[], action: TaskAction): Task[] {
  const change = (part: Partial<Task>): Task[] =>
    tasks.map((task) => (task.id === action.id ? { ...task, ...part } : task));
  switch (action.type) {
    case 'add': {
      const { id, title } = action;
      // Where the task is here before the answer, it is not to be shown twice.
      if (tasks.some((task) => task.id === id)) return tasks;
      return [...tasks, { id, title, notes: '', done: false, urgent: false }];
    }
    case 'setDone':
      return change({ done: action.done });
    case 'setUrgent':
      return change({ urgent: action.urgent });
    case 'setNotes':
      return change({ notes: action.notes });
    case 'remove':
      return tasks.filter((task) => task.id !== action.id);
  }
}
