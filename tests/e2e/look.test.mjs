// SPDX-License-Identifier: Apache-2.0
// What people see: colours on a terminal and only there, lines that fit, an audit log to look at and to search.

import assert from 'node:assert/strict';
import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { addCaveats } from '../support/macaroon.mjs';
import { keyhole, keyholed, run, temporaryDirectory } from '../support/programs.mjs';
import { onTerminal, runOnTerminal } from '../support/pty.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const ESC = '\u001b';
const key = realKey();
let upstream, broker, token;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  broker = await startBroker(wholeFile);
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
  token = await broker.mint('openai', { user: 'alice', caveats: ['method in GET, POST'] });
  await broker.request('/~openai/v1/looked-at', { token });
  await broker.request('/~openai/v1/looked-at', { token, method: 'DELETE' });
});

const columns = (line) => [...line.replaceAll(new RegExp(`${ESC}\\[[0-9;]*m`, 'g'), '')].length;

describe('colours', () => {
  const commands = {
    'keyholed status': () => [keyholed, ['status', '--dir', broker.directory]],
    'keyholed audit tail': () => [keyholed, ['audit', 'tail', '--dir', broker.directory]],
    'keyhole inspect': () => [keyhole, ['inspect', token]],
  };
  for (const [name, command] of Object.entries(commands)) {
    test(`${name}: on a terminal, and not in a pipe`, async (t) => {
      const [program, args] = command();
      assert.ok((await runOnTerminal(t, program, args)).text.includes(`${ESC}[`), 'a terminal');
      assert.ok(!(await run(program, args)).stdout.includes(ESC), 'a pipe');
    });

    test(`${name}: NO_COLOR, TERM=dumb, CLICOLOR_FORCE and --color`, async (t) => {
      const [program, args] = command();
      for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }, { NO_COLOR: '1', CLICOLOR_FORCE: '1' }])
        assert.ok(!(await runOnTerminal(t, program, args, { env })).text.includes(ESC), JSON.stringify(env));
      assert.ok(!(await runOnTerminal(t, program, [...args, '--color', 'never'])).text.includes(ESC), 'never');
      assert.ok((await run(program, args, { env: { CLICOLOR_FORCE: '1' } })).stdout.includes(`${ESC}[`), 'forced');
      assert.ok((await run(program, [...args, '--color=always'], { env: { NO_COLOR: '1' } })).stdout.includes(`${ESC}[`), 'always');
      assert.equal((await run(program, [...args, '--color', 'sometimes'])).status, 2);
    });
  }

  test('a narrow terminal: no line of status and audit tail is wider', async (t) => {
    for (const args of [['status'], ['audit', 'tail'], ['audit', 'query', '--group-by', 'path']])
      for (const width of [...(args[0] === 'status' ? [20, 40] : []), 60, 78, 132]) {
        const { text } = await runOnTerminal(t, keyholed, [...args, '--dir', broker.directory], { columns: width });
        for (const line of text.split('\n')) assert.ok(columns(line) <= width, `${args} on ${width}: ${line}`);
      }
  });

  test('a result that cannot be written is an error, and says why', async () => {
    for (const args of [['help'], ['status'], ['audit', 'tail'], ['audit', 'query', '--json'], ['audit', 'verify']]) {
      const all = args[0] === 'help' ? args : [...args, '--dir', broker.directory];
      const { status, stderr } = await run('/bin/sh', ['-c', '"$0" "$@" > /dev/full', keyholed, ...all]);
      assert.equal(status, 1, `${args}: ${stderr}`);
      assert.match(stderr, /^keyholed: standard output (could not|cannot) be written: (No space left on device|no room, or nobody to read it)\n$/, `${args}`);
    }
  });

  test('somebody who waits for a broker that hangs is told so', async (t) => {
    const authority = await broker.process('authority');
    process.kill(authority.pid, 'SIGSTOP');
    try {
      const terminal = onTerminal(t, keyholed, ['status', '--dir', broker.directory]);
      await terminal.shows(/keyholed: the broker has not answered yet; waiting for 30 s at most/);
      process.kill(authority.pid, 'SIGCONT');
      assert.equal(await terminal.ended, 0, terminal.text);
      assert.match(terminal.text, /all is well/);
    } finally {
      process.kill(authority.pid, 'SIGCONT');
    }
  });

  test('without a UTF-8 locale trees are drawn in ASCII', async () => {
    const { stdout } = await run(keyhole, ['inspect', token], { env: { LANG: 'C' } });
    assert.match(stdout, /^`- method in GET/m);
    assert.match((await run(keyhole, ['inspect', token])).stdout, /^└─ method in GET/m);
  });

  test('what a token or a request says does not act on the terminal', async (t) => {
    const hostile = addCaveats(token, `label = "${ESC}[2J\u202eevil\u0007"`);
    const shown = await runOnTerminal(t, keyhole, ['inspect', hostile]);
    assert.ok(!shown.text.includes(`${ESC}[2J`) && !shown.text.includes('\u202e') && !shown.text.includes('\u0007'), shown.text);
    assert.match(shown.text, /\\x1b\[2J/);
    await broker.request('/~openai/v1/hostile', { token: hostile });
    const tail = await runOnTerminal(t, keyholed, ['audit', 'tail', '--dir', broker.directory]);
    assert.ok(!tail.text.includes(`${ESC}[2J`) && !tail.text.includes('\u202e'), tail.text);
    assert.match(tail.text, /evil/);
  });
});

describe('keyholed status', () => {
  test('says first that all is well, and its exit status too', async () => {
    const { stdout, status } = await broker.operator(['status']);
    assert.match(stdout, /^● all is well: keyholed \d/);
    assert.match(stdout, /last minute +\d+ allowed, \d+ denied/);
    assert.match(stdout, /openai +ready/);
    assert.equal(status, 0);
  });

  test('--json has what keyholed(8) lists', async () => {
    const status = await broker.operatorJson(['status']);
    assert.deepEqual(status.health, { ok: true, wrong: [], notes: [] });
    assert.ok(status.requests.hour.allow >= 1 && status.requests.hour.deny >= 1 && status.requests.codes['caveat-failed'] >= 1);
    assert.equal(status.policy_version, 0);
    const [credential] = status.credential_list;
    assert.equal(credential.name, 'openai');
    assert.ok(credential.hour_allow >= 1);
    assert.match(credential.last_used_at, /^\d{4}-/);
    assert.ok(status.root_keys.some((k) => k.active));
    assert.match(status.ca.expires_at, /^\d{4}-/);
    assert.ok(status.audit.bytes > 0);
    for (const process of status.processes) assert.ok(process.memory_bytes > 0 && process.uptime_s >= 0, JSON.stringify(process));
  });

  test('a key that the upstream refuses is wrong, with what to do', async (t) => {
    const other = await startUpstream(t, { key: realKey() });
    const own = await startBroker(t);
    await own.addCredential('openai', { preset: 'openai', secret: key, upstream: other });
    const answer = await own.request('/~openai/v1/models', { token: await own.mint('openai') });
    assert.equal(answer.status, 401);
    // What became of a request may be told a moment after its answer.
    const { stdout } = await until('something is wrong', async () => {
      const said = await own.operator(['status'], { may: true });
      return said.status === 1 && said;
    });
    assert.match(stdout, /^● 1 thing is wrong/);
    assert.match(stdout, /the key of openai is refused by the upstream once.*\n.*keyholed credential rotate openai/);
  });

  test('--watch draws again, and ends with ^C', async (t) => {
    const terminal = onTerminal(t, keyholed, ['status', '--watch', '1s', '--dir', broker.directory]);
    await terminal.shows(/all is well[^]*all is well/);
    terminal.interrupt();
    assert.equal(await terminal.ended, 0, terminal.text);
  });
});

describe('keyholed audit tail', () => {
  test('--follow goes on in the file that takes the place of the log; ^C ends it well', async (t) => {
    const directory = temporaryDirectory(t);
    const log = `${directory}/audit.log`;
    const record = (path) => `${JSON.stringify({ seq: 1, time: '2026-11-21T18:00:01.250Z', kind: 'decision', decision: 'allow', method: 'GET', host: 'h', path })}\n`;
    writeFileSync(log, record('/one'));
    const terminal = onTerminal(t, keyholed, ['audit', 'tail', '--follow', '--dir', directory]);
    await terminal.shows(/\/one/);
    appendFileSync(log, record('/two'));
    await terminal.shows(/\/two/);
    renameSync(log, `${log}.1`);
    appendFileSync(`${log}.1`, record('/late'));
    writeFileSync(log, record('/three'));
    await terminal.shows(/\/late[^]*\/three/);
    appendFileSync(log, record('/four'));
    await terminal.shows(/\/four/);
    terminal.interrupt();
    assert.equal(await terminal.ended, 0, terminal.text);
    assert.ok(!/\bkeyholed:/.test(terminal.text), terminal.text);
  });

  test('a reader that goes away ends it, without a word', async () => {
    const { stderr, stdout } = await run('/bin/sh', ['-c', '"$0" audit tail --follow --dir "$1" | head -n 1', keyholed, broker.directory]);
    assert.match(stdout, /\n$/);
    assert.equal(stderr, '');
  });
});

describe('keyholed audit query', () => {
  const paths = async (...args) => (await broker.operator(['audit', 'query', '--json', ...args])).stdout
    .split('\n').filter(Boolean).map((line) => JSON.parse(line).path);

  test('by lineage: a token, and all that was made from it', async () => {
    const parent = await broker.attenuate(token, '--label', 'parent');
    const child = await broker.attenuate(parent, '--label', 'child');
    const sibling = await broker.attenuate(token, '--label', 'sibling');
    for (const [name, made] of Object.entries({ parent, child, sibling })) await broker.request(`/~openai/v1/by-${name}`, { token: made });
    const { lineage } = JSON.parse((await run(keyhole, ['inspect', parent, '--json'])).stdout);
    assert.deepEqual(await paths('--lineage', lineage), ['/v1/by-parent', '/v1/by-child']);
    const tokenOn = async (stdin) => (await broker.operator(['audit', 'query', '--json', '--lineage', '-'], { stdin })).stdout
      .split('\n').filter(Boolean).map((line) => JSON.parse(line).path);
    assert.deepEqual(await tokenOn(child), ['/v1/by-child']);
    assert.deepEqual(await tokenOn(`${lineage}\n`), ['/v1/by-parent', '/v1/by-child']);
    for (const secret of [child, `https://x.example/~openai?token=${child}`, ` ${child}`]) {
      const shown = await broker.operator(['audit', 'query', '--lineage', secret], { may: true });
      assert.equal(shown.status, 2);
      assert.match(shown.stderr, /--lineage: a token is a secret.*standard input.*--lineage - < FILE/);
      assert.ok(!shown.stderr.includes('kh1_') && shown.stdout === '', 'it is not repeated');
    }
    const { stdout } = await broker.operator(['audit', 'query', '--lineage', '-', '--count'], { stdin: parent });
    assert.equal(stdout, '2\n');
    const all = await tokenOn(token);
    for (const name of ['parent', 'child', 'sibling']) assert.ok(all.includes(`/v1/by-${name}`), name);
    assert.deepEqual(await paths('--label', 'sibling'), ['/v1/by-sibling']);
    const refused = await broker.operator(['audit', 'query', '--lineage', 'sk-live-of-somebody'], { may: true });
    assert.equal(refused.status, 2);
    assert.ok(!refused.stderr.includes('sk-live'), 'what was pasted by mistake is not repeated');
  });

  test('by path, method and code; counted', async () => {
    assert.ok((await paths('--path', '/v1/looked-*', '--method', 'DELETE')).every((p) => p === '/v1/looked-at'));
    const grouped = await broker.operatorJson(['audit', 'query', '--group-by', 'code', '--decision', 'deny']);
    assert.ok(grouped.groups.some((g) => g.value === 'caveat-failed' && g.deny >= 1 && g.allow === 0), JSON.stringify(grouped));
  });

  test('a long log: the last of it, and a part of it by time, without reading the rest', async (t) => {
    const directory = temporaryDirectory(t);
    const lines = [], from = Date.parse('2026-11-01T00:00:00Z');
    for (let i = 0; i < 60000; i++)
      lines.push(`{"seq":${i + 1},"time":"${new Date(from + i * 3000).toISOString()}","kind":"decision","decision":"${i % 10 ? 'allow' : 'deny'}","user":"u${i % 7}","path":"/p/${i}","prev":"${'0'.repeat(64)}"}\n`);
    writeFileSync(`${directory}/audit.log`, lines.join(''));
    const query = async (...args) => (await run(keyholed, ['audit', 'query', '--json', '--dir', directory, ...args])).stdout
      .split('\n').filter(Boolean).map((line) => JSON.parse(line));
    assert.deepEqual((await query('-n', '3', '--user', 'u0')).map((r) => r.seq), [59984, 59991, 59998]);
    const part = await query('--since', '2026-11-02T10:00:00Z', '--until', '2026-11-02T10:00:15Z');
    assert.deepEqual(part.map((r) => r.path), [0, 1, 2, 3, 4].map((i) => `/p/${34 * 1200 + i}`));
    const { stdout } = await run(keyholed, ['audit', 'query', '--dir', directory, '--count', '--decision', 'deny']);
    assert.equal(stdout, '6000\n');
    const days = JSON.parse((await run(keyholed, ['audit', 'query', '--dir', directory, '--group-by', 'day', '--utc', '--json'])).stdout);
    assert.deepEqual(days.groups.map((g) => [g.value, g.count]), [['2026-11-01', 28800], ['2026-11-02', 28800], ['2026-11-03', 2400]]);
  });
});
