// SPDX-License-Identifier: Apache-2.0
// `keyhole run` with real programs, not isolated: they find tokens where their keys would be, the broker
// as their proxy, and what they need to trust it. Afterwards nothing of it is good for anything.

import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { before, beforeEach, describe, test } from 'node:test';

import { WebSocketServer } from 'ws';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { missing, startGitServer } from '../support/git.mjs';
import { isAlive, keyhole, python, run, temporaryDirectory } from '../support/programs.mjs';
import { keyholeRun, startKeyholeRun } from '../support/run.mjs';
import { accepts, answerJson, EventStream, startUpstream } from '../support/upstream.mjs';
import { until, within } from '../support/wait.mjs';

const openaiKey = realKey(), githubKey = realKey('ghp_');
const clients = resolve(import.meta.dirname, 'clients');
let openai, github, broker, token;

before(async () => {
  openai = await startUpstream(wholeFile, { key: openaiKey });
  github = await startUpstream(wholeFile, { key: githubKey });
  broker = await startBroker(wholeFile);
  await broker.addCredential('openai', { preset: 'openai', secret: openaiKey, upstream: openai });
  await broker.addCredential('github', { preset: 'github', secret: githubKey, upstream: github });
  token = await broker.mint(['openai', 'github']);
});

beforeEach(() => {
  openai.requests.length = 0;
  github.requests.length = 0;
});

const sh = (script) => ['sh', '-c', script];
const node = (script) => [process.execPath, '--no-warnings', '-e', script];
const py = (script) => [python, '-c', script];

function done(result, status = 0) {
  assert.equal(result.status, status, `${result.stderr}${result.stdout}`);
  assert.equal(result.signal, null);
  return result;
}

/** The request came with the real key, and without a token. */
function arrived(upstream, path) {
  const received = upstream.only(path);
  assert.ok(received.authorized, 'the upstream saw the real key');
  assert.ok(!received.text().includes('kh1_'), 'no token went upstream');
  return received;
}

describe('programs as they are', () => {
  const bearer = '-H "Authorization: Bearer $GITHUB_TOKEN"';
  const ways = [
    ['curl', sh(`curl -sSf https://api.github.com/user ${bearer}`)],
    ['curl, base URL', sh(`curl -sSf $GITHUB_API_URL/user ${bearer}`)],
    ['curl, base URL past the proxy', sh(`curl -sSf --noproxy '*' $GITHUB_API_URL/user ${bearer}`)],
    ['wget', sh('wget -qO- --header "Authorization: Bearer $GITHUB_TOKEN" https://api.github.com/user')],
    ['python urllib', py(`
import os, urllib.request
request = urllib.request.Request('https://api.github.com/user', headers={'Authorization': 'Bearer ' + os.environ['GITHUB_TOKEN']})
print(urllib.request.urlopen(request).read().decode())`)],
    ['python requests', py(`
import os, requests
answer = requests.get('https://api.github.com/user', headers={'Authorization': 'Bearer ' + os.environ['GITHUB_TOKEN']})
answer.raise_for_status()`)],
    ['python requests, base URL', py(`
import os, requests
answer = requests.get(os.environ['GITHUB_API_URL'] + '/user', headers={'Authorization': 'Bearer ' + os.environ['GITHUB_TOKEN']})
answer.raise_for_status()`)],
    ['node fetch', node(`
      const r = await fetch('https://api.github.com/user', { headers: { authorization: 'Bearer ' + process.env.GITHUB_TOKEN } });
      process.exitCode = r.ok ? 0 : 1; console.log(await r.text());`)],
    ['node fetch, base URL', node(`
      const r = await fetch(process.env.GITHUB_API_URL + '/user', { headers: { authorization: 'Bearer ' + process.env.GITHUB_TOKEN } });
      process.exitCode = r.ok ? 0 : 1; console.log(await r.text());`)],
  ];
  for (const [name, program] of ways)
    test(name, async () => {
      const result = done(await keyholeRun(broker, program, { token }));
      arrived(github, '/user');
      assert.equal(result.stderr, '', 'nothing to say');
      assert.deepEqual(result.report.refused, []);
    });

  test('over TCP as over the unix socket', async () => {
    done(await keyholeRun(broker, ways[0][1], { token, at: broker.url }));
    arrived(github, '/user');
  });

  test('the OpenAI SDK: a list, and a stream as it comes', async () => {
    openai.route('/v1/models', (received, res) => answerJson(res, 200, { object: 'list', data: [{ id: 'gpt-4o' }] }));
    const list = done(await keyholeRun(broker, [process.execPath, '--no-warnings', `${clients}/openai.mjs`, 'models'], { token }));
    assert.deepEqual(JSON.parse(list.stdout), { models: ['gpt-4o'] });

    const chats = openai.hold('/v1/chat/completions');
    const program = `${process.execPath} --no-warnings ${clients}/openai.mjs stream`;
    const running = startKeyholeRun(wholeFile, broker, `exec ${program}`, { token });
    const { res } = await chats.next();
    const stream = new EventStream(res);
    stream.send({ choices: [{ delta: { content: 'one' } }] });
    assert.deepEqual(JSON.parse(await within('the first event', running.first)), { delta: 'one' });
    stream.send({ choices: [{ delta: { content: 'two' } }] });
    stream.send('[DONE]');
    stream.end();
    assert.deepEqual(await within('the SDK', running.ended), { status: 0, signal: null }, running.stderr);
    assert.match(running.stdout, /"two"/);
  });

  test('a WebSocket by its base URL', async () => {
    const server = new WebSocketServer({ noServer: true });
    openai.server.on('upgrade', (req, socket, head) => {
      assert.equal(req.headers.authorization, `Bearer ${openaiKey}`);
      server.handleUpgrade(req, socket, head, (ws) => ws.on('message', (data) => ws.send(`${data}!`)));
    });
    const ws = resolve(import.meta.dirname, 'node_modules/ws/wrapper.mjs');
    const result = done(await keyholeRun(broker, node(`
      const { WebSocket } = await import(${JSON.stringify(ws)});
      const ws = new WebSocket(process.env.OPENAI_BASE_URL.replace('http:', 'ws:') + '/realtime',
        { headers: { authorization: 'Bearer ' + process.env.OPENAI_API_KEY } });
      ws.on('open', () => ws.send('hello'));
      ws.on('message', (data) => { console.log(String(data)); ws.close(); });
      ws.on('error', (e) => { console.error(e); process.exit(1); });`), { token }));
    assert.equal(result.stdout, 'hello!\n');
  });

  test('git, cloning with the token as its password', { skip: missing.length > 0 && `not installed: ${missing}` }, async (t) => {
    const key = realKey('pw-');
    const server = await startGitServer(t, { hosts: ['git.example'], repositories: ['project.git'], users: [['svc', key]] });
    const own = await startBroker(t);
    await own.addCredential('git', { secret: `svc:${key}`, upstream: server, hosts: ['git.example'],
      args: ['--slot', 'basic', '--inject', 'basic'] });
    const directory = temporaryDirectory(t, 'clone');
    done(await keyholeRun(own, sh('git clone -q "https://any:$KEYHOLE_TOKEN@git.example/project.git" "$1"').concat('sh', `${directory}/project`), {
      token: await own.mint('git'), env: { GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' },
    }));
    assert.ok(readdirSync(`${directory}/project`).includes('.git'));
  });
});

describe('exit status and signals', () => {
  const statuses = [
    ['its own', sh('exit 42'), 42],
    ['killed by a signal', sh('kill -KILL $$'), 137],
    ['no such program', ['no-such-program'], 127],
    ['not executable', ['/etc/passwd'], 126],
    ['no such file', ['/no/such/program'], 127],
  ];
  for (const [name, program, status] of statuses)
    test(name, async () => {
      const result = done(await keyholeRun(broker, program, { token }), status);
      assert.equal(result.report?.status ?? status, status);
    });

  test('a wrong command line, no token, a broker that is away', async () => {
    done(await keyholeRun(broker, [], { token }), 2);
    done(await keyholeRun(broker, ['true'], { token, args: ['--caveat', 'nonsense'] }), 2);
    done(await keyholeRun(broker, ['true'], { token, args: ['--credential', 'githug'] }), 2);
    done(await keyholeRun(broker, ['true'], { at: broker.unix }), 2);
    done(await keyholeRun(broker, ['true'], { token: 'kh1_nonsense' }), 1);
    done(await keyholeRun(broker, ['true'], { token, at: '/nonexistent/proxy.sock' }), 1);
  });

  test('streams and arguments are untouched', async () => {
    const result = done(await keyholeRun(broker, ['sh', '-c', 'cat; echo "$@" >&2', 'sh', '--token', 'a b', '--'], { token, stdin: 'in\0put' }));
    assert.equal(result.stdout, 'in\0put');
    assert.equal(result.stderr, '--token a b --\n');
  });

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGQUIT'])
    test(`${signal} reaches the program, which decides`, async (t) => {
      const running = startKeyholeRun(t, broker, `trap 'echo got; exit 5' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`, { token });
      await within('the program', running.first);
      running.child.kill(signal);
      assert.deepEqual(await within('its end', running.ended), { status: 5, signal: null }, running.stderr);
      assert.equal(running.stdout, 'ready\ngot\n');
    });

  test('SIGKILL for keyhole ends the program as well', async (t) => {
    const running = startKeyholeRun(t, broker, 'echo $$; while :; do sleep 0.05; done', { token });
    const pid = Number(await within('the program', running.first));
    running.child.kill('SIGKILL');
    await until('the program has ended', () => !isAlive(pid));
  });

  test('Ctrl-C and Ctrl-Z at a terminal', async () => {
    const script = resolve(import.meta.dirname, 'clients/terminal.py');
    const result = await run(python, [script, keyhole, broker.unix, token]);
    assert.equal(result.status, 0, result.stderr + result.stdout);
    assert.deepEqual(JSON.parse(result.stdout), { interrupts: 1, status: 7, stopped: true, resumed: true });
  });
});

describe('what a run holds', () => {
  test('tokens in the place of keys, and nothing real, anywhere', async () => {
    const result = done(await keyholeRun(broker, sh('env; tr "\\0" " " < /proc/$PPID/cmdline; ps -eo args | grep -c "kh1_[A-Za-z0-9_-]\\{40\\}" ; cat "$SSL_CERT_FILE"'), {
      token, env: { OPENAI_API_KEY: 'sk-outside', NO_PROXY: 'api.openai.com', SSL_CERT_DIR: '', npm_config_https_proxy: 'http://elsewhere' },
    }));
    const env = Object.fromEntries(result.stdout.split('\n').map((l) => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1)]));
    for (const secret of [openaiKey, githubKey, 'sk-outside', 'elsewhere']) assert.ok(!result.stdout.includes(secret));
    assert.match(env.OPENAI_API_KEY, /^sk-kh1_/);
    assert.match(env.OPENAI_BASE_URL, /^http:\/\/127\.0\.0\.1:\d+\/~openai\/v1$/);
    for (const name of ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'https_proxy', 'http_proxy', 'all_proxy'])
      assert.match(env[name], /^http:\/\/keyhole:kh1_[^@]+@127\.0\.0\.1:\d+$/, name);
    assert.equal(env.NO_PROXY, '');
    assert.equal(env.no_proxy, '');
    assert.equal(env.NODE_USE_ENV_PROXY, '1');
    for (const name of ['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'GIT_SSL_CAINFO', 'PIP_CERT', 'npm_config_cafile',
      'BUNDLE_SSL_CA_CERT', 'CARGO_HTTP_CAINFO', 'AWS_CA_BUNDLE', 'DENO_CERT', 'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH', 'NIX_SSL_CERT_FILE'])
      assert.equal(env[name], env.SSL_CERT_FILE, name);
    assert.notEqual(env.NODE_EXTRA_CA_CERTS, env.SSL_CERT_FILE);
    assert.equal(env.KEYHOLE_BROKER, env.OPENAI_BASE_URL.replace('/~openai/v1', ''));
    const { status, stderr } = await run('test', ['-e', env.SSL_CERT_FILE]);
    assert.equal(status, 1, `the run's files are gone ${stderr}`);
  });

  test('each variable has a token for its credential alone', async () => {
    const result = done(await keyholeRun(broker,
      sh('curl -sS https://api.github.com/user -H "Authorization: Bearer ${OPENAI_API_KEY#sk-}"'), { token }));
    assert.equal(JSON.parse(result.stdout).code, 'caveat-failed');
    assert.equal(github.requests.length, 0);
  });

  test('tokens of a run are dead after it, and their parent is not', async () => {
    const result = done(await keyholeRun(broker, sh('echo $KEYHOLE_TOKEN; echo $GITHUB_TOKEN'), { token }));
    for (const dead of result.stdout.trim().split('\n'))
      broker.denied(await broker.request('/~github/user', { token: dead }), 401, 'revoked');
    assert.equal((await broker.request('/~github/user', { token })).status, 200);
    assert.equal(result.report.tokens[0].revoked, true);
  });

  test('also when keyhole is told to end, and not with --no-revoke', async (t) => {
    const running = startKeyholeRun(t, broker, 'echo $GITHUB_TOKEN; exec sleep 600', { token });
    const held = await within('the token', running.first);
    assert.equal((await broker.request('/~github/user', { token: held })).status, 200);
    running.child.kill('SIGTERM');
    assert.deepEqual(await within('the end', running.ended), { status: 143, signal: null });
    broker.denied(await broker.request('/~github/user', { token: held }), 401, 'revoked');

    const kept = done(await keyholeRun(broker, sh('echo $GITHUB_TOKEN'), { token, args: ['--no-revoke'] }));
    assert.equal((await broker.request('/~github/user', { token: kept.stdout.trim() })).status, 200);
    assert.match(kept.stderr, /lives on until 20/);
  });

  test('narrowing: credential, method, lifetime, labels', async () => {
    const result = done(await keyholeRun(broker, sh(`env | grep -c OPENAI; keyhole inspect --json "$KEYHOLE_TOKEN"`.replace('keyhole', keyhole)), {
      token, args: ['--credential', 'github', '--method', 'GET', '--for', '10m', '--label', 'triage'] }));
    const [count, ...rest] = result.stdout.split('\n');
    assert.equal(count, '0');
    const said = JSON.parse(rest.join('\n'));
    const texts = said.caveats.map((c) => c.text);
    assert.ok(texts.includes('method = GET') && texts.includes('credential in github, pass-through'), texts.join('\n'));
    assert.equal(said.labels[0], 'triage');
    assert.match(said.labels[1], /^run:sh-[0-9a-f]{6}$/);
    assert.ok(new Date(said.ends_at) - Date.now() <= 600000);
  });

  test('a run within a run has no more than the outer one', async () => {
    const inner = `${keyhole} run --quiet -- sh -c 'env | grep -c OPENAI; curl -sSf https://api.github.com/user -H "Authorization: Bearer $GITHUB_TOKEN" > /dev/null'`;
    const result = done(await keyholeRun(broker, sh(inner), { token, args: ['--credential', 'github'] }));
    assert.equal(result.stdout, '0\n');
    arrived(github, '/user');
  });

  test('the limit of hosts, and what is said of it', async () => {
    const result = done(await keyholeRun(broker, sh(`
      curl -sSf https://api.github.com/user -H "Authorization: Bearer $GITHUB_TOKEN"
      for i in 1 2 3; do curl -s https://files.example/x; done
      curl -s http://other.example/; true`), { token, args: ['--credential', 'github', '--allow-host', '*.pypi.example'] }));
    arrived(github, '/user');
    assert.match(result.stderr, /3 requests to files\.example refused \(host-not-allowed\); allow with --allow-host files\.example/);
    assert.match(result.stderr, /1 request to other\.example:80 refused \(host-not-allowed\)/);
    assert.deepEqual(result.report.refused[0], { host: 'files.example', port: 443, code: 'host-not-allowed', count: 3 });
  });

  test('without a limit the operator is the one to ask', async () => {
    const result = done(await keyholeRun(broker, sh('curl -s https://files.example/; true'), { token }));
    assert.match(result.stderr, /1 request to files\.example refused \(host-not-allowed\); the operator can list it under pass-through/);
    assert.doesNotMatch((await keyholeRun(broker, sh('curl -s https://files.example/; true'), { token, args: ['--quiet'] })).stderr, /./);
  });

  test('other keys in the environment: a warning, or none of them', async () => {
    const env = { STRIPE_API_KEY: 'sk_live_outside', AWS_SECRET_ACCESS_KEY: 'outside' };
    const warned = done(await keyholeRun(broker, sh('echo $STRIPE_API_KEY'), { token, env }));
    assert.match(warned.stderr, /inherits (STRIPE_API_KEY, AWS_SECRET_ACCESS_KEY|AWS_SECRET_ACCESS_KEY, STRIPE_API_KEY)/);
    assert.equal(warned.stdout, 'sk_live_outside\n');
    const cleared = done(await keyholeRun(broker, sh('env'), { token, env, args: ['--clear-keys'] }));
    assert.doesNotMatch(cleared.stdout + cleared.stderr, /outside/);
  });

  test('a token from a file, standard input, a descriptor', async (t) => {
    const file = `${temporaryDirectory(t, 'token')}/token`;
    writeFileSync(file, `${token}\n`);
    for (const args of [['--token', `@${file}`], ['--token', '-'], ['--token', 'fd:0']])
      done(await keyholeRun(broker, sh('test -n "$GITHUB_TOKEN"'), { args, stdin: `${token}\n` }));
  });

  test('holes and ends are said before anything runs', async () => {
    const hole = await broker.mint('github', { args: ['--hole', 'factor = ssh for 1h'] });
    const refused = done(await keyholeRun(broker, ['echo', 'ran'], { token: hole }), 3);
    assert.match(refused.stderr, /1 hole to be filled first[^]*keyhole discharge/);
    assert.equal(refused.stdout, '');
    const past = await broker.attenuate(token, '--caveat', 'time < 2020-01-01T00:00:00Z');
    assert.match(done(await keyholeRun(broker, ['true'], { token: past }), 3).stderr, /has expired/);
  });
});

describe('a broker of one\'s own', () => {
  test('mints for its operator, and the token ends with the run', async () => {
    const env = { STATE_DIRECTORY: broker.directory, KEYHOLE_BROKER: '' };
    const result = done(await keyholeRun(broker, sh('curl -sSf https://api.github.com/user -H "Authorization: Bearer $GITHUB_TOKEN" >&2; echo $KEYHOLE_TOKEN'),
      { env, args: ['--credential', 'github'] }));
    arrived(github, '/user');
    assert.match(result.stderr, /the broker is .*proxy\.sock/);
    broker.denied(await broker.request('/~github/user', { token: result.stdout.trim() }), 401, 'revoked');
    const unknown = done(await keyholeRun(broker, ['true'], { env, args: ['--credential', 'githug'] }), 3);
    assert.match(unknown.stderr, /github/);
  });

  test('none: what to do is said', async (t) => {
    const env = { STATE_DIRECTORY: temporaryDirectory(t, 'none'), KEYHOLE_BROKER: '' };
    const result = await keyholeRun(broker, ['true'], { env, args: ['--credential', 'github'] });
    assert.match(result.stderr, /keyholed run|keyhole login/);
    const away = await keyholeRun(broker, ['true'], { env: { STATE_DIRECTORY: env.STATE_DIRECTORY }, args: ['--credential', 'github'] });
    assert.equal(away.status, 2);
    assert.match(away.stderr, /keyhole login/);
  });

  test('that goes away: its tokens are said to live on', async (t) => {
    const own = await startBroker(t);
    await own.addCredential('github', { preset: 'github', secret: githubKey, upstream: github });
    const running = startKeyholeRun(t, own, 'echo ready; curl -s --retry 0 https://api.github.com/; exec sleep 600', { token: await own.mint('github') });
    await within('the program', running.first);
    await own.stop();
    running.child.kill('SIGTERM');
    assert.equal((await within('the end', running.ended)).status, 143);
    assert.match(running.stderr, /the token of this run lives on until 20/);
  });
});

describe('hosts without a credential', () => {
  let files, own, mine;
  before(async () => {
    files = await startUpstream(wholeFile, { accepts: accepts.anything() });
    own = await startBroker(wholeFile, { config: `pass-through:
  - host: upstream.example
    resolve: [${files.resolve(['upstream.example']).join(', ')}]
    allow-networks: [127.0.0.0/8]
    upstream-ca: ${files.ca}
` });
    await own.addCredential('github', { preset: 'github', secret: githubKey, upstream: github });
    mine = await own.mint('github');
  });
  // Its TLS is the upstream's own, and so is what it is trusted by.
  const fetchIt = sh('curl -sSf https://upstream.example/file');
  const trusting = () => ({ SSL_CERT_FILE: files.ca });

  test('that the operator lists: through a tunnel, no key on it', async () => {
    files.requests.length = 0;
    done(await keyholeRun(own, fetchIt, { token: mine, env: trusting() }));
    const received = files.only('/file');
    assert.ok(!received.text().includes('kh1_'));
    assert.equal(received.headers['proxy-authorization'], undefined);
  });

  test('limits of the run hold there, and caveats but those that leave it alone', async () => {
    done(await keyholeRun(own, fetchIt, { token: mine, env: trusting(), args: ['--allow-host', '*.example'] }));
    const limited = done(await keyholeRun(own, fetchIt, { token: mine, env: trusting(), args: ['--allow-host', 'other.example'] }), 22);
    assert.match(limited.stderr, /upstream\.example refused \(host-not-allowed\); allow with --allow-host upstream\.example/);
    const narrow = done(await keyholeRun(own, fetchIt, { token: mine, env: trusting(), args: ['--method', 'GET'] }), 22);
    assert.match(narrow.stderr, /upstream\.example refused \(caveat-failed\)/);
    done(await keyholeRun(own, fetchIt, { token: mine, env: trusting(), args: ['--caveat', 'method = GET or credential = pass-through'] }));
    done(await keyholeRun(own, fetchIt, { token: mine, env: trusting(), args: ['--credential', 'github'] }));
  });

  test('npm: a package of a registry that is passed through', async (t) => {
    const home = temporaryDirectory(t, 'npm');
    files.route('/left', (received, res) => answerJson(res, 200, {
      name: 'left', 'dist-tags': { latest: '1.2.3' }, versions: { '1.2.3': { name: 'left', version: '1.2.3', dist: { tarball: 'https://upstream.example/left.tgz' } } },
    }));
    const result = done(await keyholeRun(own, sh('exec npm view left version --registry https://upstream.example/ --no-update-notifier'),
      { token: mine, env: { ...trusting(), HOME: home, npm_config_cache: `${home}/cache` } }));
    assert.equal(result.stdout, '1.2.3\n');
  });

  test('a proxy without the token is none', async () => {
    const result = await keyholeRun(own, sh('curl -sS -x "http://${HTTPS_PROXY#*@}" https://upstream.example/file'), { token: mine, env: trusting() });
    assert.match(result.stderr, /407/);
  });
});

test('a broker on a network: TLS to it, verified', async (t) => {
  const own = await new Broker(t, { listen: null, config: 'listen:\n  - address: 127.0.0.1:0\n    tls: true' }).init();
  await own.start();
  await own.addCredential('github', { preset: 'github', secret: githubKey, upstream: github });
  const at = own.url.replace('http://', 'https://'), cacert = own.file('ca.pem');
  const program = sh('curl -sSf https://api.github.com/user -H "Authorization: Bearer $GITHUB_TOKEN"');
  const mine = await own.mint('github');
  done(await keyholeRun(own, program, { token: mine, at, args: ['--cacert', cacert] }));
  done(await keyholeRun(own, program, { token: mine, at, env: { KEYHOLE_CA: cacert } }));
  const untrusted = done(await keyholeRun(own, program, { token: mine, at }), 1);
  assert.match(untrusted.stderr, /certificate/i);
  assert.equal(github.requests.filter((r) => r.url === '/user').length, 2);
});

test('twenty runs at once', async () => {
  const results = await Promise.all(Array.from({ length: 20 }, (_, i) =>
    keyholeRun(broker, sh(`curl -sSf https://api.github.com/run/${i} -H "Authorization: Bearer $GITHUB_TOKEN"; exit ${i}`), { token })));
  results.forEach((result, i) => {
    done(result, i);
    arrived(github, `/run/${i}`);
  });
  assert.equal(new Set(results.map((r) => r.report.run)).size, 20);
  assert.equal(new Set(results.map((r) => r.report.tokens[0].lineage)).size, 20);
});
