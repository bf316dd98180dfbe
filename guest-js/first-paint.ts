// What makes the backend late, such as an app that asks the network who the page is, is so for all stores
// of a first frame: for so many ms after it, the page waits for none.
const LATE_MS = 1000;

let lateAt = Number.NEGATIVE_INFINITY;

/**
 * The answer to a request, which the page waits for: it can wait for the plugin's own scheme, and not
 * for a command.
 */
export function getNow(url: string): unknown {
  if (performance.now() < lateAt + LATE_MS) throw Error('The backend was late');
  const request = new XMLHttpRequest();
  request.open('GET', url, false);
  request.send();
  if (request.status === 504) lateAt = performance.now();
  if (request.status !== 200) throw Error(`Status ${request.status}: ${request.responseText}`);
  return JSON.parse(request.responseText);
}
