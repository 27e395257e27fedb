// SPDX-License-Identifier: Apache-2.0
// The same bytes to nginx and to Keyhole, each before an upstream that records what reaches it; and
// what differs, by kind. tests/vectors/nginx.kinds says of each kind why it is so.

import { existsSync, readFileSync, statSync } from 'node:fs';
import net from 'node:net';

/** The same numbers for the same seed, everywhere. */
export class Random {
  constructor(seed) {
    this.state = BigInt(seed) * 2n + 1n;
  }

  below(n) {
    const mask = (1n << 64n) - 1n;
    this.state ^= this.state >> 12n;
    this.state = (this.state ^ (this.state << 25n)) & mask;
    this.state ^= this.state >> 27n;
    return Number((this.state * 2685821657736338717n & mask) >> 33n) % n;
  }

  one(list) {
    return list[this.below(list.length)];
  }

  chance(percent) {
    return this.below(100) < percent;
  }
}

// ---- requests: a grammar, and faults ----

const SEGMENTS = ['v1', 'models', 'a.b', 'x-y_z~', 'a%20b', '%41', '%7euser', '%c3%a9', 'a+b', "it's", 'a:b@c', '(x)', '*', '!$&,=', '%3f', '%23'];
const ODD_SEGMENTS = ['..', '.', '', '%2e%2e', '%2F', '%2f', '%5c', '\\', '%00', '%0d%0a', '%25', '%252e', 'x;y=z', '%', '%4', '%zz', '\xc3\xa9', '"', '<a>', '{x}', '|', '^', '`', '~up', 'a b', '#f', '[x]', '%7f', '%80', '\x7f'];
const PAIRS = ['a=b', 'limit=10', 'q=a%20b', 'q=a+b', 'empty=', 'flag', 'x[y]=1', 'x%5by%5D=2', 'a=%c3%a9', 'u=http://x/?y', 'p=..%2f', "s='", 'm=a:b@c/d', 'e=%3D%26'];
const ODD_PAIRS = ['a=%', 'a=%zz', 'a="', 'a=<b>', 'a=\xe9', 'a={b}', 'a=b#c', 'a=%00', 'a=\\', '&&', '=', 'a=^|`', 'a=\x7f', 'a=%0a', 'a=b;c=d', '?'];
const FIELDS = ['Accept: */*', 'User-Agent: test/1.0 (x; y)', 'Content-Type: application/json', 'X-Custom: a, b', 'Accept-Language: de', 'Cookie: a=b; c=d', 'If-None-Match: "x"', 'Range: bytes=0-1', 'X-Empty:', 'X-Spaces:   a  ', 'X-High: \xe9', 'X-Tab:\ta\tb\t', 'Origin: https://o.example', 'Cache-Control: no-cache', 'X-Quoted: "a, b"', 'TE: trailers', 'Pragma: no-cache', 'x-lower: y', 'X-UPPER: Y'];
const ODD_FIELDS = ['X_Under: 1', 'Content_Length: 5', 'Transfer_Encoding: chunked', 'Connection: close', 'Connection: keep-alive', 'Connection: x-custom', 'Connection: close, x-custom', 'Connection: host', 'Connection: content-length', 'Connection: transfer-encoding', 'Connection: cookie', 'Keep-Alive: timeout=5', 'Proxy-Connection: close', 'Proxy-Foo: x', 'Forwarded: for=1.2.3.4', 'X-Forwarded-For: 1.2.3.4', 'X-Forwarded-Host: evil', 'X-Real-IP: 1.2.3.4', 'Keyhole-Foo: x', 'Proxy: http://evil', 'Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAAA', 'Upgrade: websocket', 'Expect: 100-continue', 'Expect: 200-maybe', 'Trailer: X-T', 'X-HTTP-Method-Override: DELETE', 'X-Original-URL: /admin', 'X-Rewrite-URL: /admin', 'Content-Encoding: gzip', 'Accept-Encoding: gzip', 'Content-MD5: AAAA', 'Authorization: Negotiate AAAA', 'Max-Forwards: 0', 'Via: 1.0 x'];

// Each changes a request (an object) before it is written. The name is a part of nothing but messages.
const FAULTS = {
  'odd segment': (r, q) => r.path.splice(r.path.length ? q.below(r.path.length) : 0, 0, q.one(ODD_SEGMENTS)),
  'odd pair': (r, q) => { r.query = [...(r.query ?? []), q.one(ODD_PAIRS)]; },
  'odd field': (r, q) => r.fields.splice(q.below(r.fields.length + 1), 0, q.one(ODD_FIELDS)),
  'field twice': (r, q) => r.fields.push(q.one([...r.fields, ...FIELDS])),
  'method': (r, q) => { r.method = q.one(['get', 'G_T', 'GET1', 'TRACE', 'PROPFIND', 'X', 'A'.repeat(33), 'G(T', 'CONNECT', '']); },
  'version': (r, q) => { r.version = q.one(['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', 'HTTP/1.10', 'HTTP/01.1', '']); },
  'spaces in the line': (r, q) => { r.separators = q.one([['  ', ' '], [' ', '  '], ['\t', ' '], [' ', '\t'], [' ', ' \t']]); },
  'before the line': (r, q) => { r.before = q.one(['\r\n', '\n', '\r\n\r\n', ' ', '\0', '\r']); },
  'absolute': (r, q) => { r.authority = q.one([r.host, r.host, `${r.host}:80`, `${r.host}:443`, 'other.example', `user@${r.host}`, r.host.toUpperCase()]); },
  'asterisk': (r) => { r.target = '*'; },
  'target without a slash': (r) => { r.target = 'v1/models'; },
  'host': (r, q) => { r.hostField = q.one([`Host: ${r.host.toUpperCase()}`, `Host: ${r.host}.`, `Host: ${r.host}:80`, `Host: ${r.host}:443`, `Host: ${r.host}:`, `Host: ${r.host}:99999`, 'Host: other.example', 'Host:', null, `Host: ${r.host}\r\nHost: ${r.host}`, `Host: ${r.host}\r\nHost: other.example`, `Host : ${r.host}`, `Host: ${r.host}, x`, `Host: user@${r.host}`, `Host: ${r.host}/x`, `Host: ${r.host} x`, `Host: ${r.host}\x01`]); },
  'line ending': (r, q) => { r.ending = [q.one(['\n', '\r', '\r\r\n', '\n\r\n']), q.below(8)]; },
  'fold': (r, q) => r.fields.push(`X-Fold: a\r\n${q.one([' ', '\t'])}b`),
  'bad field': (r, q) => r.fields.splice(q.below(r.fields.length + 1), 0, q.one(['X : y', 'X\t: y', ' X: y', 'X', ': y', 'X(y): z', 'X y: z', '\xe9: y', 'X: a\0b', 'X: a\x01b', 'X: a\x7fb', 'X: a\rb', 'X:\x0bb', 'X\0: b', '"X": y', 'X@y: z', '@', '=: y'])),
  'length': (r, q) => { r.framing = [q.one(['Content-Length: +5', 'Content-Length: 05', 'Content-Length: 5, 5', 'Content-Length: 5 5', 'Content-Length: 0x5', 'Content-Length: -1', 'Content-Length:', 'Content-Length: 5\r\nContent-Length: 5', 'Content-Length: 5\r\nContent-Length: 6', 'Content-Length: 99999999999999999999', 'Content-Length : 5', 'Content-Length: 5;', 'Content-Length: 5\x0b', 'Content-Length: 4', 'Content-Length: 0'])]; r.body = 'hello'; },
  'both': (r, q) => { r.framing = q.one([['Content-Length: 5', 'Transfer-Encoding: chunked'], ['Transfer-Encoding: chunked', 'Content-Length: 15']]); r.body = '5\r\nhello\r\n0\r\n\r\n'; },
  'coding': (r, q) => { r.framing = [q.one(['Transfer-Encoding: identity', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: chunked, identity', 'Transfer-Encoding: xchunked', 'Transfer-Encoding: CHUNKED', 'Transfer-Encoding: chunked, chunked', 'Transfer-Encoding:', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: "chunked"', 'Transfer-Encoding: chunked;a=b', 'Transfer-Encoding:\x0bchunked', 'Transfer-Encoding: chunked,', 'Transfer-Encoding : chunked', 'Transfer-Encoding: chun\r\n ked'])]; r.body = '5\r\nhello\r\n0\r\n\r\n'; },
  'chunks': (r, q) => { r.framing = ['Transfer-Encoding: chunked']; r.body = q.one(['5\nhello\r\n0\r\n\r\n', '5\r\nhello\n0\r\n\r\n', '5\r\nhello\r\n0\n\n', '+5\r\nhello\r\n0\r\n\r\n', '0x5\r\nhello\r\n0\r\n\r\n', '5 \r\nhello\r\n0\r\n\r\n', ' 5\r\nhello\r\n0\r\n\r\n', '5;a=b\r\nhello\r\n0\r\n\r\n', '5;a="b\r\nhello\r\n0\r\n\r\n', '5;\r\nhello\r\n0\r\n\r\n', '5;a=b\nc\r\nhello\r\n0\r\n\r\n', '05\r\nhello\r\n000\r\n\r\n', '5\r\nhello0\r\n\r\n', '5\r\nhelloXX0\r\n\r\n', '\r\nhello\r\n0\r\n\r\n', 'g\r\nhello\r\n0\r\n\r\n', 'ffffffffffffffff\r\nhello\r\n0\r\n\r\n', '10000000000000005\r\nhello\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\nX-T: y\r\n\r\n', '5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n', '5\r\nhello\r\n0\r\nX T: y\r\n\r\n', '5\r\nhello\r\n0\r\n X: y\r\n\r\n', '5\t\r\nhello\r\n0\r\n\r\n', '5\r\r\nhello\r\n0\r\n\r\n', '5,\r\nhello\r\n0\r\n\r\n', 'A\r\n0123456789\r\n0;x\r\n\r\n']); },
  'any byte': (r, q) => { r.change = [q.below(4096), q.one([0, 9, 10, 11, 13, 32, 58, 127, 133, 160, 255, 35, 37, 47, 63, 92])]; },
  'many fields': (r, q) => { for (let i = q.one([98, 101]); i > 0; i--) r.fields.push(`A${i}: b`); },
  'long': (r, q) => r.fields.push(`X-Long: ${'x'.repeat(q.one([3000, 9000, 17000]))}`),
};

/** One request for `host`: its bytes, and which faults it has. */
export function makeRequest(q, host, token) {
  const r = {
    method: q.one(['GET', 'GET', 'GET', 'POST', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH']), version: 'HTTP/1.1', host, before: '',
    path: Array.from({ length: q.below(4) }, () => q.one(SEGMENTS)), fields: Array.from({ length: q.below(5) }, () => q.one(FIELDS)),
    separators: [' ', ' '], hostField: `Host: ${host}`, framing: [], body: '', faults: [],
  };
  r.fields = [...new Map(r.fields.map((f) => [f.split(':')[0].toLowerCase(), f])).values()];
  if (q.chance(40)) r.query = Array.from({ length: q.below(3) }, () => q.one(PAIRS));
  if (['POST', 'PUT', 'PATCH'].includes(r.method) || q.chance(5)) {
    if (q.chance(50)) {
      r.body = q.one(['', 'hello', '{"a":1}', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n']);
      r.framing = [`Content-Length: ${r.body.length}`];
    } else {
      r.body = q.one(['0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n', '3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n']);
      r.framing = ['Transfer-Encoding: chunked'];
    }
  }
  for (let n = q.one([0, 1, 1, 1, 1, 2]); n > 0; n--) {
    const name = q.one(Object.keys(FAULTS));
    FAULTS[name](r, q);
    r.faults.push(name);
  }
  const path = `/${r.path.join('/')}${r.query ? `?${r.query.join('&')}` : ''}`;
  const target = r.target ?? (r.authority ? `http://${r.authority}${path}` : path);
  const lines = [`${r.method}${r.separators[0]}${target}${r.separators[1]}${r.version}`, ...(r.hostField === null ? [] : [r.hostField]),
    `Keyhole-Token: ${token}`, ...r.fields, ...r.framing, ''];
  const ends = lines.map(() => '\r\n');
  if (r.ending) ends[r.ending[1] % ends.length] = r.ending[0];
  let bytes = Buffer.from(r.before + lines.map((l, i) => l + ends[i]).join('') + r.body, 'latin1');
  if (r.change) bytes[r.change[0] % bytes.length] = r.change[1];
  return { bytes, faults: r.faults };
}

// ---- upstreams that record ----

/** Requests on one connection, taken apart by the letter; what cannot be is `unreadable`. */
function readRequest(input) {
  const end = input.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const lines = input.subarray(0, end).toString('latin1').split('\r\n');
  const start = /^(\S+) (\S+) HTTP\/1\.1$/.exec(lines[0]);
  const fields = lines.slice(1).map((l) => /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?(.*)$/.exec(l));
  if (!start || fields.includes(null)) return { unreadable: lines.join('\n'), used: input.length };
  const value = (name) => fields.filter((f) => f[1].toLowerCase() === name).map((f) => f[2]);
  const request = { method: start[1], target: start[2], fields: fields.map((f) => [f[1].toLowerCase(), f[2].trim()]) };
  const [lengths, codings] = [value('content-length'), value('transfer-encoding')];
  if (lengths.length + codings.length > 1 || (codings[0] ?? 'chunked') !== 'chunked' || !/^\d+$/.test(lengths[0] ?? '0'))
    return { unreadable: lines.join('\n'), used: input.length };
  let at = end + 4;
  if (codings.length === 0) {
    const n = Number(lengths[0] ?? 0);
    if (input.length < at + n) return null;
    return { ...request, body: input.subarray(at, at + n).toString('latin1'), used: at + n };
  }
  for (let body = '';;) {
    const line = input.indexOf('\r\n', at);
    if (line < 0) return null;
    const size = input.subarray(at, line).toString('latin1');
    if (!/^[0-9A-Fa-f]{1,15}$/.test(size)) return { unreadable: `chunk size ${JSON.stringify(size)}`, used: input.length };
    const n = parseInt(size, 16);
    if (input.length < line + 4 + n) return null;
    body += input.subarray(line + 2, line + 2 + n).toString('latin1');
    at = line + 4 + n;
    if (n === 0) return { ...request, body, used: at };
  }
}

/** A plain upstream: `seen` has what arrived since it was emptied. */
export async function startRecorder(t) {
  const recorder = { seen: [] };
  const sockets = new Set();
  const server = net.createServer({ noDelay: true }, (socket) => {
    let input = Buffer.alloc(0);
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      if (input.length > 0) recorder.seen.push({ cut: true });
    });
    socket.on('data', (data) => {
      input = Buffer.concat([input, data]);
      for (let r = readRequest(input); r; r = readRequest(input)) {
        input = input.subarray(r.used);
        recorder.seen.push(r);
        if (r.unreadable) return void socket.destroy();
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${r.method === 'HEAD' ? '' : 'ok'}`);
      }
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  recorder.port = server.address().port;
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return recorder;
}

/** Send bytes on a connection of their own, and read until it is closed. */
function send(port, bytes, limit) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    const parts = [];
    const timer = setTimeout(() => socket.destroy(), limit);
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (data) => parts.push(data));
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(parts).toString('latin1'));
    });
  });
}

// ---- comparing ----

const SENTINEL = '/sentinel';
const ours = (name) => ['x-injected', 'keyhole-token', 'host', 'connection', 'content-length', 'transfer-encoding', 'accept-encoding'].includes(name);
const UNRESERVED = /%(4[1-9A-Fa-f]|5[0-9Aa]|6[1-9A-Fa-f]|7[0-9Aa]|3[0-9]|2[DdEe]|5[Ff]|7[Ee])/g;

// What turns nginx's target into ours, in this order; those that it takes are the kind.
const NORMALISERS = [
  ['escapes of unreserved characters are decoded in the path', (t) => {
    const [path, ...query] = t.split('?');
    return [path.replace(UNRESERVED, (_, h) => String.fromCharCode(parseInt(h, 16))), ...query].join('?');
  }],
  ['escapes are in upper case in the path', (t) => {
    const [path, ...query] = t.split('?');
    return [path.replace(/%[0-9a-f]{2}/gi, (e) => e.toUpperCase()), ...query].join('?');
  }],
  ['brackets are escaped in the query', (t) => {
    const at = t.indexOf('?');
    return at < 0 ? t : t.slice(0, at) + t.slice(at).replaceAll('[', '%5B').replaceAll(']', '%5D');
  }],
];

function targetKinds(nginx, keyhole) {
  const kinds = [];
  let t = nginx;
  for (const [name, normalise] of NORMALISERS) {
    const next = normalise(t);
    if (next !== t) kinds.push(`target: ${name}`);
    t = next;
  }
  return t === keyhole ? kinds : [`target: another: ${JSON.stringify(nginx)} and ${JSON.stringify(keyhole)}`];
}

function fieldKinds(nginx, keyhole) {
  const kinds = [];
  const texts = (r) => r.fields.filter(([n]) => !ours(n)).map(([n, v]) => `${n}: ${v}`);
  const [theirs, mine] = [texts(nginx), texts(keyhole)];
  for (const text of theirs.filter((x) => !mine.includes(x))) kinds.push(`field: only nginx sends ${text.split(':')[0]}`);
  for (const text of mine.filter((x) => !theirs.includes(x))) kinds.push(`field: only Keyhole sends ${/^[a-z0-9-]+:/.test(text) ? text.split(':')[0] : 'a name with other characters than letters, digits and hyphens'}`);
  if (kinds.length === 0 && theirs.join('\n') !== mine.join('\n')) kinds.push('field: another order, or another number');
  return kinds;
}

const status = (answers) => [...answers.matchAll(/HTTP\/1\.[01] ([2-5]\d\d)/g)].map((m) => m[1]);

// The sentence of a refusal, without what it quotes.
function why(answers) {
  const code = /"code":"([^"]*)"/.exec(answers)?.[1];
  const detail = /"detail":"((?:[^"\\]|\\.)*)"/.exec(answers)?.[1];
  const status = /^HTTP\/1\.1 (\d+)/m.exec(answers)?.[1] ?? 'no answer';
  const plain = (detail ?? '').replace(/\\".*?\\"/g, '…').replace(/at byte \d+/g, 'at byte N').replace(/\d+ (bytes|fields)/g, 'N $1').replace(/up\d+\.example/g, 'HOST');
  if (!code) return `status ${status}, without a body to say why`;
  return `${code}${plain ? `: ${plain}` : ''}`;
}

/** What differs, as kinds. `nginx` and `keyhole` are { seen, answers }. */
export function compare(nginx, keyhole) {
  const whole = (side) => side.seen.filter((r) => !r.cut);
  const [theirs, mine] = [whole(nginx), whole(keyhole)];
  const bad = mine.find((r) => r.unreadable);
  if (bad) return [`Keyhole sends what cannot be read: ${bad.unreadable}`];
  const first = (list) => list[0] && !list[0].unreadable && !list[0].target.startsWith(SENTINEL) ? list[0] : null;
  const [a, b] = [first(theirs), first(mine)];
  const kinds = [];
  if (theirs.some((r) => r.unreadable)) kinds.push(`nginx sends what cannot be read, Keyhole says ${why(keyhole.answers)}`);
  else if (a && !b) kinds.push(`nginx forwards, Keyhole refuses: ${why(keyhole.answers)}`);
  else if (!a && b) kinds.push(`Keyhole forwards, nginx answers ${status(nginx.answers)[0] ?? 'nothing'}${nginx.said ? `: ${nginx.said}` : ''}`);
  else if (a && b) {
    if (a.method !== b.method) kinds.push(`method: ${a.method} and ${b.method}`);
    kinds.push(...targetKinds(a.target, b.target), ...fieldKinds(a, b));
    if (a.body !== b.body) kinds.push('body: another');
  }
  // What follows: the second request of the connection was the same for both, or there is a reason.
  const after = (list) => list.filter((r) => r.target?.startsWith(SENTINEL)).length;
  const between = (list, x) => list.filter((r) => !r.unreadable && r !== x && !r.target.startsWith(SENTINEL)).length;
  if (between(mine, b) > 0) kinds.push('Keyhole: a request that nobody sent');
  if (between(theirs, a) > 0) kinds.push('nginx: a request that nobody sent');
  if (a && b && after(theirs) !== after(mine))
    kinds.push(`the request after it: ${after(theirs) ? 'nginx forwards it' : `nginx does not (${status(nginx.answers).at(-1)})`}, ${after(mine) ? 'Keyhole forwards it' : `Keyhole does not (${status(keyhole.answers).at(-1)})`}`);
  if (!b && after(mine) > 0) kinds.push('Keyhole goes on after a refusal');
  return kinds;
}

/** One lane: a host, an upstream behind each proxy, one request at a time. */
export class Lane {
  constructor({ host, token, nginxPort, keyholePort, nginx, keyhole, limit = 2000 }) {
    Object.assign(this, { host, token, nginxPort, keyholePort, nginx, keyhole, limit, logged: 0 });
  }

  /** What nginx wrote to the lane's log since the last call: why it refused. */
  said() {
    if (!existsSync(this.log) || statSync(this.log).size === this.logged) return '';
    const text = readFileSync(this.log, 'latin1').slice(this.logged);
    this.logged += text.length;
    const found = /(?:client sent |: )((?:invalid|duplicate|too|plain|"|HTTP|no |both|unknown|unsupported)[^"\n]*?)(?: while |: "|, client|$)/m.exec(text);
    return found ? found[1].trim() : '';
  }

  async try(q) {
    const { bytes, faults } = makeRequest(q, this.host, this.token);
    const sentinel = Buffer.from(`GET ${SENTINEL} HTTP/1.1\r\nHost: ${this.host}\r\nKeyhole-Token: ${this.token}\r\nConnection: close\r\n\r\n`);
    const all = Buffer.concat([bytes, sentinel]);
    this.nginx.seen.length = this.keyhole.seen.length = 0;
    const [theirs, mine] = await Promise.all([send(this.nginxPort, all, this.limit), send(this.keyholePort, all, this.limit)]);
    const kinds = compare({ seen: this.nginx.seen, answers: theirs, said: this.said() }, { seen: this.keyhole.seen, answers: mine });
    return { kinds, faults, bytes, theirs, mine, seen: [[...this.nginx.seen], [...this.keyhole.seen]] };
  }
}
