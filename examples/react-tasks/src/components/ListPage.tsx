import { FILTERS, type Filter } from '../local/filter';
import { openList, useTitle } from '../local/window';
import { usePending, useTasks } from '../shared/tasks';
import { AddTask } from './AddTask';
import { FilterBar } from './FilterBar';
import { Logo, Plus } from './icons';
import { TaskRow } from './TaskRow';
import { TimerBar } from './TimerBar';
import { WindowBadges } from './WindowBadges';

const EMPTY: Record<Filter, string> = {
  all: 'Nothing to do. Whatever you add shows in every window.',
  open: 'Everything is done.',
  done: 'Nothing is done yet.',
};

interface Props {
  filter: Filter;
  setFilter: (filter: Filter) => void;
}

/** All tasks, or those that this window's filter lets through. */
export function ListPage({ filter, setFilter }: Props) {
  const tasks = useTasks();
  const pending = usePending();
  const shown = tasks?.filter(FILTERS[filter]);
  useTitle('Tasks');

  return (
    <div className="page">
      <header className="header">
        <Logo />
        <h1>Tasks</h1>
        <WindowBadges />
        <button className="outline" type="button" data-testid="open-list" onClick={openList}>
          <Plus />
          New window
        </button>
      </header>

      <TimerBar />

      <main className="panel list">
        <AddTask />
        <FilterBar tasks={tasks} filter={filter} setFilter={setFilter} />
        <ul className="rows" data-testid="tasks">
          {shown?.map((task) => (
            <TaskRow key={task.id} task={task} />
          ))}
        </ul>
        {shown?.length === 0 && <p className="empty">{EMPTY[filter]}</p>}
        <p className="note saving" data-testid="pending" data-pending={pending} role="status">
          {pending > 0 && `Saving ${pending} ${pending === 1 ? 'change' : 'changes'}…`}
        </p>
      </main>
    </div>
  );
}
