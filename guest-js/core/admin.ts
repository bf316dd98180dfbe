import { type ErrorContext, toLockstepError } from './explain.js';
import { limited } from './limited.js';
import type { AdminTransport, CreateTopicRequest } from './transport.js';
import type { Topic } from './types.js';
import { type Created, parseCreated, parseRemoved, parseTopics } from './wire.js';

/** After so many ms without an answer, a call counts as failed. */
const CALL_MS = 30_000;

/** Which topics to list. */
export interface ListTopicsOptions {
  /** Only those whose names begin so. Default: all. */
  prefix?: string;
}

/** Creates a topic, and checks the answer. See `TopicFamily.create` for what it rejects with. */
export function createTopic(
  transport: AdminTransport,
  request: CreateTopicRequest & { topic: Topic },
): Promise<Created> {
  const { topic } = request;
  return asked(transport, 'create', topic, async () =>
    parseCreated(await transport.createTopic(request), topic),
  );
}

/** `removeTopic` over any transport. */
export function removeTopic(transport: AdminTransport, topic: Topic): Promise<boolean> {
  return asked(transport, 'remove', topic, async () =>
    parseRemoved(await transport.removeTopic(topic)),
  );
}

/** `listTopics` over any transport. */
export function listTopics(
  transport: AdminTransport,
  { prefix = '' }: ListTopicsOptions = {},
): Promise<Topic[]> {
  return asked(transport, 'read', `${prefix}*`, async () =>
    parseTopics(await transport.listTopics(prefix || undefined)),
  );
}

async function asked<R>(
  transport: AdminTransport,
  action: ErrorContext['action'],
  topic: string,
  work: () => Promise<R>,
): Promise<R> {
  // What is created at run time is one of many.
  const of = topic.replace(/\/[^/]*$/, '/*');
  const context: ErrorContext = {
    topic,
    window: transport.label,
    action,
    ...(action !== 'read' && { grant: { permission: 'lockstep:admin', topic: of } }),
  };
  const message = `No answer for "${topic}" came within ${CALL_MS} ms: whether it was done is unknown`;
  try {
    return await limited(work, CALL_MS, message, () => {});
  } catch (error) {
    throw toLockstepError(error, context);
  }
}
