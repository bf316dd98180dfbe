import { ListPage } from './components/ListPage';
import { TaskPage } from './components/TaskPage';
import { Toasts } from './components/Toasts';
import { useFilter } from './local/filter';
import { useRoute } from './local/route';

/** Every window of the app is this page: at `#/` a list, at `#/task/<id>` one task. */
export function App() {
  const { taskId } = useRoute();
  // Kept here, so that it is still the same on the way back from a task.
  const filter = useFilter();
  return (
    <>
      {taskId === undefined ? <ListPage {...filter} /> : <TaskPage key={taskId} id={taskId} />}
      <Toasts />
    </>
  );
}
