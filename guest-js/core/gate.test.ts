import { describe, expect, it } from 'vitest';
import { rev } from '../test/helpers.js';
import { createGate, FOLLOW_UPS } from './gate.js';

function gateAt(revision: number) {
  const gate = createGate();
  gate.moved(rev(revision));
  return gate;
}

describe('judging an answer', () => {
  const whole = (revision: number) => ({ revision: rev(revision), data: null });
  const patch = (base: number, revision: number) => ({
    revision: rev(revision),
    base: rev(base),
    patch: [],
  });

  it.each([
    ['I7: the whole, newer', whole(6), 'apply'],
    ['I7: the whole, the same', whole(5), 'skip'],
    ['I7: the whole, older', whole(4), 'skip'],
    ['I7: a patch on what is there', patch(5, 6), 'apply'],
    ['I7: a patch on something older', patch(4, 6), 'rebase'],
    ['I7: a patch on something newer', patch(6, 7), 'rebase'],
    ['I7: a patch to what is there already', patch(4, 5), 'skip'],
    ['unchanged', { revision: rev(5), unchanged: true }, 'skip'],
    ['unchanged since something newer', { revision: rev(6), unchanged: true }, 'rebase'],
    ['withheld', { revision: rev(6), withheld: true }, 'rebase'],
    ['nothing usable', { revision: rev(6) }, 'rebase'],
  ])('%s', (_, answer, verdict) => {
    expect(gateAt(5).judge(answer)).toBe(verdict);
  });

  it('the first snapshot is taken at any revision, and only as a whole', () => {
    expect(createGate().judge(whole(0))).toBe('apply');
    expect(createGate().judge(patch(0, 1))).toBe('rebase');
    expect(createGate().judge({ revision: rev(0), unchanged: true })).toBe('rebase');
  });

  it('I7: judging moves nothing', () => {
    const gate = gateAt(5);
    gate.judge(whole(6));
    gate.announce(rev(9));
    expect(gate.revision()).toBe('5');
  });
});

describe('after a pull', () => {
  it('rests where nothing is known to be newer', () => {
    expect(gateAt(5).next(0)).toBe('rest');
  });

  it('I8: goes on at once for a demand that came after it began', () => {
    const gate = gateAt(5);
    const began = gate.now();
    gate.demand();
    expect(gate.next(began)).toBe('now');
    expect(gate.next(gate.now())).toBe('rest');
  });

  it('I8: goes on at once for an announcement that came after it began', () => {
    const gate = gateAt(5);
    const began = gate.now();
    gate.announce(rev(6));
    expect(gate.next(began)).toBe('now');
  });

  it('I8: says whether anything newer was asked for or announced since', () => {
    const gate = gateAt(5);
    const began = gate.now();
    gate.announce(rev(5));
    expect(gate.asked(began)).toBe(false);
    gate.announce(rev(6));
    expect([gate.asked(began), gate.asked(gate.now())]).toEqual([true, false]);
    gate.moved(rev(6));
    expect(gate.asked(began)).toBe(false);
    gate.demand();
    expect(gate.asked(began)).toBe(true);
  });

  it('I8: rests where the announcement was overtaken', () => {
    const gate = gateAt(5);
    const began = gate.now();
    gate.announce(rev(6));
    gate.moved(rev(6));
    expect(gate.next(began)).toBe('rest');
  });

  it('I8: follows up a few times, then the owner’s answer stands', () => {
    const gate = gateAt(5);
    gate.announce(rev(9));
    const steps = Array.from({ length: FOLLOW_UPS + 2 }, () => gate.next(gate.now()));
    expect(steps).toEqual([...Array(FOLLOW_UPS).fill('later'), 'rest', 'rest']);
  });

  it('I8: the next announcement starts afresh', () => {
    const gate = gateAt(5);
    gate.announce(rev(9));
    for (let i = 0; i <= FOLLOW_UPS; i++) gate.next(gate.now());
    expect(gate.announce(rev(6))).toBe(true);
    expect(gate.next(gate.now())).toBe('later');
  });

  it('I6: what is not newer is no reason to pull', () => {
    expect(gateAt(5).announce(rev(5))).toBe(false);
    expect(gateAt(5).announce(rev(4))).toBe(false);
  });
});
