import { FILTERS, type Filter } from '../local/filter';
import type { Task } from '../lockstep';

const CAPTIONS: Record<Filter, string> = { all: 'All', open: 'Open', done: 'Done' };

interface Props {
  tasks: Task[] | undefined;
  filter: Filter;
  setFilter: (filter: Filter) => void;
}

export function FilterBar({ tasks = [], filter, setFilter }: Props) {
  return (
    <div className="filter">
      <fieldset className="segments" aria-label="Show">
        {(Object.keys(CAPTIONS) as Filter[]).map((each) => (
          <button
            key={each}
            type="button"
            data-testid={`filter-${each}`}
            aria-pressed={each === filter}
            onClick={() => setFilter(each)}
          >
            {CAPTIONS[each]} <span>{tasks.filter(FILTERS[each]).length}</span>
          </button>
        ))}
      </fieldset>
      <span className="note">this window only</span>
    </div>
  );
}
