import { type SubmitEvent, useState } from 'react';
import { act } from '../shared/tasks';

export function AddTask() {
  const [title, setTitle] = useState('');

  function add(event: SubmitEvent): void {
    event.preventDefault();
    if (title.trim() === '') return;
    // The window makes the id: the task is in the list before Rust has heard of it.
    act({ type: 'add', id: crypto.randomUUID(), title: title.trim() });
    setTitle('');
  }

  return (
    <form className="add" onSubmit={add}>
      <input
        className="field"
        data-testid="new-title"
        aria-label="New task"
        placeholder="Add a task"
        maxLength={80}
        autoComplete="off"
        value={title}
        onChange={(event) => setTitle(event.target.value)}
      />
      <button className="solid" type="submit" data-testid="add" disabled={title.trim() === ''}>
        Add
      </button>
    </form>
  );
}
