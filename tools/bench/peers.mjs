// SPDX-License-Identifier: Apache-2.0
// The upstream, and the proxies that verify nothing.

import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';

import { unusedPort } from '../../tests/support/broker.mjs';
import { testAuthority } from '../../tests/support/pki.mjs';
import { environment, unlessUndone } from '../../tests/support/programs.mjs';
import { until } from '../../tests/support/wait.mjs';
import { cores, pin } from './measure.mjs';

export const HOST = 'upstream.example';
export const realKey = 'sk-real-0123456789abcdefghijklmnopqrstuvwxyz';
const HELLO = `{"id":"bench","object":"answer","text":"${'a'.repeat(155)}"}`; // 200 bytes

const answers = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1', () => {
    socket.destroy();
    resolve(true);
  });
  socket.on('error', () => resolve(false));
});

/** Start a server in the foreground, pinned, until its port answers. */
export async function serve(run, name, program, args, { port, core = cores.measured, env = {} } = {}) {
  const log = openSync(join(run.directory, `${name}.log`), 'a');
  const child = spawn('taskset', ['-c', String(core), program, ...args],
    { env: environment(env), cwd: run.directory, stdio: ['ignore', log, log] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const done = unlessUndone(() => child.kill('SIGTERM')); // nginx and others then end what they started
  let over = false;
  ended.then(() => {
    over = true;
  });
  run.t.after(async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
    await ended;
    clearTimeout(timer);
    done();
  });
  await until(`${name} listens`, async () => {
    if (over) throw new Error(`${name} ended:\n${readFileSync(join(run.directory, `${name}.log`), 'utf8').slice(-2000)}`);
    return answers(port);
  });
  pin(child.pid, core);
  return child.pid;
}

function directoryOf(run, name) {
  const directory = join(run.directory, name);
  mkdirSync(directory, { recursive: true });
  return directory;
}

const user = () => (process.getuid() === 0 ? 'user root;' : '');

/** nginx in the foreground with one worker and this `http` block. */
async function nginx(run, name, port, http, core) {
  const d = directoryOf(run, name);
  writeFileSync(join(d, 'nginx.conf'), `${user()}
    daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid ${d}/pid; error_log ${d}/error.log crit;
    events { worker_connections 12000; }
    http {
      access_log off; keepalive_timeout 1h; keepalive_requests 100000000; tcp_nodelay on; client_max_body_size 64m;
      client_body_temp_path ${d}/body; proxy_temp_path ${d}/proxy; fastcgi_temp_path ${d}/fastcgi;
      uwsgi_temp_path ${d}/uwsgi; scgi_temp_path ${d}/scgi;
      ${http}
    }\n`);
  return serve(run, name, 'nginx', ['-p', d, '-c', join(d, 'nginx.conf'), '-e', join(d, 'error.log')], { port, core });
}

/** nginx with TLS 1.3, 200-byte answers, a file of 1 MiB, and whatever is posted. */
export async function startUpstream(run) {
  const port = await unusedPort(), sink = await unusedPort();
  const leaf = testAuthority().issue([HOST, 'localhost']);
  const files = directoryOf(run, 'files');
  writeFileSync(join(files, 'mebibyte'), Buffer.alloc(1 << 20, '0123456789abcdef'));
  const pid = await nginx(run, 'upstream', port, `
    server {
      listen 127.0.0.1:${port} ssl backlog=4096; ssl_protocols TLSv1.3;
      ssl_certificate ${leaf.certFile}; ssl_certificate_key ${leaf.keyFile};
      ssl_session_cache shared:s:10m; default_type application/json;
      location / { return 200 '${HELLO}'; }
      location = /mebibyte { root ${files}; }
      # nginx answers by itself before it has read a body: here it reads it first.
      location = /upload { client_body_buffer_size 2m; proxy_pass http://sink; proxy_pass_request_body off;
        proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Content-Length ""; }
    }
    upstream sink { server 127.0.0.1:${sink}; keepalive 64; }
    server { listen 127.0.0.1:${sink}; location / { return 200 '${HELLO}'; } }`, cores.load);
  return { pid, port, plain: false, ca: testAuthority().file, leaf,
    resolve: (hosts) => hosts.map((h) => `${h}:443:127.0.0.1:${port}`) };
}

const toUpstream = (upstream) => `
  proxy_pass https://up; proxy_http_version 1.1;
  proxy_set_header Connection ""; proxy_set_header Host ${HOST}; proxy_set_header Authorization "Bearer ${realKey}";
  proxy_ssl_server_name on; proxy_ssl_name ${HOST}; proxy_ssl_verify on;
  proxy_ssl_trusted_certificate ${upstream.ca}; proxy_ssl_protocols TLSv1.3;
  proxy_ssl_session_reuse on; proxy_buffers 16 64k; proxy_buffer_size 64k; proxy_busy_buffers_size 128k;
  proxy_max_temp_file_size 0; proxy_request_buffering off;`;

/** nginx as a plain reverse proxy that puts the key on every request and checks nothing. */
export async function startNginx(run, upstream, { tls = false } = {}) {
  const port = await unusedPort();
  const leaf = tls ? testAuthority().issue(['localhost', '127.0.0.1']) : null;
  const pid = await nginx(run, tls ? 'nginx-tls' : 'nginx', port, `
    upstream up { server 127.0.0.1:${upstream.port}; keepalive 256; keepalive_requests 100000000; }
    server {
      listen 127.0.0.1:${port} ${tls ? 'ssl' : ''} backlog=4096;
      ${tls ? `ssl_protocols TLSv1.3; ssl_certificate ${leaf.certFile}; ssl_certificate_key ${leaf.keyFile};
      ssl_session_cache shared:s:10m; ssl_conf_command NumTickets 1; # as Keyhole
      ` : ''}
      location / { ${toUpstream(upstream)} }
    }`);
  return { name: tls ? 'nginx, TLS' : 'nginx', what: 'plain reverse proxy, no check', pid, port, path: '' };
}

/** nginx asking an authoriser for every request, over HTTP in the same worker; it says yes to all. The
 * connections to it are kept, or one is made for each question, as in the manual of nginx. */
export async function startAuthRequest(run, upstream, { kept = true } = {}) {
  const port = await unusedPort(), check = await unusedPort();
  const pid = await nginx(run, kept ? 'nginx-auth' : 'nginx-auth-manual', port, `
    upstream up { server 127.0.0.1:${upstream.port}; keepalive 256; keepalive_requests 100000000; }
    upstream check { server 127.0.0.1:${check}; ${kept ? 'keepalive 256; keepalive_requests 100000000;' : ''} }
    server { listen 127.0.0.1:${check} backlog=4096; location / { return 204; } }
    server {
      listen 127.0.0.1:${port} backlog=4096;
      location / { auth_request /check; ${toUpstream(upstream)} }
      location = /check {
        internal; proxy_pass http://check; proxy_pass_request_body off; proxy_set_header Content-Length "";
        ${kept ? 'proxy_http_version 1.1; proxy_set_header Connection "";' : 'proxy_set_header X-Original-URI $request_uri;'}
      }
    }`);
  return kept ?
    { name: 'nginx + auth_request', what: 'an authoriser that says yes, over HTTP, in the same worker', pid, port, path: '' } :
    { name: 'nginx + auth_request, as its manual has it', what: 'a connection for each question', pid, port, path: '' };
}

export async function startHaproxy(run, upstream) {
  const port = await unusedPort();
  const file = join(run.directory, 'haproxy.cfg');
  writeFileSync(file, `
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 10s
  timeout client 1h
  timeout server 1h
frontend in
  bind 127.0.0.1:${port}
  http-request set-header Host ${HOST}
  http-request set-header Authorization "Bearer ${realKey}"
  default_backend up
backend up
  server up 127.0.0.1:${upstream.port} ssl verify required ca-file ${upstream.ca} sni str(${HOST}) verifyhost ${HOST} ssl-min-ver TLSv1.3 pool-max-conn 256
`);
  const pid = await serve(run, 'haproxy', 'haproxy', ['-db', '-f', file], { port });
  return { name: 'haproxy', what: 'plain reverse proxy, no check', pid, port, path: '' };
}

/** squid, intercepting: leaves of a CA of its own, kept in memory. */
export async function startSquid(run, upstream) {
  const port = await unusedPort();
  const d = directoryOf(run, 'squid');
  const leaves = join(d, 'leaves');
  execFileSync('/usr/lib/squid/security_file_certgen', ['-c', '-s', leaves, '-M', '4MB'], { stdio: 'ignore' });
  const authority = testAuthority();
  writeFileSync(join(d, 'ca.pem'), authority.pem + readFileSync(authority.keyFile, 'utf8'));
  writeFileSync(join(d, 'upstream.pem'), readFileSync(upstream.ca));
  writeFileSync(join(d, 'hosts'), `127.0.0.1 ${HOST}\n`); // localhost would be ::1 as well
  writeFileSync(join(d, 'squid.conf'), `
http_port 127.0.0.1:${port} ssl-bump cert=${d}/ca.pem generate-host-certificates=on dynamic_cert_mem_cache_size=16MB
sslcrtd_program /usr/lib/squid/security_file_certgen -s ${leaves} -M 4MB
sslcrtd_children 1 startup=1 queue-size=4096
acl step1 at_step SslBump1
ssl_bump peek step1
ssl_bump bump all
tls_outgoing_options cafile=${d}/upstream.pem min-version=1.2
acl all_ports port 1-65535
http_access allow all_ports
request_header_access Authorization deny all
request_header_add Authorization "Bearer ${realKey}"
cache deny all
hosts_file ${d}/hosts
memory_pools on
access_log none
cache_log ${d}/cache.log
cache_store_log none
logfile_rotate 0
pid_filename ${d}/pid
coredump_dir ${d}
shutdown_lifetime 0 seconds
pinger_enable off
server_persistent_connections on
client_persistent_connections on
`);
  if (process.getuid() === 0) { // it becomes somebody else
    chmodSync(run.directory, 0o711);
    execFileSync('chown', ['-R', 'proxy', d]);
  }
  const pid = await serve(run, 'squid', 'squid', ['-N', '-f', join(d, 'squid.conf')], { port });
  return { name: 'squid, ssl-bump', what: 'no check', pid, port };
}

/** mitmproxy: `mode` is 'regular' (CONNECT) or 'reverse'. */
export async function startMitmproxy(run, upstream, mode) {
  const port = await unusedPort();
  const d = directoryOf(run, 'mitmproxy');
  writeFileSync(join(d, 'addon.py'), `def request(flow):
    flow.request.headers["Authorization"] = "Bearer ${realKey}"
`);
  const pid = await serve(run, `mitmproxy-${mode}`, 'mitmdump', ['-q', '--listen-host', '127.0.0.1', '-p', String(port),
    '--set', `confdir=${d}`, '--set', `ssl_verify_upstream_trusted_ca=${upstream.ca}`, '--set', 'http2=false',
    ...(mode === 'reverse' ? ['--mode', `reverse:https://localhost:${upstream.port}`] : []), '-s', join(d, 'addon.py')],
  { port, env: { HOME: d } });
  return { name: 'mitmproxy', what: 'an add-on that puts the key on', pid, port, path: '', once: true };
}

/** http-proxy of npm, as its manual has it. */
export async function startNodeProxy(run, upstream) {
  const port = await unusedPort();
  const file = join(import.meta.dirname, 'node_proxy.mjs');
  const pid = await serve(run, 'node', process.execPath, [file, String(port), String(upstream.port), upstream.ca, realKey], { port });
  return { name: 'node http-proxy', what: 'plain reverse proxy, no check', pid, port, path: '', once: true };
}
