// The reference's server, for our client. Says on which port it listens, and what it has processed. With a file, its log
// outlives it.
import { MemoryStore } from '@logux/core'
import { Server } from '@logux/server'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const [port, file] = process.argv.slice(2)

class FileStore extends MemoryStore {
  async add(action, meta) {
    return this.#saved(await super.add(action, meta))
  }

  async changeMeta(id, diff) {
    return this.#saved(await super.changeMeta(id, diff))
  }

  #saved(result) {
    writeFileSync(file, JSON.stringify(this.added))
    return result
  }

  static async read() {
    const store = new FileStore()
    if (!existsSync(file)) return store
    for (const [action, meta] of JSON.parse(readFileSync(file))) {
      store.lastAdded = meta.added - 1
      await MemoryStore.prototype.add.call(store, action, meta)
    }
    return store
  }
}

const server = new Server({
  ...(file && { id: 'same', store: await FileStore.read() }),
  host: '127.0.0.1',
  logger: { debug() {}, error: console.error, fatal: console.error, info() {}, warn() {} },
  minSubprotocol: 1,
  port: Number(port),
  subprotocol: 1
})

const say = (...words) => console.log(words.join(' '))

server.auth(({ token, userId }) => token === `token of ${userId}`)

server.type('do', {
  access: () => true,
  process(ctx, action) {
    say('processed', action.n)
  }
})
server.type('forbidden', { access: () => false })
server.type('fail', {
  access: () => true,
  process() {
    throw new Error('it failed')
  }
})
server.type('say', {
  access: () => true,
  resend: () => ({ channels: ['room/1'] })
})
server.type('tell', {
  access: () => true,
  resend: (ctx, action) => ({ user: action.to })
})
server.log.on('preadd', (action, meta) => {
  if (action.type === 'tell') meta.reasons.push('told')
})
server.channel('room/:id', {
  access: (ctx, action) => action.channel !== 'room/secret',
  load(ctx, action) {
    if (ctx.params.id === 'none') {
      const error = new Error('not found')
      error.name = 'LoguxNotFoundError'
      throw error
    }
    return [{ since: action.since ? 'something' : 'nothing', type: 'room' }]
  }
})

await server.listen()
say('listening', server.httpServer.address().port)
