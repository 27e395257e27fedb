// SPDX-License-Identifier: Apache-2.0
// git over HTTPS, unmodified, against git-http-backend behind nginx with a password file. git sends no
// credentials before it was asked for them (401, WWW-Authenticate: Basic).

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { missing, startGitServer } from '../support/git.mjs';
import { must, run, temporaryDirectory } from '../support/programs.mjs';

const git = '/usr/bin/git';
const skip = missing.length > 0 && `not installed: ${missing.join(', ')}`;
const password = realKey('pw-'), githubKey = realKey('ghp_');
const REPOSITORIES = ['project.git', 'owner/project.git'];
let server, broker, token, github, caFile;

const settings = {
  GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@a.example',
  GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@a.example',
};

before(async () => {
  if (skip) return;
  server = await startGitServer(wholeFile, { hosts: ['git.example', 'github.com'], repositories: REPOSITORIES,
    users: [['svc', password], ['x-access-token', githubKey]] });
  broker = await startBroker(wholeFile);
  await broker.addCredential('git', { secret: `svc:${password}`, upstream: server, hosts: ['git.example'],
    args: ['--slot', 'basic', '--slot', 'bearer', '--inject', 'basic'] });
  broker.secrets.push(password);
  await broker.addCredential('github', { secret: githubKey, upstream: { ...server, resolve: () => server.resolve(['github.com']) },
    preset: 'github' });
  token = await broker.mint('git');
  github = await broker.mint('github');
  caFile = `${broker.home}/ca-for-clients.pem`;
  writeFileSync(caFile, (await broker.operator(['ca', 'show'])).stdout);
});

/** A directory with one commit of `bytes` random bytes, and what its commit is called. */
async function project(t, bytes = 1000) {
  const directory = temporaryDirectory(t, 'work');
  const inside = (...args) => must(git, ['-C', directory, ...args], { env: settings });
  await inside('init', '-q', '-b', 'main');
  writeFileSync(`${directory}/data`, randomBytes(bytes));
  await inside('add', 'data');
  await inside('commit', '-q', '-m', 'data');
  return { directory, commit: (await inside('rev-parse', 'HEAD')).stdout.trim() };
}

// How the token is given, as `-c` settings, environment, and the user part of the URL.
const helper = '!f() { test "$1" != get || printf "username=any\\npassword=%s\\n" "$TOKEN"; }; f';
const forms = [
  ['in the URL', (t) => ({ user: `any:${t}@` })],
  ['from a credential helper', (t) => ({ settings: [`credential.helper=${helper}`], env: { TOKEN: t } })],
  ['in http.extraHeader, Basic', (t) => ({ settings: [`http.extraHeader=Authorization: Basic ${btoa(`any:${t}`)}`] })],
  ['in http.extraHeader, Bearer', (t) => ({ settings: [`http.extraHeader=Authorization: Bearer ${t}`] })],
];
const ways = [
  ['by a base URL', 'project.git', () => ({ base: broker.url, path: '/~git', token })],
  ['through CONNECT with the local CA', 'project.git', () => ({ base: 'https://git.example', path: '', token,
    env: { HTTPS_PROXY: broker.url, GIT_SSL_CAINFO: caFile } })],
  ['a preset for its host, through CONNECT', 'owner/project.git', () => ({ base: 'https://github.com', path: '', token: github,
    env: { HTTPS_PROXY: broker.url, GIT_SSL_CAINFO: caFile } })],
];

function command(way, form, repository) {
  const { base, path, token: own, env } = way(), given = form(own);
  const url = `${base.replace('://', `://${given.user ?? ''}`)}${path}/${repository}`;
  const prefix = (given.settings ?? []).flatMap((s) => ['-c', s]);
  return { url, call: (args, extra = []) => run(git, [...extra.flatMap((s) => ['-c', s]), ...prefix, ...args],
    { env: { ...settings, HOME: broker.home, ...env, ...given.env }, timeout: 120000 }) };
}

function fine(result) {
  assert.equal(result.status, 0, result.stderr);
  for (const secret of [password, githubKey])
    assert.ok(!(result.stdout + result.stderr).includes(secret), 'git never saw the key');
}

describe('git', { skip }, () => {
  test('a request without a token is told that Basic will do', async () => {
    const answer = await broker.request('/~git/project.git/info/refs?service=git-upload-pack');
    broker.denied(answer, 401, 'token-missing');
    assert.match(answer.headers['www-authenticate'], /^Basic realm="keyhole", charset="UTF-8", Bearer realm="keyhole"$/);
  });

  for (const [where, repository, way] of ways)
    for (const [how, form] of forms) {
      // Services that tell the two apart take git by Basic alone, and what came as Bearer stays one.
      if (where.startsWith('a preset') && how.endsWith('Bearer')) continue;
      test(`${where}, the token ${how}: push, clone, fetch`, async (t) => {
        const { directory, commit } = await project(t), to = temporaryDirectory(t, 'clone');
        const branch = `b${randomBytes(6).toString('hex')}`;
        const { url, call } = command(way, form, repository);
        fine(await call(['-C', directory, 'push', '-q', url, `HEAD:refs/heads/${branch}`]));
        assert.equal(await server.head(repository, `refs/heads/${branch}`), commit);
        fine(await call(['clone', '-q', '-b', branch, url, `${to}/copy`]));
        assert.deepEqual(readFileSync(`${to}/copy/data`), readFileSync(`${directory}/data`));
        fine(await call(['-C', `${to}/copy`, 'fetch', '-q', url, branch]));
      });
    }

  test('a push of 50 MB in chunks, and back', async (t) => {
    const { directory, commit } = await project(t, 50e6), to = temporaryDirectory(t, 'clone');
    const { url, call } = command(ways[0][2], forms[0][1], 'project.git');
    fine(await call(['-C', directory, 'push', '-q', url, 'HEAD:refs/heads/large']));
    assert.equal(await server.head('project.git', 'refs/heads/large'), commit);
    const sent = broker.decisions().filter((r) => r.path?.endsWith('/git-receive-pack') && r.decision === 'allow').at(-1);
    assert.equal(sent.method, 'POST');
    fine(await call(['clone', '-q', '-b', 'large', url, `${to}/copy`]));
    assert.ok(readFileSync(`${to}/copy/data`).equals(readFileSync(`${directory}/data`)));
  });

  test('a token that may only read: clone works, push does not', async (t) => {
    const { directory } = await project(t), to = temporaryDirectory(t, 'clone');
    const first = command(ways[0][2], forms[0][1], 'project.git');
    fine(await first.call(['-C', directory, 'push', '-q', first.url, 'HEAD:refs/heads/readable']));
    const narrow = await broker.attenuate(token, '--path', '/project.git/info/refs', '--path', '/project.git/git-upload-pack');
    const { url, call } = command(() => ({ ...ways[0][2](), token: narrow }), forms[0][1], 'project.git');
    fine(await call(['clone', '-q', '-b', 'readable', url, `${to}/copy`]));
    const refused = await call(['-C', directory, 'push', '-q', url, 'HEAD:refs/heads/not-this']);
    assert.notEqual(refused.status, 0);
    assert.equal(await server.head('project.git', 'refs/heads/not-this'), undefined);
  });

  test('a revoked token, a wrong one, and a password of one\'s own', async (t) => {
    const to = temporaryDirectory(t, 'clone');
    const spare = await broker.mint('git');
    await broker.operator(['revoke', '-'], { stdin: `${spare}\n` });
    for (const wrong of [spare, `${token.slice(0, -4)}AAAA`, 'hunter2']) {
      const { url, call } = command(() => ({ ...ways[0][2](), token: wrong }), forms[0][1], 'project.git');
      const result = await call(['clone', '-q', url, `${to}/copy`]);
      assert.equal(result.status, 128, result.stderr);
      assert.match(result.stderr, /Authentication failed/);
    }
  });

  test('a key that the server no longer takes: git says so', async (t) => {
    const to = temporaryDirectory(t, 'clone');
    await broker.addCredential('stale', { secret: 'svc:not-the-password', upstream: server, hosts: ['git.example'],
      args: ['--slot', 'basic', '--inject', 'basic'] });
    const own = await broker.mint('stale');
    const { url, call } = command(() => ({ base: broker.url, path: '/~stale', token: own }), forms[0][1], 'project.git');
    const result = await call(['clone', '-q', url, `${to}/copy`]);
    assert.equal(result.status, 128);
    assert.match(result.stderr, /Authentication failed/);
    assert.doesNotMatch(result.stderr, /kh1_|not-the-password/);
  });
});
