// The reference's server as the benchmark meets it: one type that everybody may do, and that does nothing.
import { Server } from '@logux/server'

const quiet = () => {}
const server = new Server({
  host: '127.0.0.1',
  logger: { debug: quiet, error: console.error, fatal: console.error, info: quiet, warn: quiet },
  minSubprotocol: 1,
  port: 31399,
  subprotocol: 1
})
server.logger = { debug: quiet, error: console.error, fatal: console.error, info: quiet, warn: quiet }
server.auth(() => true)
server.type('do', { access: () => true, process: quiet })
await server.listen()
console.log('listening', server.httpServer.address().port)
