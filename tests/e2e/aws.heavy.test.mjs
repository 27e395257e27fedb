// SPDX-License-Identifier: Apache-2.0
// AWS's own clients, unmodified, with a token as the access key id: the SDK by a base URL, the command
// line and curl through CONNECT.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { before, beforeEach, describe, test } from 'node:test';

import { addAws, awsKey, startAws } from '../support/aws.mjs';
import { startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { must, run, temporaryDirectory } from '../support/programs.mjs';
import { Client } from '../support/sdk.mjs';

const key = awsKey({ session: true });
let aws, broker, token, caFile;

before(async () => {
  aws = await startAws(wholeFile, key);
  broker = await startBroker(wholeFile);
  await addAws(broker, 'aws', aws);
  token = await broker.mint('aws');
  caFile = `${broker.home}/ca-for-clients.pem`;
  writeFileSync(caFile, (await broker.operator(['ca', 'show'])).stdout);
});

beforeEach(() => {
  aws.requests.length = 0;
  aws.objects.clear();
});

function allVerified() {
  assert.ok(aws.requests.length > 0, 'the service saw something');
  for (const received of aws.requests) {
    assert.equal(received.problem, null, received.text().slice(0, 2000));
    assert.ok(!received.text().includes('kh1_'));
  }
}

const account = (accessKeyId = token) => ({ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: 'dummy',
  AWS_SESSION_TOKEN: 'dummy-session', AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-1', AWS_EC2_METADATA_DISABLED: 'true' });

describe('@aws-sdk/client-s3', () => {
  const sdk = (t, what, accessKeyId) => new Client(t, 's3.mjs', [what], { ...account(accessKeyId), AWS_ENDPOINT_URL_S3: `${broker.url}/~aws` });

  test('put, get, list, delete', async (t) => {
    assert.deepEqual(await sdk(t, 'objects').result(), { text: 'hello', keys: ["a dir/é +&=(1)'*.txt"], exit: 0 });
    allVerified();
    assert.equal(aws.requests[0].headers['x-amz-meta-who'], 'me');
    assert.equal(aws.objects.size, 0);
  });

  test('a stream whose hash is not known before', async (t) => {
    const { sha256, exit } = await sdk(t, 'stream').result();
    assert.equal(exit, 0);
    allVerified();
    assert.equal(createHash('sha256').update(aws.objects.get('bucket/stream')).digest('hex'), sha256);
  });

  test('presigned URLs', async (t) => {
    assert.deepEqual(await sdk(t, 'presigned').result(), { text: 'there', status: 200, up: 200, exit: 0 });
    allVerified();
    assert.equal(aws.objects.get('bucket/up').toString(), 'uploaded');
  });

  test('what the token does not allow', async (t) => {
    const narrow = await broker.attenuate(token, '--method', 'GET');
    const result = await sdk(t, 'objects', narrow).result();
    assert.equal(result.exit, 1);
    assert.equal(result.status, 401);
    assert.equal(aws.requests.length, 0);
  });
});

const cli = '/usr/bin/aws';

describe('aws', { skip: existsSync(cli) ? false : 'awscli is not installed' }, () => {
  // A bucket is a host of its own, reached through CONNECT with the local CA.
  const environment = () => ({ ...account(), HTTPS_PROXY: broker.url, AWS_CA_BUNDLE: caFile, AWS_MAX_ATTEMPTS: '1', AWS_PAGER: '' });
  const command = (args, options) => must(cli, args, { env: environment(), timeout: 120000, ...options });

  test('s3 cp there and back, ls, rm', async (t) => {
    const directory = temporaryDirectory(t);
    const data = randomBytes(300000);
    writeFileSync(`${directory}/up`, data);
    await command(['s3', 'cp', `${directory}/up`, 's3://bucket/a dir/é+1.bin']);
    await command(['s3', 'cp', 's3://bucket/a dir/é+1.bin', `${directory}/down`]);
    assert.ok(readFileSync(`${directory}/down`).equals(data));
    assert.match((await command(['s3', 'ls', 's3://bucket/a dir/'])).stdout, /300000 é\+1\.bin/);
    await command(['s3', 'rm', 's3://bucket/a dir/é+1.bin']);
    allVerified();
    assert.ok(aws.requests.every((r) => r.headers.host === 'bucket.s3.eu-west-1.amazonaws.com'), 'a bucket is a host');
    assert.equal(aws.objects.size, 0);
  });

  test('s3 cp in parts, and back in ranges; s3 sync', async (t) => {
    const directory = temporaryDirectory(t), data = randomBytes(20e6 + 7);
    mkdirSync(`${directory}/from/below`, { recursive: true });
    writeFileSync(`${directory}/from/large`, data);
    writeFileSync(`${directory}/from/below/ö &+.txt`, 'small');
    await command(['s3', 'sync', '--no-progress', `${directory}/from`, 's3://bucket/copy']);
    assert.ok(aws.requests.some((r) => r.method === 'POST' && /[?&]uploads/.test(r.url)), 'in parts');
    await command(['s3', 'cp', '--no-progress', 's3://bucket/copy/large', `${directory}/large`]);
    assert.ok(aws.requests.some((r) => r.headers.range), 'in ranges');
    assert.ok(readFileSync(`${directory}/large`).equals(data));
    await command(['s3', 'sync', '--no-progress', 's3://bucket/copy', `${directory}/to`]);
    assert.equal(readFileSync(`${directory}/to/below/ö &+.txt`, 'utf8'), 'small');
    assert.ok(readFileSync(`${directory}/to/large`).equals(data));
    allVerified();
  });

  test('a form of another service, whose hash nobody declares', async () => {
    const { stdout } = await command(['sts', 'get-caller-identity', '--output', 'json']);
    assert.equal(JSON.parse(stdout).Account, '123456789012');
    allVerified();
  });

  test('s3 presign, and the URL in curl', async () => {
    aws.objects.set('bucket/p', Buffer.from('presigned'));
    const url = (await command(['s3', 'presign', 's3://bucket/p', '--expires-in', '60', '--endpoint-url', 'https://s3.eu-west-1.amazonaws.com'])).stdout.trim();
    const { stdout } = await must('/usr/bin/curl', ['-sS', '--fail', '--proxy', broker.url, '--cacert', caFile, url]);
    assert.equal(stdout, 'presigned');
    allVerified();
  });

  test('what the token does not allow', async () => {
    const narrow = await broker.attenuate(token, '--method', 'GET');
    const result = await run(cli, ['s3', 'rm', 's3://bucket/x'], { env: { ...environment(), AWS_ACCESS_KEY_ID: narrow }, timeout: 120000 });
    assert.notEqual(result.status, 0);
    assert.equal(aws.requests.length, 0);
  });
});

describe('curl --aws-sigv4', () => {
  const curl = (args) => run('/usr/bin/curl', ['-sS', '--fail-with-body', '--proxy', broker.url, '--cacert', caFile, '--user', `${token}:dummy`, ...args]);

  for (const [what, args] of [
    ['a form', ['--aws-sigv4', 'aws:amz:eu-west-1:sts', '-d', 'Action=GetCallerIdentity&Version=2011-06-15', 'https://sts.eu-west-1.amazonaws.com/']],
    ['a query', ['--aws-sigv4', 'aws:amz:eu-west-1:sts', 'https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15']],
    ['an object', ['--aws-sigv4', 'aws:amz:eu-west-1:s3', 'https://s3.eu-west-1.amazonaws.com/bucket?list-type=2']],
  ])
    test(what, async () => {
      const result = await curl(args);
      assert.equal(result.status, 0, result.stdout + result.stderr);
      allVerified();
    });
});
