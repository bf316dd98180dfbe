// The reference's client in a headless Chromium, for our server. Serves the page, and says what the page says.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join, normalize } from 'node:path'

const [url] = process.argv.slice(2)
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const found = names.find(name => spawnSync('which', [name]).status === 0)
const chromium = process.env.CHROMIUM ?? found
if (!chromium) throw new Error('there is no Chromium: install it, or say in CHROMIUM where it is')

const modules = {
  '@logux/actions': '@logux/actions/index.js',
  '@logux/client': '@logux/client/client/index.js',
  '@logux/core': '@logux/core/index.js',
  'nanoevents': 'nanoevents/index.js',
  'nanoid': 'nanoid/index.browser.js'
}
const imports = Object.fromEntries(Object.entries(modules).map(([name, file]) => [name, `/node_modules/${file}`]))

const page = `<!doctype html>
<script>globalThis.process = { env: { NODE_ENV: 'production' } }</script>
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">
import { Client } from '@logux/client'
let last = Promise.resolve()
const say = (...words) => {
  last = last.then(() => fetch('/say', { body: JSON.stringify(words), method: 'POST' }))
}
const client = new Client({
  allowDangerousProtocol: true,
  server: ${JSON.stringify(url)},
  subprotocol: 1,
  token: 'token of 10',
  userId: '10'
})
client.node.catch(error => say('error', error.type ?? error.message))
client.on('add', (action, meta) => {
  if (!action.type.startsWith('logux/') && !meta.sync) say('added', action)
})
const dispatch = (name, action) =>
  client.sync(action).then(() => say('processed', name), error => say('undone', name, error.action.reason))
const offline = dispatch('offline', { n: 'browser', type: 'do' })
client.start()
await offline
for (const type of ['forbidden', 'what', 'fail']) await dispatch(type, { type })
for (const channel of ['hall', 'room/none', 'room/secret']) {
  await dispatch(channel, { channel, type: 'logux/subscribe' })
}
await dispatch('room', { channel: 'room/1', type: 'logux/subscribe' })
// The server is another after this.
await client.node.waitFor('disconnected')
say('state', 'disconnected')
const later = dispatch('later', { n: 'later', type: 'do' })
await client.node.waitFor('synchronized')
await later
const refused = new Client({
  allowDangerousProtocol: true,
  server: ${JSON.stringify(url)},
  subprotocol: 1,
  token: 'wrong',
  userId: '11'
})
refused.node.catch(error => say('refused', error.type ?? error.message))
refused.start()
</script>`

const server = createServer((request, response) => {
  if (request.method === 'POST') {
    let body = ''
    request.on('data', part => (body += part))
    request.on('end', () => {
      console.log(body)
      response.end()
    })
    return
  }
  const path = normalize(request.url)
  if (path === '/') {
    response.setHeader('content-type', 'text/html')
    response.end(page)
  } else if (path.startsWith('/node_modules/')) {
    response.setHeader('content-type', 'text/javascript')
    response.end(readFileSync(join(import.meta.dirname, path)))
  } else {
    response.writeHead(404).end()
  }
})
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))

const profile = mkdtempSync(join(tmpdir(), 'logux-interop-'))
const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', `--user-data-dir=${profile}`]
const browser = spawn(chromium, [...flags, `http://127.0.0.1:${server.address().port}/`], { stdio: 'ignore' })
// Whoever started this closes our input when it has heard enough, or is gone.
process.stdin.resume().on('end', () => {
  browser.kill('SIGKILL')
  browser.on('exit', () => {
    rmSync(profile, { force: true, maxRetries: 5, recursive: true })
    process.exit()
  })
})
