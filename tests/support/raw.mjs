// SPDX-License-Identifier: Apache-2.0
// A client of bytes: sends exactly what it is given, and reads answers by the letter of RFC 9112.

import net from 'node:net';
import tls from 'node:tls';

import { PATIENCE_MS, deferred, within } from './wait.mjs';

/** The answer is not HTTP/1.1 as it should be: always a fault of the broker. */
export class BadAnswer extends Error {}

/** A complete answer at the start of `input`, or null when more is needed. `ended`: no more comes. */
export function readAnswer(input, { method = 'GET', ended = false } = {}) {
  const end = input.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const lines = input.subarray(0, end).toString('latin1').split('\r\n');
  const start = /^HTTP\/1\.1 ([1-5]\d\d) ([\t -~]*)$/.exec(lines[0]);
  if (!start) throw new BadAnswer(`status line: ${JSON.stringify(lines[0])}`);
  const status = Number(start[1]);
  const headers = {};
  const fields = [];
  for (const line of lines.slice(1)) {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): *([^\x00-\x08\x0a-\x1f\x7f]*)$/.exec(line);
    if (!field) throw new BadAnswer(`header line: ${JSON.stringify(line)}`);
    const name = field[1].toLowerCase();
    if (name in headers && ['content-length', 'transfer-encoding', 'content-type'].includes(name))
      throw new BadAnswer(`two fields of ${name}`);
    headers[name] = name in headers ? `${headers[name]}, ${field[2]}` : field[2];
    fields.push([field[1], field[2]]);
  }
  const answer = { status, reason: start[2], headers, fields, body: Buffer.alloc(0), framing: 'none' };
  const rest = input.subarray(end + 4);
  const done = (body, used, framing) =>
    ({ ...answer, body, framing, used: end + 4 + used, text: body.toString() });
  if ('content-length' in headers && 'transfer-encoding' in headers)
    throw new BadAnswer('both Content-Length and Transfer-Encoding');
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304)
    return done(Buffer.alloc(0), 0, 'none');
  if ('transfer-encoding' in headers) {
    if (headers['transfer-encoding'] !== 'chunked')
      throw new BadAnswer(`Transfer-Encoding: ${headers['transfer-encoding']}`);
    const body = readChunks(rest);
    return body && done(body.data, body.used, 'chunked');
  }
  if ('content-length' in headers) {
    if (!/^(0|[1-9]\d*)$/.test(headers['content-length']))
      throw new BadAnswer(`Content-Length: ${headers['content-length']}`);
    const length = Number(headers['content-length']);
    return rest.length >= length ? done(rest.subarray(0, length), length, 'length') : null;
  }
  return ended ? done(rest, rest.length, 'close') : null;
}

function readChunks(input) {
  const parts = [];
  let at = 0;
  for (;;) {
    const end = input.indexOf('\r\n', at);
    if (end < 0) return null;
    const line = input.subarray(at, end).toString('latin1');
    if (!/^[0-9A-Fa-f]{1,15}$/.test(line)) throw new BadAnswer(`chunk size: ${JSON.stringify(line)}`);
    const size = parseInt(line, 16);
    if (input.length < end + 2 + size + 2) return null;
    if (input.subarray(end + 2 + size, end + 4 + size).toString() !== '\r\n')
      throw new BadAnswer(size === 0 ? 'trailers' : 'chunk data is not followed by CRLF');
    parts.push(input.subarray(end + 2, end + 2 + size));
    at = end + 4 + size;
    if (size === 0) return { data: Buffer.concat(parts), used: at };
  }
}

/** A connection. `to` is { port, host } or { path }, with `tls` options for TLS on it. */
export class RawClient {
  static async connect(to) {
    const client = new RawClient();
    const socket = to.path ? net.connect({ path: to.path }) : net.connect(to.port, to.host ?? '127.0.0.1');
    client.take(socket);
    await within('a connection to the broker', new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    }));
    if (to.tls) await client.startTls(to.tls);
    return client;
  }

  take(socket) {
    this.socket = socket;
    this.input = Buffer.alloc(0);
    this.ended = false; // FIN or close_notify
    this.closed = false;
    this.reset = false;
    this.changed = deferred();
    const wake = () => {
      const { resolve } = this.changed;
      this.changed = deferred();
      resolve();
    };
    this.listeners = {
      data: (data) => {
        this.input = Buffer.concat([this.input, data]);
        wake();
      },
      end: () => {
        this.ended = true;
        wake();
      },
      error: (error) => {
        this.reset = true;
        this.error = error;
        wake();
      },
      close: () => {
        this.closed = true;
        wake();
      },
    };
    for (const [event, listener] of Object.entries(this.listeners)) socket.on(event, listener);
  }

  /** TLS on top of the connection, as after a CONNECT. */
  async startTls(options) {
    const plain = this.socket;
    for (const [event, listener] of Object.entries(this.listeners)) plain.off(event, listener);
    plain.on('error', () => {});
    const socket = tls.connect({ socket: plain, ALPNProtocols: ['http/1.1'], ...options });
    this.take(socket);
    await within('a TLS handshake with the broker', new Promise((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed during the TLS handshake')));
    }));
  }

  /** Send bytes. A broker that has already closed is no error here: the answer tells. */
  write(bytes) {
    if (!this.socket.destroyed) this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  end() {
    this.socket.end();
    return this;
  }

  destroy() {
    this.socket.destroy();
  }

  get over() {
    return this.ended || this.reset || this.closed;
  }

  /** Wait until `test()` gives something truthy; looks again whenever something arrives. */
  async when(what, test, limit = PATIENCE_MS) {
    const end = Date.now() + limit;
    for (;;) {
      const change = this.changed.promise;
      const value = test();
      if (value) return value;
      await within(`${what}; so far: ${JSON.stringify(this.input.subarray(0, 400).toString('latin1'))}`,
        change, Math.max(1, end - Date.now()));
    }
  }

  /** The next final answer; null when the connection ended without one. `interim` collects 1xx. */
  async answer({ method = 'GET', interim = [] } = {}) {
    return this.when('an answer of the broker', () => {
      for (;;) {
        const answer = readAnswer(this.input, { method, ended: this.ended });
        if (!answer) return this.over ? { none: true } : null;
        this.input = this.input.subarray(answer.used);
        if (answer.status >= 200 || answer.status === 101) return answer;
        interim.push(answer);
      }
    }).then((answer) => (answer.none ? null : answer));
  }

  /** Until the broker closed its side. */
  async closes() {
    await this.when('the broker to close the connection', () => this.over);
    return this.reset ? 'reset' : 'end';
  }
}

/** Send bytes on a connection of their own; the answers until the broker closes, or `count` of them. */
export async function exchange(to, bytes, { count = 1, methods = [] } = {}) {
  const client = await RawClient.connect(to);
  try {
    client.write(bytes);
    const answers = [];
    for (let i = 0; i < count; i++) {
      const answer = await client.answer({ method: methods[i] ?? 'GET' });
      if (!answer) break;
      answers.push(answer);
    }
    return answers;
  } finally {
    client.destroy();
  }
}
