import { control, useTimer } from '../shared/timer';
import { Pause, Play, Reset } from './icons';

// As `SESSION_SECONDS` in Rust.
const SESSION = 25 * 60;

const twoDigits = (n: number): string => String(n).padStart(2, '0');

/** The focus timer. Every window shows and controls it; the primary counts. */
export function TimerBar() {
  const timer = useTimer();
  const { running = false, secondsLeft = SESSION } = timer ?? {};
  const time = `${twoDigits(Math.floor(secondsLeft / 60))}:${twoDigits(secondsLeft % 60)}`;

  return (
    <section className="panel timer" aria-label="Focus timer" data-running={running}>
      <div>
        <h2>Focus</h2>
        <p className="note">{running ? 'counted by the primary' : 'one timer, every window'}</p>
      </div>
      <output className="time" data-testid="time" data-seconds={secondsLeft} aria-live="off">
        {time}
      </output>
      <button
        className="round"
        type="button"
        data-testid={running ? 'pause' : 'start'}
        aria-label={running ? 'Pause' : 'Start'}
        disabled={!timer || secondsLeft === 0}
        onClick={() => control(running ? 'pause' : 'start')}
      >
        {running ? <Pause /> : <Play />}
      </button>
      <button
        className="tool"
        type="button"
        data-testid="reset"
        aria-label="Reset"
        title="Reset"
        disabled={!running && secondsLeft === SESSION}
        onClick={() => control('reset')}
      >
        <Reset />
      </button>
      <progress max={SESSION} value={SESSION - secondsLeft} aria-label="Passed" />
    </section>
  );
}
