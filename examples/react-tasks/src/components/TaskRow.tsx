import { taskHref } from '../local/route';
import { useToastAbout } from '../local/toasts';
import { openTask } from '../local/window';
import type { Draft, Task } from '../lockstep';
import { useDraftInPassing } from '../shared/drafts';
import { act, useIsSaving } from '../shared/tasks';
import { Bin, OpenWindow, Star } from './icons';

export function TaskRow({ task }: { task: Task }) {
  const { id, title, done, urgent } = task;
  const draft = useDraftInPassing(id);
  const saving = useIsSaving(id);
  const refused = useToastAbout(id);

  return (
    <li className="row" data-testid="task" data-id={id} data-done={done} data-urgent={urgent}>
      {/* A new one for each refusal, so that its animation begins again. */}
      {refused !== undefined && <span key={refused} className="flash" data-testid="flash" />}
      <input
        type="checkbox"
        data-testid={`done-${id}`}
        aria-label={`Done: ${title}`}
        checked={done}
        onChange={(event) => act({ type: 'setDone', id, done: event.target.checked })}
      />
      <div className="row-body">
        <div className="row-head">
          <a className="row-title" data-testid={`title-${id}`} href={taskHref(id)}>
            {title}
          </a>
          {draft && <DraftPill id={id} draft={draft} notes={task.notes} />}
        </div>
        <Notes notes={task.notes} draft={draft} />
      </div>
      {saving && <span className="note mark">saving…</span>}
      <button
        className="tool star"
        type="button"
        data-testid={`urgent-${id}`}
        aria-pressed={urgent}
        aria-label={`Urgent: ${title}`}
        title={urgent ? 'Not urgent' : 'Urgent'}
        onClick={() => act({ type: 'setUrgent', id, urgent: !urgent })}
      >
        <Star />
      </button>
      <button
        className="tool"
        type="button"
        data-testid={`open-${id}`}
        aria-label={`Open in a window of its own: ${title}`}
        title="Open in a window of its own"
        onClick={() => openTask(id)}
      >
        <OpenWindow />
      </button>
      <button
        className="tool"
        type="button"
        data-testid={`remove-${id}`}
        aria-label={`Delete: ${title}`}
        title="Delete"
        onClick={(event) => {
          focusNeighbour(event.currentTarget);
          act({ type: 'remove', id });
        }}
      >
        <Bin />
      </button>
    </li>
  );
}

/** There is a draft for as long as some window shows the task. */
function DraftPill({ id, draft, notes }: { id: string; draft: Draft; notes: string }) {
  const editing = draft.typedIn !== null && draft.notes !== notes;
  return (
    <span className="pill" data-testid={`draft-${id}`} data-editing={editing}>
      {editing ? `editing in ${draft.typedIn}` : 'open'}
    </span>
  );
}

/** The notes as they are saved, or as they are being typed just now. */
function Notes({ notes, draft }: { notes: string; draft: Draft | undefined }) {
  const text = draft?.notes ?? notes;
  if (text === '') return null;
  return (
    <p className="row-notes" data-testid="notes-preview" data-live={text !== notes}>
      {text}
    </p>
  );
}

/** The button that was pressed goes away with its row: the next row's is the one to go on from. */
function focusNeighbour(button: HTMLElement): void {
  const row = button.closest('li');
  const neighbour = row?.nextElementSibling ?? row?.previousElementSibling;
  neighbour?.querySelector<HTMLElement>('[data-testid^="remove-"]')?.focus();
}
