// The reference's server, for our client. Says on which port it listens, and what it has processed.
import { Server } from '@logux/server'

const server = new Server({
  host: '127.0.0.1',
  logger: { debug() {}, error: console.error, fatal: console.error, info() {}, warn() {} },
  minSubprotocol: 1,
  port: Number(process.argv[2]),
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
