import type { Contender } from '../contender.js';
import { channel } from './channel.js';
import { emit } from './emit.js';
import { floor } from './floor.js';
import { lockstep, lockstepCollection, lockstepFirstPaint } from './lockstep.js';
import { pullByHand } from './pull.js';
import { storeKeyed, storeWhole } from './store.js';
import { zustand } from './zustand.js';

/** By the id that `src/contender.rs` has for each. */
export const contenders: Record<string, Contender> = {
  floor,
  emit,
  pull: pullByHand,
  channel,
  'store-whole': storeWhole,
  'store-keyed': storeKeyed,
  zustand,
  lockstep,
  'lockstep-delivered': lockstep,
  'lockstep-first-paint': lockstepFirstPaint,
  'lockstep-collection': lockstepCollection,
};
