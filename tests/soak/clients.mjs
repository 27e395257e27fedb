// SPDX-License-Identifier: Apache-2.0
// Ways of asking. Each sends one request and gives back what came: { way, path, method, id, status,
// code, asked, heard }, or null when the connection ended without an answer.

import { RawClient } from '../support/raw.mjs';

const HOST = 'upstream.example';
export const PASSED = 'a.wild.example'; // passed through
// What a gateway says of fields is no field of the request.
const CHECKED = ['authorization', 'keyhole-gateway-key', ...['destination', 'prefix', 'headers', 'body', 'client', 'method', 'target',
  'length', 'coding'].map((n) => `keyhole-check-${n}`)].join(',');
const basic = (token) => `Basic ${Buffer.from(`keyhole:${token}`).toString('base64')}`;
const bearer = (token) => `Authorization: Bearer ${token}\r\n`;

function head(method, target, host, token, body) {
  return `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${bearer(token)}` +
    `${body ? `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n` : ''}\r\n${body}`;
}

/** CONNECT, then TLS; an answer that is no 200 to the CONNECT itself is given back. */
async function tunnel(client, host, field, tls) {
  client.write(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n${field}\r\n`);
  await client.when('the answer to CONNECT', () => client.over || client.input.includes('\r\n\r\n'));
  const opened = /^HTTP\/1\.1 200 /.test(client.input.toString('latin1'));
  const answer = await client.answer({ method: opened ? 'HEAD' : 'GET' }); // a 200 has no body either
  if (!opened) return answer;
  await client.startTls({ ...tls, servername: host });
  return undefined;
}

const asks = {
  base: (c, r) => c.write(head(r.method, `/~up${r.path}`, 'localhost', r.token, r.body)),
  unix: (c, r) => asks.base(c, r),
  host: (c, r) => c.write(head(r.method, r.path, HOST, r.token, r.body)),
  proxy: (c, r) => c.write(head(r.method, `http://${HOST}${r.path}`, HOST, r.token, r.body)),
  check: (c, r) => c.write(`GET /nginx/up HTTP/1.1\r\nHost: keyhole\r\nKeyhole-Check-Destination: https://${HOST}:443\r\n` +
    `Keyhole-Check-Prefix: -\r\nKeyhole-Check-Headers: ${CHECKED}\r\nKeyhole-Check-Body: unseen\r\n` +
    `Keyhole-Check-Client: 192.0.2.1\r\nKeyhole-Check-Method: GET\r\nKeyhole-Check-Target: ${r.path}\r\n${bearer(r.token)}\r\n`),
  async connect(c, r) {
    const refused = await tunnel(c, HOST, '', { ca: r.ca });
    if (refused !== undefined) return refused;
    c.write(head(r.method, r.path, HOST, r.token, r.body));
    return undefined;
  },
  // The token is judged at CONNECT; what is said inside is between client and host.
  async pass(c, r) {
    const refused = await tunnel(c, PASSED, `Proxy-Authorization: ${basic(r.token)}\r\n`, { ca: r.upstreamCa });
    if (refused !== undefined) return refused;
    c.write(`GET ${r.path} HTTP/1.1\r\nHost: ${PASSED}\r\n\r\n`);
    return undefined;
  },
  async websocket(c, r) {
    c.write(`GET /~up${r.path} HTTP/1.1\r\nHost: localhost\r\n${bearer(r.token)}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
    const answer = await c.answer();
    if (answer?.status !== 101) return answer;
    c.write(Buffer.from('818500000000', 'hex')).write('hello');
    await c.when('an echo', () => c.over || c.input.length >= 7);
    return answer;
  },
  revoke: (c, r) => c.write(`POST /.well-known/keyhole/revoke HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n${bearer(r.token)}\r\n`),
  environment: (c, r) => c.write(`GET /.well-known/keyhole/environment HTTP/1.1\r\nHost: localhost\r\n${bearer(r.token)}\r\n`),
  login: (c, r) => c.write('POST /.well-known/keyhole/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
    `Content-Length: ${r.login.length}\r\n\r\n${r.login}`),
  index: (c) => c.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  nobody: (c, r) => c.write(`GET ${r.path} HTTP/1.1\r\nHost: not.served.example\r\n\r\n`),
  garbage: (c) => c.write('GET  /~up/x HTTP/1.1\r\nHost: a\r\n\r\n'),
};
export const WAYS = Object.keys(asks);
/** Those whose 200 is not the upstream's, and has no record of its own by that id. */
export const OWN = ['revoke', 'environment', 'login', 'index'];

function address(broker, way) {
  if (way === 'unix') return broker.at('unix');
  return way === 'check' ? { path: broker.gatewaySocket } : broker.at();
}

export async function ask(broker, way, request) {
  const asked = Date.now();
  const client = await RawClient.connect(address(broker, way));
  try {
    const early = await asks[way](client, request);
    const answer = early === undefined || early instanceof RawClient ? await client.answer({ method: request.method }) : early;
    return answer && {
      way, asked, heard: Date.now(), status: answer.status, id: answer.headers['keyhole-request-id'],
      code: /"code": ?"([a-z-]+)"/.exec(answer.text)?.[1], method: way === 'check' ? 'GET' : request.method,
      path: request.path, passed: way === 'pass' && answer.headers['x-passed'] === 'yes', text: answer.text.slice(0, 200),
    };
  } finally {
    client.destroy();
  }
}

/** A client that does not finish; its answer, or nothing. */
export async function slow(broker, how) {
  const client = await RawClient.connect(broker.at());
  try {
    if (how === 'head') client.write('GET /~up/x HTTP/1.1\r\nHost: loc');
    if (how === 'body') client.write('POST /~up/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nha');
    return await client.answer();
  } finally {
    client.destroy();
  }
}
