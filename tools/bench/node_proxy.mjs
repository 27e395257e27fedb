// SPDX-License-Identifier: Apache-2.0
// http-proxy of npm as a reverse proxy: PORT UPSTREAM-PORT CA KEY.

import { readFileSync } from 'node:fs';
import https from 'node:https';

import proxy from 'http-proxy';

const [port, upstream, ca, key] = process.argv.slice(2);
const agent = new https.Agent({ keepAlive: true, maxSockets: 256, ca: readFileSync(ca), servername: 'upstream.example' });
const server = proxy.createProxyServer({
  target: { protocol: 'https:', host: '127.0.0.1', port: Number(upstream) }, agent, secure: true,
  headers: { host: 'upstream.example', authorization: `Bearer ${key}` },
});
server.on('error', (error) => process.stderr.write(`${error.message}\n`));
server.listen(Number(port), '127.0.0.1');
