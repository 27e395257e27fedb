// SPDX-License-Identifier: Apache-2.0
// Gateways: the nginx of Debian with a configuration that keyholed gateway made, and a stand-in for
// Envoy that reads such a configuration and does with it what Envoy's ext_authz filter does.

import { existsSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { userInfo } from 'node:os';

import { unusedPort } from './broker.mjs';
import { accepts, startProgram } from './git.mjs';
import { must, run, temporaryDirectory } from './programs.mjs';
import { until } from './wait.mjs';

export const NGINX = '/usr/sbin/nginx';
export const missing = [NGINX].filter((f) => !existsSync(f));
export const uid = userInfo().uid;

/** A broker's configuration with a gateway on a unix socket of its own. */
export function socketGateway(t) {
  const socket = `${temporaryDirectory(t, 'gateway')}/gateway.sock`;
  return { socket, config: `gateway:\n  - socket: ${socket}\n    users: [${uid}]` };
}

/** nginx with `text` inside of http { }. Its logs stand in `directory`. */
export async function startNginx(t, text, ports) {
  const directory = temporaryDirectory(t, 'nginx');
  const file = `${directory}/nginx.conf`;
  writeFileSync(file, `daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log info;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  fastcgi_temp_path ${directory}/fastcgi;
  proxy_temp_path ${directory}/proxy;
  scgi_temp_path ${directory}/scgi;
  uwsgi_temp_path ${directory}/uwsgi;
${text.replaceAll('/var/log/nginx/', `${directory}/`)}
}
`);
  const tested = await run(NGINX, ['-t', '-q', '-p', directory, '-e', 'stderr', '-c', file]);
  if (tested.status !== 0 || tested.stderr) throw new Error(`nginx -t: ${tested.stderr}\n${text}`);
  const nginx = startProgram(t, NGINX, ['-p', directory, '-e', `${directory}/early.log`, '-c', file]);
  for (const port of ports)
    await until(`nginx on port ${port}`, async () => {
      if (nginx.ended) throw new Error(`nginx ended:\n${nginx.text}`);
      return accepts({ port });
    });
  return { directory, nginx, text };
}

/** `keyholed gateway nginx` for these credentials, and nginx running with it. */
export async function startGateway(t, broker, credentials, { args = [], upstream, edit = (x) => x } = {}) {
  const port = await unusedPort();
  const { stdout } = await broker.operator(['gateway', 'nginx',
    ...credentials.flatMap((c) => ['--credential', c]), '--listen', `127.0.0.1:${port}`,
    '--upstream-ca', upstream.ca, ...args]);
  const started = await startNginx(t, edit(stdout), [port]);
  return { ...started, port, base: `http://127.0.0.1:${port}` };
}

/** The text of a YAML file as JSON values, by the YAML reader of Debian's Python, or undefined. */
export async function yaml(text) {
  const program = 'import sys, json\ntry:\n import yaml\nexcept ImportError:\n sys.exit(9)\n'
    + 'json.dump(yaml.safe_load(sys.stdin), sys.stdout)';
  const result = await run('/usr/bin/python3', ['-c', program], { stdin: text });
  if (result.status === 9) return undefined;
  if (result.status !== 0) throw new Error(`not YAML: ${result.stderr}\n${text}`);
  return JSON.parse(result.stdout);
}

// What Envoy's filter puts on a check by itself, whatever is configured.
const AUTHZ_ALWAYS = ['authorization', ':method', ':path', 'host'];

/** One check as Envoy's ext_authz filter makes it over HTTP (ext_authz_http_impl.cc): `filter` is the
 * filter's configuration. Resolves to what Envoy would do. */
export function envoyCheck(filter, at, request, { client = '192.0.2.7', agent } = {}) {
  const service = filter.http_service, add = service.authorization_request.headers_to_add;
  const patterns = filter.allowed_headers.patterns.map((p) => new RegExp(`^(?:${p.safe_regex.regex})$`));
  const fields = new Map();
  for (const [name, value] of request.headers) { // one value a name, joined with commas
    const key = name.toLowerCase();
    if (key === 'content-length' || key === 'x-envoy-auth-partial-body') continue;
    if (AUTHZ_ALWAYS.includes(key) || patterns.some((p) => p.test(key)))
      fields.set(key, fields.has(key) ? `${fields.get(key)},${value}` : value);
  }
  if (filter.with_request_body)
    fields.set('x-envoy-auth-partial-body', request.partial ? 'true' : 'false');
  const body = filter.with_request_body ? (request.body ?? '') : '';
  for (const { key, value } of add) // formatted, and in place of what the client sent
    fields.set(key, value.replace('%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', client));
  fields.set('content-length', String(Buffer.byteLength(body)));
  // the async client's router
  fields.set('x-envoy-internal', 'true');
  fields.set('x-forwarded-for', '10.0.0.9');
  fields.set('x-envoy-expected-rq-timeout-ms', '15000');
  const options = { ...at, agent, method: request.method, path: service.path_prefix + request.path,
    headers: [...fields].flat(), setHost: false };
  return new Promise((done, fail) => {
    const sent = http.request(options, async (res) => {
      const parts = [];
      for await (const part of res) parts.push(part);
      done(envoyVerdict(filter, request, res, Buffer.concat(parts).toString()));
    });
    sent.on('error', fail);
    sent.end(body);
  });
}

function envoyVerdict(filter, request, res, text) {
  const allowed = (list, name) => list.patterns.some((p) => p.exact === name);
  const rules = filter.http_service.authorization_response;
  const answer = { status: res.statusCode, headers: res.headers, rawHeaders: res.rawHeaders, text };
  if (res.statusCode >= 500) return { ...answer, allow: false, error: true }; // status_on_error
  if (res.statusCode !== 200) {
    const client = Object.entries(res.headers).filter(([n]) => allowed(rules.allowed_client_headers, n) || n === 'www-authenticate');
    return { ...answer, allow: false, client: Object.fromEntries(client), json: JSON.parse(text || 'null') };
  }
  // what goes upstream: set, then removed
  const remove = (res.headers['x-envoy-auth-headers-to-remove'] ?? '').split(',').map((s) => s.trim().toLowerCase());
  const upstream = [];
  const set = Object.entries(res.headers).filter(([n]) => allowed(rules.allowed_upstream_headers, n));
  for (const [name, value] of request.headers)
    if (!set.some(([n]) => n === name.toLowerCase()) && !remove.includes(name.toLowerCase()))
      upstream.push([name.toLowerCase(), value]);
  upstream.push(...set);
  return { ...answer, allow: true, upstream: Object.fromEntries(upstream), remove, set: Object.fromEntries(set) };
}

/** The ext_authz filters of a configuration, by credential. */
export function envoyFilters(config) {
  const manager = config.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
  return Object.fromEntries(manager.http_filters.slice(0, -1).map((f) => [f.name.replace('keyhole-', ''), f.typed_config]));
}

export { must };
