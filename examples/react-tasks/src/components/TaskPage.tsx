import { useState } from 'react';
import { LIST_HREF } from '../local/route';
import { isTaskWindow, useTitle } from '../local/window';
import type { Task } from '../lockstep';
import { useTask } from '../shared/tasks';
import { Back } from './icons';
import { LeaveTask } from './LeaveTask';
import { TaskEditor } from './TaskEditor';
import { WindowBadges } from './WindowBadges';

/** One task, in a window of its own or in the place of a list. */
export function TaskPage({ id }: { id: string }) {
  const task = useTask(id);
  // What is removed elsewhere does not vanish from before one's eyes.
  const [last, setLast] = useState<Task>();
  if (task && task !== last) setLast(task);
  const shown = task ?? last;
  useTitle(shown?.title ?? 'Task');

  return (
    <div className="page">
      <header className="header">
        {!isTaskWindow && (
          <a
            className="tool"
            href={LIST_HREF}
            data-testid="back"
            aria-label="All tasks"
            title="All tasks"
          >
            <Back />
          </a>
        )}
        <WindowBadges />
      </header>
      {shown && <TaskEditor task={shown} removed={task === null} />}
      {task === null && !shown && <NoSuchTask />}
    </div>
  );
}

function NoSuchTask() {
  return (
    <main className="panel empty" data-testid="no-task">
      <p>There is no such task any more.</p>
      <LeaveTask />
    </main>
  );
}
