import { LIST_HREF } from '../local/route';
import { closeWindow, isTaskWindow } from '../local/window';

/** The way out: where it leads depends on the window. */
export function LeaveTask() {
  return isTaskWindow ? (
    <button className="outline" type="button" data-testid="close-window" onClick={closeWindow}>
      Close window
    </button>
  ) : (
    <a className="outline" href={LIST_HREF}>
      All tasks
    </a>
  );
}
