// SPDX-License-Identifier: Apache-2.0
// Octokit, unmodified: it writes `Authorization: token …`, follows Link headers, and uses every method.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { before, beforeEach, test } from 'node:test';

import { encodings, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { Client, proxyEnvironment } from '../support/sdk.mjs';
import { accepts, answerJson, startUpstream } from '../support/upstream.mjs';

const key = realKey('ghp_');
let upstream, broker, token, byUrl, byProxy;

before(async () => {
  const bearer = accepts.bearer(key), old = accepts.header('authorization', `token ${key}`);
  upstream = await startUpstream(wholeFile, { accepts: (r) => bearer(r) || old(r) });
  upstream.route('/repos/acme/app/issues', (received, res) => {
    const page = Number(new URL(received.url, 'http://x').searchParams.get('page') ?? 1);
    // Pages follow each other under the name by which the client came: GitHub's own host.
    const link = page === 1 ? { link: '<https://api.github.com/repos/acme/app/issues?per_page=2&page=2>; rel="next"' } : {};
    answerJson(res, 200, page === 1 ? [{ number: 1 }, { number: 2 }] : [{ number: 3 }], link);
  });
  upstream.route('/graphql', (received, res) => answerJson(res, 200, { data: { viewer: { login: 'octocat' } } }));
  broker = await startBroker(wholeFile);
  await broker.addCredential('github', { preset: 'github', secret: key, upstream });
  token = await broker.mint('github', { caveats: ['method in GET, HEAD or path = /graphql'] });
  const caFile = `${broker.home}/ca-for-clients.pem`;
  writeFileSync(caFile, (await broker.operator(['ca', 'show'])).stdout);
  byUrl = { GITHUB_API_URL: `${broker.url}/~github` };
  byProxy = proxyEnvironment(broker, caFile);
});

beforeEach(() => {
  upstream.requests.length = 0;
});

const client = (t, args, env) => new Client(t, 'octokit.mjs', args, { GITHUB_TOKEN: token, ...env });

function sawTheKeyOnly(output) {
  for (const received of upstream.requests) {
    assert.ok(received.authorized);
    assert.ok(!received.text().includes('kh1_'));
  }
  for (const text of encodings(key)) assert.ok(!output.includes(text));
}

for (const [name, env] of [['GITHUB_API_URL', () => byUrl], ['HTTPS_PROXY and NODE_EXTRA_CA_CERTS', () => byProxy]]) {
  test(`${name}: issues, page by page along the Link header`, async (t) => {
    const program = client(t, ['issues'], env());
    assert.deepEqual(await program.result(), { issues: [1, 2, 3], exit: 0 });
    assert.equal(upstream.requests.length, 2);
    sawTheKeyOnly(program.output);
  });

  test(`${name}: a GraphQL query`, async (t) => {
    const program = client(t, ['graphql'], env());
    assert.deepEqual(await program.result(), { viewer: { login: 'octocat' }, exit: 0 });
    sawTheKeyOnly(program.output);
  });

  test(`${name}: a deletion that the token does not allow`, async (t) => {
    const result = await client(t, ['delete'], env()).result();
    assert.deepEqual([result.exit, result.error, result.status], [1, 'HttpError', 401]);
    assert.equal(upstream.requests.length, 0);
    const record = broker.decisions().at(-1);
    assert.deepEqual([record.reason, record.method, record.path], ['caveat-failed', 'DELETE', '/repos/acme/app']);
  });
}
