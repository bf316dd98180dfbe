// The reference's client, for our server. Does what it is told on its standard input, a JSON array in each line, and
// answers with a JSON array in a line.
import { Client } from '@logux/client'
import { Reconnect, WsConnection } from '@logux/core'
import { createInterface } from 'node:readline'
import WebSocket from 'ws'

const [url, userId, token] = process.argv.slice(2)

const client = new Client({
  allowDangerousProtocol: true,
  server: new Reconnect(new WsConnection(url, WebSocket), { maxDelay: 200, minDelay: 100 }),
  subprotocol: 1,
  timeout: 5000,
  token,
  userId
})

const say = (...words) => console.log(JSON.stringify(words))

client.node.catch(error => say('error', error.type ?? error.message))
client.on('add', (action, meta) => {
  if (!action.type.startsWith('logux/') && !meta.sync) say('added', action)
})

const commands = {
  dispatch: (n, action) =>
    client.sync(action).then(
      () => say('processed', n),
      error => say('undone', n, error.action.reason)
    ),
  start: () => client.start(),
  state: async state => {
    await client.waitFor(state)
    say('state', state)
  }
}

createInterface({ input: process.stdin }).on('line', line => {
  const [name, ...args] = JSON.parse(line)
  commands[name](...args)
})
say('ready', client.nodeId)
