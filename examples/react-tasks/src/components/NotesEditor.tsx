import type { KeyboardEvent } from 'react';
import type { LockstepError, TopicStore } from 'tauri-plugin-lockstep-api';
import { useTopic, useTopicStatus } from 'tauri-plugin-lockstep-api/react';
import { showToast } from '../local/toasts';
import { label } from '../local/window';
import type { Draft, Task } from '../lockstep';
import { openDraft } from '../shared/drafts';
import { act, useIsSaving } from '../shared/tasks';

interface Props {
  task: Task;
  store: TopicStore<Draft>;
  /** The task is. */
  removed: boolean;
}

/** The notes as they are being typed, in all windows on this task at once; saved when somebody says so. */
export function NotesEditor({ task, store, removed }: Props) {
  const { id, notes } = task;
  const draft = useTopic(store);
  const discarded = useTopicStatus(store) === 'removed';
  const saving = useIsSaving(id);
  const text = draft?.notes ?? '';
  const changed = draft !== undefined && text !== notes;
  const elsewhere = changed && draft.typedIn !== label ? draft.typedIn : null;

  const change = (next: string): Promise<unknown> =>
    // However fast one types: while a write is under way, the store gathers the next.
    store.merge({ notes: next, typedIn: label }, { optimistic: true }).catch(failed);
  const save = (): void => {
    if (changed && !removed) act({ type: 'setNotes', id, notes: text });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 's' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    save();
  };

  return (
    <div className="notes">
      <div className="notes-head">
        <label htmlFor="notes">Notes</label>
        {elsewhere !== null && (
          <span className="note typing" data-testid="typing">
            typing in {elsewhere}
          </span>
        )}
      </div>
      <textarea
        className="field"
        id="notes"
        data-testid="notes"
        placeholder="Whatever is worth remembering"
        value={text}
        readOnly={removed || discarded || !draft}
        onChange={(event) => change(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {discarded ? (
        <div className="banner" data-testid="draft-removed" role="alert">
          <p>
            <strong>This draft was removed.</strong> The text above is what it was.
          </p>
          <button
            className="outline"
            type="button"
            data-testid="go-on"
            onClick={() => openDraft(id, text).catch(failed)}
          >
            Go on with it
          </button>
        </div>
      ) : (
        <div className="actions">
          <span
            className="note"
            data-testid="draft-state"
            role="status"
            title="A draft is there while some window shows the task"
          >
            {saving ? 'Saving…' : changed ? 'Not saved yet' : 'Saved'}
          </span>
          <button
            className="quiet"
            type="button"
            data-testid="revert"
            disabled={!changed || removed}
            onClick={() => change(notes)}
          >
            Revert
          </button>
          <button
            className="solid"
            type="button"
            data-testid="save"
            disabled={!changed || removed}
            onClick={save}
          >
            Save
          </button>
        </div>
      )}
    </div>
  );
}

function failed({ reason, message }: LockstepError): void {
  showToast({ title: 'The draft was not changed', text: reason ?? message });
}
