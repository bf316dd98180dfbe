/**
 * Lockstep without Tauri: for tests of what uses it. No test runner is needed; fake timers may be
 * on or off.
 *
 * @module tauri-plugin-lockstep-api/testing
 */
export { createFakeBackend, type FakeBackend, type FakeBackendOptions } from './fake-backend.js';
export type { FakeDelivery } from './fake-deliveries.js';
export type { DenyMatch, DenyReason, FakeAccess } from './fake-grants.js';
export type {
  CallMatch,
  FakeAnnouncement,
  FakeAnnouncements,
  FakeArgs,
  FakeCall,
  FakeCalls,
  FakeCommand,
} from './fake-recorder.js';
export type {
  FailOptions,
  FakeRules,
  HeldHops,
  Hop,
  HopAction,
  HopMatch,
  RuleOptions,
} from './fake-rules.js';
export type { FakeTopicsOptions } from './fake-topics.js';
export type { FakeWindow } from './fake-window.js';
export { settled, type WaitOptions, waitFor } from './wait-for.js';
