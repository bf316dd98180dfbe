import type { Task } from '../lockstep';
import { useDraft } from '../shared/drafts';
import { act } from '../shared/tasks';
import { Star } from './icons';
import { LeaveTask } from './LeaveTask';
import { NotesEditor } from './NotesEditor';

interface Props {
  task: Task;
  /** Somebody has removed it: this is what it was. */
  removed: boolean;
}

export function TaskEditor({ task, removed }: Props) {
  const { id, title, done, urgent } = task;
  const { store, error } = useDraft(task);

  return (
    <main className="panel editor">
      {removed && (
        <div className="banner" data-testid="removed" role="alert">
          <p>
            <strong>This task was removed.</strong> Nothing that you have typed is lost yet.
          </p>
          <div className="actions">
            <button
              className="outline"
              type="button"
              data-testid="put-back"
              onClick={() => putBack(task, store?.get()?.notes ?? task.notes)}
            >
              Put it back
            </button>
            <LeaveTask />
          </div>
        </div>
      )}
      <div className="editor-head" data-done={done}>
        <input
          type="checkbox"
          id="done"
          data-testid="done"
          checked={done}
          disabled={removed}
          onChange={(event) => act({ type: 'setDone', id, done: event.target.checked })}
        />
        <h1 className="editor-title" data-testid="task-title">
          <label htmlFor="done">{title}</label>
        </h1>
        <button
          className="tool star"
          type="button"
          data-testid="urgent"
          aria-pressed={urgent}
          aria-label="Urgent"
          title={urgent ? 'Not urgent' : 'Urgent'}
          disabled={removed}
          onClick={() => act({ type: 'setUrgent', id, urgent: !urgent })}
        >
          <Star />
        </button>
      </div>
      {store && <NotesEditor task={task} store={store} removed={removed} />}
      {error && (
        <div className="banner" role="alert">
          <p>
            <strong>There is no draft to type in.</strong> {error.reason ?? error.message}
          </p>
        </div>
      )}
    </main>
  );
}

/** As a new task of the same name; its place in the list, the star and the tick are gone. */
function putBack({ id, title }: Task, notes: string): void {
  act({ type: 'add', id, title });
  if (notes !== '') act({ type: 'setNotes', id, notes });
}
