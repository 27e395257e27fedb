// SPDX-License-Identifier: Apache-2.0
// The discharger as a process: what its listener refuses, what every answer carries, the operator's
// commands about people, and what survives a restart, a kill and a second start.

import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import { Broker, startBroker, unusedPort } from '../support/broker.mjs';
import { mustPost, post } from '../support/discharge.mjs';
import { ceremony, challengeOf, clientData, registrationJson, startFido2 } from '../support/fido2.mjs';
import { wholeFile } from '../support/file.mjs';
import net from 'node:net';
import { testAuthority } from '../support/pki.mjs';
import { keyholed, run, temporaryDirectory } from '../support/programs.mjs';
import { RawClient } from '../support/raw.mjs';
import { startSoftauthn } from '../support/softauthn.mjs';
import { until } from '../support/wait.mjs';

const CODE = /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}\n$/;

/** A discharger without a broker, in a state directory of its own. */
class Discharger extends Broker {
  constructor(t, options = {}) {
    super(t, { listen: null, ...options });
    if (this.config) {
      mkdirSync(this.directory, { mode: 0o700 });
      writeFileSync(this.file('keyholed.yaml'), this.config, { mode: 0o600 });
    }
  }

  command() {
    return ['discharger', 'run', '--dir', this.directory,
      ...(this.config ? [] : ['--listen', '127.0.0.1:0'])];
  }
}

const portOf = (url) => Number(new URL(url).port);

function connect(broker) {
  return RawClient.connect({ port: portOf(broker.discharger), host: '127.0.0.1' });
}

describe('strict HTTP', () => {
  let broker, host;

  before(async () => {
    broker = await startBroker(wholeFile);
    host = new URL(broker.discharger).host;
  });

  // [what, bytes, status, whether the connection ends]; HOST becomes the discharger's own.
  const H = 'Host: HOST\r\n';
  const P = `POST /.well-known/macfly/3p HTTP/1.1\r\n${H}`;
  const rows = [
    ['a bare LF', `GET / HTTP/1.1\n${H}\r\n`, 400, true],
    ['two spaces', `GET  / HTTP/1.1\r\n${H}\r\n`, 400, true],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : HOST\r\n\r\n', 400, true],
    ['obs-fold', `GET / HTTP/1.1\r\n${H}A: b\r\n c\r\n\r\n`, 400, true],
    ['a NUL', `GET / HTTP/1.1\r\n${H}A: \0\r\n\r\n`, 400, true],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, true],
    ['two Hosts', `GET / HTTP/1.1\r\n${H}${H}\r\n`, 400, true],
    ['HTTP/2.0', `GET / HTTP/2.0\r\n${H}\r\n`, 400, true],
    ['HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, true],
    ['both framings', `${P}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400, true],
    ['two lengths', `${P}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, 400, true],
    ['a list of lengths', `${P}Content-Length: 3, 3\r\n\r\nabc`, 400, true],
    ['a signed length', `${P}Content-Length: +3\r\n\r\nabc`, 400, true],
    ['identity, chunked', `${P}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n`, 400, true],
    ['a bad chunk', `${P}Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n`, 400, true],
    ['chunk data without CRLF', `${P}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`, 400, true],
    ['a fragment', `GET /enroll#x HTTP/1.1\r\n${H}\r\n`, 400, true],
    ['101 header fields', `GET / HTTP/1.1\r\n${H}${'A: b\r\n'.repeat(100)}\r\n`, 400, true],
    ['a line over 16 KiB', `GET /${'a'.repeat(17000)} HTTP/1.1\r\n${H}\r\n`, 400, true],
    ['a head over 64 KiB', `GET / HTTP/1.1\r\n${H}${`A: ${'b'.repeat(8000)}\r\n`.repeat(9)}\r\n`, 400, true],
    ['a body over 64 KiB', `${P}Content-Length: 65537\r\n\r\n`, 413, true],
    ['a chunk over 64 KiB', `${P}Transfer-Encoding: chunked\r\n\r\n10001\r\n${'a'.repeat(65537)}\r\n0\r\n\r\n`, 413, true],
    ['an encoded body', `${P}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\na`, 400, true],
    ['another Host', 'GET /enroll HTTP/1.1\r\nHost: evil.example\r\n\r\n', 421, false],
    ['the address for Host', 'GET /enroll HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n', 421, false],
    ['Host without the port', 'GET /enroll HTTP/1.1\r\nHost: localhost\r\n\r\n', 421, false],
    ['an absolute target', `GET http://HOST/enroll HTTP/1.1\r\n${H}\r\n`, 400, false],
    ['another absolute target', 'GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n', 400, false],
    ['CONNECT', 'CONNECT HOST HTTP/1.1\r\nHost: HOST\r\n\r\n', 405, false],
    ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${H}\r\n`, 405, false],
    ['OPTIONS', `OPTIONS /enroll HTTP/1.1\r\n${H}\r\n`, 405, false],
    ['DELETE', `DELETE /enroll HTTP/1.1\r\n${H}\r\n`, 405, false],
    ['a GET of the endpoint', `GET /.well-known/macfly/3p HTTP/1.1\r\n${H}\r\n`, 405, false],
    ['a GET with a body', `GET /enroll HTTP/1.1\r\n${H}Content-Length: 1\r\n\r\na`, 400, true],
    ['a query', `GET /enroll?code=x HTTP/1.1\r\n${H}\r\n`, 404, false],
    ['an empty query', `GET /enroll? HTTP/1.1\r\n${H}\r\n`, 404, false],
    ['an escaped path', `GET /%65nroll HTTP/1.1\r\n${H}\r\n`, 404, false],
    ['dot segments', `GET /x/../enroll HTTP/1.1\r\n${H}\r\n`, 404, false],
    ['no such page', `GET / HTTP/1.1\r\n${H}\r\n`, 404, false],
    ['another site', `${P}Origin: https://evil.example\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`, 403, false],
    ['a strange Expect', `${P}Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}`, 417, true],
  ];

  for (const [what, bytes, status, ends] of rows)
    test(`${what}: ${status}`, async () => {
      const client = await connect(broker);
      try {
        client.write(bytes.replaceAll('HOST', host).replaceAll('PORT', String(portOf(broker.discharger))));
        const answer = await client.answer();
        assert.equal(answer?.status, status, answer?.text);
        const failure = JSON.parse(answer.text);
        assert.match(failure.error, /^[a-z-]+$/);
        assert.ok(failure.message.length > 10, answer.text);
        assert.equal(answer.headers['cache-control'], 'no-store');
        if (status === 405) assert.match(answer.headers.allow, /^(GET|POST)/);
        if (ends) {
          assert.equal(answer.headers.connection, 'close');
          await client.closes();
          assert.equal(client.input.length, 0, `nothing after the refusal: ${client.input}`);
        } else {
          client.write(`GET /.well-known/keyhole/discharger HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
          assert.equal((await client.answer())?.status, 200, 'the connection serves the next one');
        }
      } finally {
        client.destroy();
      }
    });

  test('Upgrade is ignored', async () => {
    const client = await connect(broker);
    client.write(`GET /enroll HTTP/1.1\r\nHost: ${host}\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n`);
    assert.equal((await client.answer()).status, 200);
    client.destroy();
  });

  test('a head, and a body, that do not arrive: 408', async () => {
    const [head, body] = [await connect(broker), await connect(broker)];
    head.write(`GET /enroll HTTP/1.1\r\nHost: ${host}\r\nA`);
    body.write(`${P.replace('HOST', host)}Content-Length: 3\r\n\r\na`);
    for (const client of [head, body]) {
      const answer = await client.answer();
      assert.equal(answer?.status, 408, answer?.text);
      assert.equal(JSON.parse(answer.text).error, 'request-invalid');
      await client.closes();
      client.destroy();
    }
  });

  test('one client has 64 connections, and no more', async () => {
    const own = await startBroker(wholeFile);
    const clients = [];
    for (let i = 0; i < 64; i++) clients.push(await connect(own));
    const status = async (client) => {
      client.write(`GET /enroll HTTP/1.1\r\nHost: ${new URL(own.discharger).host}\r\n\r\n`);
      return (await client.answer())?.status;
    };
    for (const client of clients) assert.equal(await status(client), 200);
    const more = await connect(own);
    assert.equal((await more.answer())?.status, 429);
    await more.closes();
    clients.pop().destroy();
    await until('one that went makes room', async () => {
      const client = await connect(own);
      const got = await status(client);
      client.destroy();
      return got === 200;
    });
    for (const client of [more, ...clients]) client.destroy();
  });
});

describe('answers', () => {
  let broker;

  before(async () => {
    broker = await startBroker(wholeFile);
  });

  const get = (path, options) => fetch(`${broker.discharger}${path}`, { redirect: 'manual', ...options });

  function guarded(answer) {
    for (const [name, value] of [['x-content-type-options', 'nosniff'], ['x-frame-options', 'DENY'],
      ['referrer-policy', 'no-referrer'], ['cross-origin-opener-policy', 'same-origin'],
      ['cross-origin-resource-policy', 'same-origin']])
      assert.equal(answer.headers.get(name), value, name);
    assert.match(answer.headers.get('content-security-policy'), /default-src 'none'/);
    assert.match(answer.headers.get('content-security-policy'), /frame-ancestors 'none'/);
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
    assert.equal(answer.headers.get('strict-transport-security'), null, 'plain HTTP');
  }

  test('the discharger says where it is, and what its key is', async () => {
    const answer = await get('/.well-known/keyhole/discharger');
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type'), /^application\/json/);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    guarded(answer);
    const said = await answer.json();
    assert.equal(said.url, broker.discharger);
    assert.match(said.public_key, /^kd1_[A-Za-z0-9_-]{43}$/);
    const { stdout } = await broker.operator(['discharger', 'show']);
    assert.equal(stdout, `${said.url}#${said.public_key}\n`);
  });

  test('the page may use its own files and nothing else; these may be kept', async () => {
    const answer = await get('/enroll');
    const page = await answer.text();
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    guarded(answer);
    assert.doesNotMatch(answer.headers.get('content-security-policy'), /unsafe|\*|http/);
    const files = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((m) => m[1]);
    assert.ok(files.length >= 2, page);
    for (const file of files) {
      const got = await get(file);
      assert.equal(got.status, 200, file);
      assert.match(got.headers.get('cache-control'), /^public, max-age=\d+, immutable$/);
      guarded(got);
      assert.ok((await got.text()).length > 0);
    }
    // Without its script the browser must not put the code into an address.
    assert.doesNotMatch(page, /method="?get/i);
    assert.doesNotMatch(page, /<script>|<style>|style=|onclick=|https?:\/\/(?!localhost)/);
  });

  test('HEAD of a page has its length and no body', async () => {
    const answer = await get('/enroll', { method: 'HEAD' });
    assert.equal(answer.status, 200);
    assert.ok(Number(answer.headers.get('content-length')) > 500);
    guarded(answer);
  });
});

describe('people', () => {
  let broker;

  before(async () => {
    broker = await startBroker(wholeFile);
  });

  test('users are added, listed, removed', async () => {
    const none = await broker.operator(['user', 'list']);
    assert.equal(none.stdout, '');
    assert.match(none.stderr, /there are no users/);
    const added = await broker.operator(['user', 'add', 'alice']);
    assert.equal(added.stdout, '');
    assert.match(added.stderr, /keyholed invite alice/);
    const again = await broker.operator(['user', 'add', 'alice'], { may: true });
    assert.equal(again.status, 1);
    assert.match(again.stderr, /alice already/);
    const wrong = await broker.operator(['user', 'add', 'al ice'], { may: true });
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /letters, digits/);
    assert.deepEqual(await broker.operatorJson(['user', 'add', 'bob@example.com']), { name: 'bob@example.com' });
    const { users } = await broker.operatorJson(['user', 'list']);
    assert.deepEqual(users.map((u) => [u.name, u.authenticators]), [['alice', 0], ['bob@example.com', 0]]);
    assert.match((await broker.operator(['user', 'list'])).stdout, /^alice +\S+Z +0 authenticators$/m);
    const removed = await broker.operator(['user', 'remove', 'bob@example.com']);
    assert.match(removed.stderr, /keyholed revoke --user bob@example\.com/);
    assert.equal((await broker.operator(['user', 'remove', 'bob@example.com'], { may: true })).status, 1);
  });

  test('an invitation is a code alone on standard output, and in no file and no log', async () => {
    await broker.operator(['user', 'add', 'carol']);
    const { stdout, stderr } = await broker.operator(['invite', 'carol']);
    assert.match(stdout, CODE);
    assert.ok(stderr.includes(`keyhole enroll --discharger ${broker.discharger} --code`), stderr);
    assert.ok(stderr.includes(`${broker.discharger}/enroll`), stderr);
    assert.ok(!stderr.includes(stdout.trim()), 'the code is not said twice');
    const { code, url, expires_at: expires } = await broker.operatorJson(['invite', 'carol']);
    assert.match(`${code}\n`, CODE);
    assert.notEqual(`${code}\n`, stdout);
    assert.equal(url, `${broker.discharger}/enroll`);
    assert.ok(Math.abs(Date.parse(expires) - Date.now() - 600000) < 60000, expires);
    const directory = broker.file('discharger');
    for (const text of [code, stdout.trim(), code.replaceAll('-', '')]) {
      for (const name of readdirSync(directory))
        assert.ok(!readFileSync(`${directory}/${name}`).includes(text), `${name} has the code`);
      assert.ok(!broker.log.includes(text), 'the log has the code');
    }
    const unknown = await broker.operator(['invite', 'nobody'], { may: true });
    assert.equal(unknown.status, 1);
    assert.equal(unknown.stdout, '');
    assert.match(unknown.stderr, /nobody/);
  });

  test('a code is asked for at the protocol, and is good for its user', async () => {
    await broker.operator(['user', 'add', 'dave']);
    const { code } = await broker.operatorJson(['invite', 'dave']);
    const ask = (body) => fetch(`${broker.discharger}/.well-known/keyhole/enroll`, {
      method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
    const wrong = await ask({ code: 'AAAA-AAAA-AAAA', name: 'key', kind: 'ssh' });
    assert.equal(wrong.status, 403);
    assert.equal((await wrong.json()).error, 'code-invalid');
    const right = await ask({ code, name: 'key', kind: 'ssh' });
    const answer = await right.json();
    assert.equal(right.status, 201, JSON.stringify(answer));
    assert.match(answer.ssh.text, /^user=dave$/m);
    // A newer code ends it.
    await broker.operator(['invite', 'dave']);
    assert.equal((await ask({ code, name: 'key', kind: 'ssh' })).status, 403);
  });

  test('authenticators: none yet, and none to remove', async () => {
    assert.deepEqual(await broker.operatorJson(['authenticator', 'list']), { authenticators: [] });
    const unknown = await broker.operator(['authenticator', 'list', '--user', 'nobody'], { may: true });
    assert.equal(unknown.status, 1);
    const removed = await broker.operator(['authenticator', 'remove', 'alice', 'blue key'], { may: true });
    assert.equal(removed.status, 1);
    assert.match(removed.stderr, /alice has no authenticator blue key/);
  });

  test('where none runs, the commands say what to do', async (t) => {
    const directory = temporaryDirectory(t);
    for (const args of [['user', 'add', 'alice'], ['invite', 'alice'], ['authenticator', 'list']]) {
      const { status, stderr, stdout } = await run(keyholed, [...args, '--dir', directory]);
      assert.equal(status, 1);
      assert.equal(stdout, '');
      assert.match(stderr, /no discharger is running in .*keyholed run/);
    }
  });
});

describe('its state', () => {
  test('users and key survive a restart; the address stays the same word', async (t) => {
    const port = await unusedPort();
    const broker = await startBroker(t, { args: ['--discharger', `127.0.0.1:${port}`] });
    assert.equal(broker.discharger, `http://localhost:${port}`);
    await broker.operator(['user', 'add', 'alice']);
    const before = await broker.operator(['discharger', 'show']);
    broker.secrets.push(readFileSync(broker.file('discharger/discharger.key'), 'utf8').trim());
    for (const name of ['discharger.key', 'discharger.db'])
      assert.equal(statSync(broker.file(`discharger/${name}`)).mode & 0o777, 0o600, name);
    assert.equal(statSync(broker.file('discharger')).mode & 0o777, 0o700);
    assert.equal(statSync(broker.file('discharger.sock')).mode & 0o777, 0o600);
    await broker.restart();
    assert.equal((await broker.operator(['discharger', 'show'])).stdout, before.stdout);
    assert.deepEqual((await broker.operatorJson(['user', 'list'])).users.map((u) => u.name), ['alice']);
  });

  test('what it may accept changes with a reload', async (t) => {
    const broker = await startBroker(t);
    const key = await startSoftauthn(t);
    const ask = startFido2(t);
    await broker.operator(['user', 'add', 'alice']);
    const enrol = async () => {
      const { code } = await broker.operatorJson(['invite', 'alice']);
      const { fido2: question } = await mustPost(`${broker.discharger}/.well-known/keyhole/enroll`,
        { code, name: 'key', kind: 'fido2' });
      const data = clientData('create', challengeOf('enroll', question), question.origin);
      const made = await ceremony(ask, { do: 'register', device: key.path, rp_id: question.rp_id, client_data: data });
      const { status, json } = await post(question.answer_url, registrationJson(made, data));
      return { status, error: json.error };
    };
    assert.deepEqual(await enrol(), { status: 403, error: 'attestation-untrusted' });
    appendFileSync(broker.file('keyholed.yaml'), '\ndischarger:\n  attestation: optional\n');
    broker.reload();
    await until('attestation is not demanded any more', async () => (await enrol()).status === 201);
  });

  test('killed, it is started again, and knows what was acknowledged', async (t) => {
    const broker = await startBroker(t);
    await broker.operator(['user', 'add', 'alice']);
    const discharger = broker.processes().find((p) => p.name.startsWith('keyhole-dischar'));
    process.kill(discharger.pid, 'SIGKILL');
    await until('another one serves', () => {
      const now = broker.processes().find((p) => p.name.startsWith('keyhole-dischar'));
      return now && now.pid !== discharger.pid;
    });
    const { users } = await broker.operatorJson(['user', 'list']);
    assert.deepEqual(users.map((u) => u.name), ['alice']);
    assert.equal((await fetch(`${broker.discharger}/enroll`)).status, 200);
  });

  for (const [what, prepare, words] of [
    ['a key that others can read', (file) => chmodSync(file, 0o644), /discharger\.key: mode 0644 lets others in/],
    ['a key that was cut short', (file) => writeFileSync(file, 'AAAA\n'), /discharger\.key: must be one line of 43 letters/],
    ['a database that others can read', (file) => chmodSync(file.replace('.key', '.db'), 0o640), /discharger\.db: mode 0640 lets others in/],
    ['a directory that others can read', (file) => chmodSync(file.replace('/discharger.key', ''), 0o755), /discharger: mode 0755 lets others in/],
  ])
    test(`${what} is refused with a sentence`, async (t) => {
      const broker = await startBroker(t);
      await broker.stop();
      prepare(broker.file('discharger/discharger.key'));
      await assert.rejects(broker.start(), words);
    });

  test('two dischargers cannot share a directory', async (t) => {
    const broker = await startBroker(t);
    const second = await run(keyholed, ['discharger', 'run', '--dir', broker.directory, '--listen', '127.0.0.1:0']);
    assert.equal(second.status, 1);
    assert.equal(second.stdout, '');
    assert.match(second.stderr, /runs in/);
    assert.equal((await fetch(`${broker.discharger}/enroll`)).status, 200, 'the first goes on');
    await broker.operator(['user', 'add', 'alice']);
  });
});

describe('alone', () => {
  test('without a broker: people, page, and SIGTERM', async (t) => {
    const discharger = await new Discharger(t).start();
    assert.match(discharger.discharger, /^http:\/\/localhost:\d+$/);
    await discharger.operator(['user', 'add', 'alice']);
    assert.match((await discharger.operator(['invite', 'alice'])).stdout, CODE);
    assert.equal((await fetch(`${discharger.discharger}/enroll`)).status, 200);
    assert.deepEqual(discharger.processes().map((p) => p.name.slice(0, 15)), ['keyhole-dischar']);
  });

  test('keyholed status says what runs', async (t) => {
    const discharger = await new Discharger(t).start();
    await discharger.operator(['user', 'add', 'alice']);
    const { stdout } = await discharger.operator(['status']);
    assert.match(stdout, /^running +the discharger alone/m);
    assert.match(stdout, /^address +http:\/\/localhost:\d+#kd1_/m);
    assert.match(stdout, /^users +1$/m);
    const json = JSON.parse((await discharger.operator(['status', '--json'])).stdout);
    assert.equal(json.role, 'discharger');
    assert.equal(json.users, 1);
    await discharger.stop();
    const { status, stderr } = await discharger.operator(['status'], { may: true });
    assert.equal(status, 1, stderr);
    assert.match(stderr, /^keyholed: no broker is running in /);
  });

  test('keyholed reload reaches it, and says what changed', async (t) => {
    const port = await unusedPort();
    const lines = (more) => `discharger:\n  listen: [{address: "127.0.0.1:${port}"}]\n${more}`;
    const discharger = await new Discharger(t, { config: lines('') }).start();
    const reload = (args = ['reload']) => discharger.operator(args, { may: true });
    const nothing = await reload();
    assert.match(nothing.stderr, /keyholed\.yaml: nothing changed/);
    assert.equal(nothing.stdout, '', 'no listener of a broker is opened');
    const write = (more) => writeFileSync(discharger.file('keyholed.yaml'), lines(more));
    write('  attestation: optional\n  url: https://other.example\n');
    const looked = await reload(['check', '--diff']);
    assert.match(looked.stdout, /discharger\.attestation +required -> optional +by a reload/, looked.stderr);
    const { reloaded, changes } = JSON.parse((await reload(['reload', '--json'])).stdout);
    assert.equal(reloaded, true);
    assert.deepEqual(Object.fromEntries(changes.map((c) => [c.setting, c.outcome])),
      { 'discharger.attestation': 'applied', 'discharger.url': 'restart' });
    const again = await reload();
    assert.match(again.stdout, /^discharger\.url .*needs a restart\n$/, 'what is in effect is not told again');
    write('  attestation: perhaps\n');
    const broken = await reload();
    assert.equal(broken.status, 1);
    assert.match(broken.stderr, /keyholed\.yaml:3: .*; the configuration stays as it was/);
    assert.equal((await fetch(`${discharger.discharger}/enroll`)).status, 200);
  });

  test('beside a broker it is the broker that reads the configuration', async (t) => {
    const broker = await startBroker(t);
    const line = await new Promise((resolve, reject) => {
      const socket = net.connect(broker.file('discharger.sock'), () => socket.write('{"command": "config.diff"}\n'));
      socket.once('data', (data) => {
        socket.destroy();
        resolve(JSON.parse(data));
      });
      socket.on('error', reject);
    });
    assert.equal(line.ok, false);
    assert.match(JSON.stringify(line), /the broker reads it/);
  });

  test('with TLS and a name: HSTS, and Host is that name', async (t) => {
    const port = await unusedPort();
    const { certFile, keyFile } = testAuthority().issue(['discharge.example']);
    const discharger = await new Discharger(t, { config: `
discharger:
  listen:
    - address: 127.0.0.1:${port}
      tls: true
      certificate: ${certFile}
      key: ${keyFile}
  url: https://discharge.example
` }).start();
    assert.equal(discharger.discharger, 'https://discharge.example');
    const client = await RawClient.connect({ port, host: '127.0.0.1',
      tls: { servername: 'discharge.example', ca: testAuthority().pem } });
    client.write('GET /.well-known/keyhole/discharger HTTP/1.1\r\nHost: discharge.example\r\n\r\n');
    const answer = await client.answer();
    assert.equal(answer?.status, 200, answer?.text);
    assert.match(answer.headers['strict-transport-security'], /^max-age=\d+$/);
    assert.equal(JSON.parse(answer.text).url, 'https://discharge.example');
    client.write(`GET /enroll HTTP/1.1\r\nHost: discharge.example:${port}\r\n\r\n`);
    assert.equal((await client.answer())?.status, 421);
    client.destroy();
    // Plain HTTP to it is no request at all.
    const plain = await RawClient.connect({ port, host: '127.0.0.1' });
    plain.write('GET /enroll HTTP/1.1\r\nHost: discharge.example\r\n\r\n');
    assert.equal(await plain.answer().catch(() => null), null);
    plain.destroy();
  });
});
