/**
 * Lockstep without Tauri: for tests of what uses it.
 *
 * @module tauri-plugin-lockstep-api/testing
 */
export {
  createFakeBackend,
  type FakeBackend,
  type FakeBackendOptions,
  type FakeWindow,
  type Hop,
} from './fake-backend.js';
