import { LockstepError } from './errors.js';
import { toLockstepError } from './explain.js';
import { limited } from './limited.js';
import { enqueue, pageOf, pageTopicOf } from './page.js';
import { isCanonicalRevision, type Revision } from './revision.js';
import type { FlushTransport } from './transport.js';
import { protocolError } from './wire.js';

/** After so many ms without an answer, the call counts as failed. */
const CALL_MS = 30_000;

/** `flush` over any transport; one that saves nothing says so. */
export async function flush(transport: FlushTransport, topic: string): Promise<Revision> {
  if (typeof transport.flush !== 'function') {
    throw new LockstepError('notSaved', `Nothing here saves "${topic}"`, { topic });
  }
  // What this page has written before is saved, too; what it writes after does not wait.
  await enqueue(pageTopicOf(pageOf(transport), topic), async () => {});
  const message = `No answer for "${topic}" came within ${CALL_MS} ms: whether it is saved is unknown`;
  try {
    const answer = await limited(
      () => transport.flush(topic),
      CALL_MS,
      message,
      () => {},
    );
    const { revision } = Object(answer);
    if (!isCanonicalRevision(revision)) throw protocolError('The answer to flush is none');
    return revision;
  } catch (error) {
    throw toLockstepError(error, { topic, window: transport.label, action: 'write' });
  }
}
