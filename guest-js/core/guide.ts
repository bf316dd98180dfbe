import type { ErrorContext } from './explain.js';

/** What whoever builds the app has to do about a refusal of Tauri's. */
export interface Advice {
  message: string;
  permission?: string;
}

/** The plugin is not there. */
export function register(): Advice {
  return {
    message:
      'The plugin is not registered in this app. Add `.plugin(tauri_plugin_lockstep::Builder::new()…build())` to tauri::Builder.',
  };
}

// Both spellings: `plugin:lockstep|write` in release builds, `lockstep.write` in development.
const COMMAND = /^(?:Command )?(?:plugin:)?(?:([\w-]+)[|.])?([\w-]+) /;

/** The window may not do this: which lines to add to its capability. */
export function permit(
  refusal: string,
  { topic, window, action = 'read', grant }: ErrorContext,
): Advice {
  const [, plugin, command = ''] = COMMAND.exec(refusal) ?? [];
  let may = `call \`${command}\``;
  let add = "the command's permission";
  let permission: string | undefined;
  if (plugin === 'event') {
    may = `listen to "${topic}"`;
    permission = `core:event:allow-${command}`;
    add = '"core:event:allow-listen", "core:event:allow-unlisten"';
  } else if (plugin === 'lockstep') {
    const does = command === 'write' ? command : action;
    may = `${does} the topic "${topic}"`;
    permission = grant?.permission ?? (does === 'write' ? 'lockstep:write' : 'lockstep:default');
    add = `{ "identifier": "${permission}", "allow": [{ "topic": "${grant?.topic ?? topic}" }] }`;
  }
  const who = window ? `The window "${window}"` : 'This window';
  return {
    message: `${who} may not ${may}. Add to "permissions" of a capability that lists the window (src-tauri/capabilities/*.json): ${add}.`,
    ...(permission !== undefined && { permission }),
  };
}
