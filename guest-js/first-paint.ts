/**
 * The answer to a request, which the page waits for: it can wait for the plugin's own scheme, and not
 * for a command.
 */
export function getNow(url: string): unknown {
  const request = new XMLHttpRequest();
  request.open('GET', url, false);
  request.send();
  if (request.status !== 200) throw Error(`Status ${request.status}: ${request.responseText}`);
  return JSON.parse(request.responseText);
}
