import type { TopicStatus } from 'tauri-plugin-lockstep-api';
import { useTopicStatus } from 'tauri-plugin-lockstep-api/react';
import { label } from '../local/window';
import { tasks } from '../lockstep';
import { usePrimaryTerm } from '../shared/primary';

const STATUS: Record<TopicStatus, string> = {
  idle: 'Connecting',
  connecting: 'Connecting',
  // Some milliseconds, whenever another window has changed something: a word that flickers tells nobody anything.
  syncing: 'In sync',
  synchronized: 'In sync',
  stale: 'Trying again',
  denied: 'No permission',
  removed: 'No tasks',
  closed: 'Closed',
};

/** Which window this is, whether it is connected, and whether it is the primary. */
export function WindowBadges() {
  const status = useTopicStatus(tasks);
  const term = usePrimaryTerm();
  return (
    <p className="badges">
      <span className="badge" data-testid="label" title="This window’s label">
        {label}
      </span>
      <span
        className="badge status"
        data-testid="status"
        data-status={status}
        role="status"
        title={`The topic “tasks” is ${status}`}
      >
        {STATUS[status]}
      </span>
      {term !== undefined && (
        <span
          className="badge primary"
          data-testid="primary"
          data-term={term}
          title={`Of all windows, this one counts the timer down. Its term: ${term}`}
        >
          Primary <small>term {term}</small>
        </span>
      )}
    </p>
  );
}
