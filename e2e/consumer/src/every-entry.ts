// Each entry of the package, for the type-checker: nothing of this runs.
import { defineTopic, type TopicStore } from 'tauri-plugin-lockstep-api';
import { createBrowserTransport } from 'tauri-plugin-lockstep-api/browser';
import { createRevisionSync } from 'tauri-plugin-lockstep-api/core';
import { createPiniaSnapshotApplier } from 'tauri-plugin-lockstep-api/pinia';
import { useTopic as useInReact } from 'tauri-plugin-lockstep-api/react';
import { topicReadable } from 'tauri-plugin-lockstep-api/svelte';
import { createFakeBackend } from 'tauri-plugin-lockstep-api/testing';
import { createValtioSnapshotApplier } from 'tauri-plugin-lockstep-api/valtio';
import { useTopic as useInVue } from 'tauri-plugin-lockstep-api/vue';
import { createZustandSnapshotApplier } from 'tauri-plugin-lockstep-api/zustand';

interface Settings {
  dark: boolean;
}

export const settings: TopicStore<Settings> = defineTopic<Settings>('settings');

// @ts-expect-error The member does not exist: the types have arrived.
settings.get()?.bright;

export const everything = [
  createBrowserTransport,
  createRevisionSync,
  createPiniaSnapshotApplier,
  useInReact,
  topicReadable,
  createFakeBackend,
  createValtioSnapshotApplier,
  useInVue,
  createZustandSnapshotApplier,
];
