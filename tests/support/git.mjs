// SPDX-License-Identifier: Apache-2.0
// A git server as people run it: git-http-backend behind nginx, with TLS and a password file.

import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import net from 'node:net';

import { unusedPort } from './broker.mjs';
import { testAuthority } from './pki.mjs';
import { environment, must, temporaryDirectory, unlessUndone } from './programs.mjs';
import { until } from './wait.mjs';

const NGINX = '/usr/sbin/nginx', FCGIWRAP = '/usr/sbin/fcgiwrap', BACKEND = '/usr/lib/git-core/git-http-backend';
export const missing = [NGINX, FCGIWRAP, BACKEND].filter((f) => !existsSync(f));

/** A program that runs until the test is over; what it says on stderr is shown by `said`. */
export function startProgram(t, program, args, { env, cwd = '/' } = {}) {
  const child = spawn(program, args, { env: environment(env), cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { text: '', child, ended: false };
  child.stdout.on('data', (d) => { said.text += d; });
  child.stderr.on('data', (d) => { said.text += d; });
  child.on('error', (e) => { said.text += e; said.ended = true; });
  child.on('close', () => { said.ended = true; });
  const done = unlessUndone(() => child.kill('SIGKILL'));
  t.after(async () => {
    child.kill('SIGKILL');
    await until(`${program} has ended`, () => said.ended);
    done();
  });
  return said;
}

/** Whether something accepts connections there: `{ port }` or `{ path }`. */
export function accepts(address) {
  return new Promise((answer) => {
    const socket = net.connect({ host: '127.0.0.1', ...address });
    socket.on('connect', () => { socket.destroy(); answer(true); });
    socket.on('error', () => answer(false));
  });
}

export async function started(program, said, address) {
  await until(`${program} listens`, async () => {
    if (said.ended) throw new Error(`${program} ended:\n${said.text}`);
    return accepts(address);
  });
}

const configuration = ({ directory, port, certificate }) => `
daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log stderr warn;
events { worker_connections 64; }
http {
  access_log ${directory}/access.log;
  client_body_temp_path ${directory}/body;
  fastcgi_temp_path ${directory}/fastcgi;
  proxy_temp_path ${directory}/proxy;
  scgi_temp_path ${directory}/scgi;
  uwsgi_temp_path ${directory}/uwsgi;
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${certificate.certFile};
    ssl_certificate_key ${certificate.keyFile};
    auth_basic "git";
    auth_basic_user_file ${directory}/passwords;
    location / {
      fastcgi_pass unix:${directory}/fcgi.sock;
      fastcgi_read_timeout 120s;
      fastcgi_param SCRIPT_FILENAME ${BACKEND};
      fastcgi_param GIT_PROJECT_ROOT ${directory}/repositories;
      fastcgi_param GIT_HTTP_EXPORT_ALL "";
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param HTTP_GIT_PROTOCOL $http_git_protocol;
      fastcgi_param REMOTE_USER $remote_user;
      fastcgi_param REMOTE_ADDR $remote_addr;
    }
  }
}
`;

/** A server with repositories; `users` are [name, password], `hosts` the names in its certificate. */
export async function startGitServer(t, { users, hosts, repositories }) {
  const directory = temporaryDirectory(t, 'git');
  const port = await unusedPort();
  const lines = [];
  for (const [user, password] of users) {
    const { stdout } = await must('/usr/bin/openssl', ['passwd', '-apr1', '-stdin'], { stdin: `${password}\n` });
    lines.push(`${user}:${stdout.trim()}\n`);
  }
  writeFileSync(`${directory}/passwords`, lines.join(''));
  for (const name of repositories) {
    const path = `${directory}/repositories/${name}`;
    await must('/usr/bin/git', ['init', '-q', '--bare', '-b', 'main', path]);
    await must('/usr/bin/git', ['-C', path, 'config', 'http.receivepack', 'true']);
  }
  writeFileSync(`${directory}/nginx.conf`, configuration({ directory, port, certificate: testAuthority().issue(hosts) }));
  const wrap = startProgram(t, FCGIWRAP, ['-f', '-s', `unix:${directory}/fcgi.sock`], { env: { HOME: directory } });
  await started(FCGIWRAP, wrap, { path: `${directory}/fcgi.sock` });
  const nginx = startProgram(t, NGINX, ['-p', directory, '-e', 'stderr', '-c', `${directory}/nginx.conf`]);
  await started(NGINX, nginx, { port });
  return {
    directory, port, nginx, wrap, ca: testAuthority().file,
    resolve: (names) => names.map((h) => `${h}:443:127.0.0.1:${port}`),
    /** What a repository has at `ref`; undefined when there is none. */
    head: async (name, ref = 'refs/heads/main') =>
      (await must('/usr/bin/git', ['-C', `${directory}/repositories/${name}`, 'for-each-ref', '--format=%(objectname)', ref])).stdout.trim() || undefined,
  };
}
