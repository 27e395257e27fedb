// SPDX-License-Identifier: Apache-2.0
// Upstreams: HTTPS servers that accept one real key, remember what they received, and answer as the
// test says. `startUpstream` speaks proper HTTP; `startRawUpstream` sends whatever bytes it is told.

import { createHash, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';

import { testAuthority } from './pki.mjs';
import { Queue, until } from './wait.mjs';

/** The host that stands for each preset in these tests. */
export const PRESET_HOSTS = {
  openai: 'api.openai.com',
  anthropic: 'api.anthropic.com',
  github: 'api.github.com',
  gitlab: 'gitlab.com',
  stripe: 'api.stripe.com',
  google: 'generativelanguage.googleapis.com',
  slack: 'slack.com',
  huggingface: 'huggingface.co',
};
export const HOSTS = [...Object.values(PRESET_HOSTS), 'upstream.example', 'other.example',
  'a.wild.example', 'b.wild.example', 'wild.example', 'xn--bcher-kva.example'];

function same(a, b) {
  const x = Buffer.from(a), y = Buffer.from(b);
  return x.length === y.length && timingSafeEqual(x, y);
}

/** Where an upstream expects its key; each gives a function of a recorded request. */
export const accepts = {
  anything: () => () => true,
  header: (name, value) => (r) => {
    const found = r.fields(name);
    return found.length === 1 && same(found[0], value);
  },
  bearer: (key) => accepts.header('authorization', `Bearer ${key}`),
  basic: (user, password) =>
    accepts.header('authorization', `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`),
  query: (name, key) => (r) => {
    const found = new URL(r.url, 'http://x').searchParams.getAll(name);
    return found.length === 1 && same(found[0], key);
  },
};

/** One request as it arrived. */
class Received {
  constructor(request, connection) {
    this.method = request.method;
    this.url = request.url;
    this.headers = request.headers;
    this.rawHeaders = request.rawHeaders;
    this.version = request.httpVersion;
    this.sni = request.socket.servername || undefined;
    this.connection = connection;
    this.body = Buffer.alloc(0);
    this.complete = false;
    this.authorized = false;
  }

  /** Every value of a header field, in order, whatever its case. */
  fields(name) {
    const values = [];
    for (let i = 0; i < this.rawHeaders.length; i += 2)
      if (this.rawHeaders[i].toLowerCase() === name.toLowerCase()) values.push(this.rawHeaders[i + 1]);
    return values;
  }

  /** Everything that came, as text: to search for what must not be there. */
  text() {
    const head = [];
    for (let i = 0; i < this.rawHeaders.length; i += 2)
      head.push(`${this.rawHeaders[i]}: ${this.rawHeaders[i + 1]}`);
    return `${this.method} ${this.url}\n${head.join('\n')}\n\n${this.body.toString('latin1')}`;
  }
}

function listen(server, host, port = 0) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address().port);
    });
  });
}

class Listener {
  constructor(t, server, options) {
    this.server = server;
    this.hosts = options.hosts ?? HOSTS;
    this.plain = options.plain ?? false;
    this.sockets = new Set();
    this.connections = 0;
    // For TLS, 'connection' comes before the handshake: attempts count as well.
    server.on('connection', (socket) => {
      this.connections++;
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => {});
    });
    t.after(() => this.stop());
  }

  get ca() {
    return testAuthority().file;
  }

  /** `--resolve` values that lead each of these hosts here. */
  resolve(hosts, port = this.plain ? 80 : 443) {
    return hosts.map((h) => `${h}:${port}:127.0.0.1:${this.port}`);
  }

  /** End every connection, as a server that restarts would. */
  dropConnections() {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop() {
    this.dropConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

class Upstream extends Listener {
  constructor(t, server, options) {
    super(t, server, options);
    this.requests = [];
    this.routes = [];
    this.accepts = options.accepts ?? accepts.bearer(options.key ?? '');
    this.fallback = options.fallback; // instead of the answer that describes the request
    this.problems = [];
    let count = 0;
    const numbers = new WeakMap();
    server.on(this.plain ? 'connection' : 'secureConnection', (s) => numbers.set(s, ++count));
    server.on('request', (req, res) => this.serve(req, res, numbers.get(req.socket)));
    server.on('checkContinue', (req, res) => {
      res.writeContinue();
      this.serve(req, res, numbers.get(req.socket));
    });
    server.on('clientError', (error, socket) => {
      this.problems.push(error);
      socket.destroy();
    });
  }

  /** Answer requests of this path (without the query) by `handler(received, res, req)`. The body was
   * read before, unless `stream`. The key was accepted before. */
  route(path, handler, { stream = false } = {}) {
    this.routes.unshift({ path, handler, stream });
    return this;
  }

  /** Requests of this path wait for the test: `const { received, res } = await queue.next()`. */
  hold(path, options = {}) {
    const queue = new Queue(`a request for ${path} at the upstream`);
    this.route(path, (received, res, req) => queue.put({ received, res, req }), options);
    return queue;
  }

  /** The only request so far for this path. */
  only(path) {
    const found = this.requests.filter((r) => r.url.split('?')[0] === path);
    if (found.length !== 1) throw new Error(`${found.length} requests for ${path}, not one`);
    return found[0];
  }

  async serve(req, res, connection) {
    const received = new Received(req, connection);
    this.requests.push(received);
    res.on('error', () => {});
    received.authorized = this.accepts(received);
    const path = req.url.split('?')[0];
    const route = this.routes.find((r) => r.path === path);
    if (!route?.stream) {
      const parts = [];
      try {
        for await (const part of req) parts.push(part);
      } catch {
        return; // the broker went away; `complete` stays false
      }
      received.body = Buffer.concat(parts);
      received.complete = true;
    }
    if (!received.authorized) return answerJson(res, 401, { error: { message: 'wrong key' } });
    if (route) return route.handler(received, res, req);
    if (this.fallback) return this.fallback(received, res, req);
    return answerJson(res, 200, {
      ok: true,
      method: received.method,
      url: received.url,
      bytes: received.body.length,
      sha256: createHash('sha256').update(received.body).digest('hex'),
    });
  }
}

export function answerJson(res, status, value, headers = {}) {
  const text = JSON.stringify(value);
  res.writeHead(status, {
    'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers,
  });
  res.end(text);
}

/** An HTTP upstream. Options: `key` or `accepts`, `fallback` (a handler as of `route`), `hosts`, `plain`, `certificate` {key, cert},
 * `host` and `port` to listen on. */
export async function startUpstream(t, options = {}) {
  const settings = { keepAliveTimeout: 120000 };
  const server = options.plain
    ? http.createServer(settings)
    : https.createServer({ ...settings, ...(options.certificate ??
        testAuthority().issue(options.hosts ?? HOSTS)) });
  const upstream = new Upstream(t, server, options);
  upstream.port = await listen(server, options.host ?? '127.0.0.1', options.port);
  return upstream;
}

class RawUpstream extends Listener {
  constructor(t, server, options) {
    super(t, server, options);
    this.heads = [];
    this.answer = options.answer;
    server.on(this.plain ? 'connection' : 'secureConnection', (socket) => this.serve(socket));
  }

  serve(socket) {
    const connection = { socket, heads: 0, received: Buffer.alloc(0), ended: false };
    socket.on('error', () => {});
    socket.on('end', () => { connection.ended = true; });
    socket.on('data', (data) => {
      connection.received = Buffer.concat([connection.received, data]);
      for (;;) {
        const end = connection.received.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = connection.received.subarray(0, end + 4).toString('latin1');
        const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
        if (connection.received.length < end + 4 + length) return;
        connection.received = connection.received.subarray(end + 4 + length);
        connection.heads++;
        this.heads.push(head);
        this.answer(socket, { head, connection, index: this.heads.length });
      }
    });
  }
}

/** An upstream of bytes: `answer(socket, { head, connection, index })` is called for each request
 * head whose body (by Content-Length) has come. */
export async function startRawUpstream(t, options) {
  const server = options.plain
    ? net.createServer({ allowHalfOpen: true })
    : tls.createServer({ ...testAuthority().issue(options.hosts ?? HOSTS), allowHalfOpen: true,
        ALPNProtocols: ['http/1.1'] });
  const upstream = new RawUpstream(t, server, options);
  upstream.port = await listen(server, '127.0.0.1');
  return upstream;
}

/** Server-sent events, sent when the test says so. */
export class EventStream {
  constructor(res) {
    this.res = res;
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    res.flushHeaders();
  }

  send(data, event) {
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    this.res.write(`${event ? `event: ${event}\n` : ''}data: ${text}\n\n`);
  }

  end() {
    this.res.end();
  }

  /** Until the broker ended the connection of this stream. */
  async dropped() {
    await until('the broker drops the stream upstream', () => this.res.destroyed || this.res.closed);
  }
}
