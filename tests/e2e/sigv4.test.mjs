// SPDX-License-Identifier: Apache-2.0
// AWS signatures: the client signs with a token and a dummy secret, the service verifies (by an
// implementation that is not ours) a signature of the real key over what it received.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, beforeEach, describe, test } from 'node:test';

import aws4 from 'aws4';

import { addAws, awsKey, startAws } from '../support/aws.mjs';
import { startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';

const key = awsKey();
let aws, broker, token;

before(async () => {
  aws = await startAws(wholeFile, key);
  broker = await startBroker(wholeFile);
  await addAws(broker, 'aws', aws);
  token = await broker.mint('aws');
});

beforeEach(() => {
  aws.requests.length = 0;
  aws.key = key;
});

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const stamp = (ms = Date.now()) => new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, '');

/** Send what a client of AWS made: `request` is what aws4 signs. */
async function send({ host = 's3.eu-west-1.amazonaws.com', service = 's3', region = 'eu-west-1', method = 'GET',
  path = '/', headers = {}, body, presign = false, sessionToken, accessKeyId = token, secretAccessKey = 'dummy', change } = {}) {
  const request = { host, service, region, method, path, headers: { ...headers }, body, signQuery: presign };
  aws4.sign(request, { accessKeyId, secretAccessKey, sessionToken });
  change?.(request);
  const client = await broker.connect();
  const lines = Object.entries(request.headers).filter(([n]) => !/^host$/i.test(n)).map(([n, v]) => `${n}: ${v}\r\n`);
  const framed = body === undefined || /^content-length$/im.test(Object.keys(request.headers).join('\n'));
  client.write(`${method} http://${host}${request.path} HTTP/1.1\r\nHost: ${host}\r\n${lines.join('')}${framed ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`}\r\n`);
  if (body) client.write(Buffer.from(body));
  const answer = await client.answer({ method });
  client.destroy();
  return answer;
}

/** The one request that came, and was signed well. */
function verified(answer) {
  assert.equal(aws.requests.length, 1, `the service saw ${aws.requests.length} requests; the answer: ${answer?.text}`);
  const [received] = aws.requests;
  assert.equal(received.problem, null, received.text());
  if (answer) assert.equal(answer.status, 200, answer.text);
  assert.ok(!received.text().includes('kh1_'), 'the token stays here');
  assert.ok(!received.text().includes(key.secretAccessKey), 'the secret key is on no request');
  return received;
}

function unseen() {
  assert.equal(aws.requests.length, 0, 'the service saw nothing');
}

describe('in Authorization', () => {
  const paths = ['/bucket?list-type=2', '/bucket/a/b', '/bucket/a%20b%2Bc%3D%26', '/bucket/%C3%A9%E1%88%B4', "/bucket/~-._!*'()", '/bucket/a:b@c,d',
    '/bucket?prefix=a%2Fb&delimiter=%2F&max-keys=2', '/bucket?b=2&a=1&B=3', '/bucket?acl=', '/bucket?acl=&x-id=ListObjectsV2',
    '/bucket?prefix=%20%2B%25%C3%A9', '/bucket?a-b=1&a=2&a.b=3'];
  for (const path of paths)
    test(`S3: ${path}`, async () => {
      aws.objects.set('bucket/' + decodeURIComponent(path.split('?')[0]).slice(8), Buffer.from('x'));
      const received = verified(await send({ path }));
      assert.equal(received.url, path.replace(/%7E/g, '~'), 'the path arrives as it was');
    });

  for (const path of ['/', '/a%20b', '/a/b:c', '/?Action=GetCallerIdentity&Version=2011-06-15', '/?b=2&a=1&a=0&B=3'])
    test(`another service encodes the path twice: ${path}`, async () => {
      verified(await send({ host: 'sts.eu-west-1.amazonaws.com', service: 'sts', path }));
    });

  test('a body whose hash the client declares streams past', async () => {
    const body = 'x'.repeat(3 << 20); // more than the broker would hold back
    const received = verified(await send({ method: 'PUT', path: '/bucket/big', body, headers: { 'X-Amz-Meta-A': ' b  c ', 'Content-Type': 'text/plain' } }));
    assert.equal(received.headers['x-amz-content-sha256'], sha256(body));
    assert.equal(received.body.length, body.length);
    assert.match(received.headers.authorization, /SignedHeaders=[^,]*\bcontent-type\b.*\bx-amz-meta-a\b/);
  });

  for (const declared of ['UNSIGNED-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'])
    test(`${declared} is the client's to say`, async () => {
      const body = declared.startsWith('S') ? '3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n' : 'abc';
      const received = verified(await send({ method: 'PUT', path: '/bucket/u', body, headers: { 'X-Amz-Content-Sha256': declared,
        ...(declared.startsWith('S') ? { 'Content-Encoding': 'aws-chunked', 'X-Amz-Trailer': 'x-amz-checksum-crc32', 'X-Amz-Decoded-Content-Length': '3' } : {}) } }));
      assert.equal(received.headers['x-amz-content-sha256'], declared);
      assert.equal(aws.objects.get('bucket/u').toString(), 'abc');
    });

  for (const [declared, detail] of [
    ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', /chunks/],
    ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', /chunks/],
    ['STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD', /chunks/],
    ['whatever', /neither a hash/],
  ])
    test(`${declared} is refused with a sentence`, async () => {
      broker.denied(await send({ method: 'PUT', path: '/bucket/s', body: 'abc', headers: { 'X-Amz-Content-Sha256': declared } }), 400, 'not-signable', { detail });
      unseen();
    });

  test('a service that declares no hash: the broker reads the body for it', async () => {
    const body = JSON.stringify({ TableName: 'é' });
    const received = verified(await send({ host: 'dynamodb.eu-west-1.amazonaws.com', service: 'dynamodb', method: 'POST', path: '/', body,
      headers: { 'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'DynamoDB_20120810.Scan' } }));
    assert.equal(received.body.toString(), body);
    assert.match(received.headers.authorization, /x-amz-target/);
  });

  test('the same in chunks, which are put together', async () => {
    const body = 'Action=GetCallerIdentity&Version=2011-06-15';
    const request = { host: 'sts.eu-west-1.amazonaws.com', service: 'sts', region: 'eu-west-1', method: 'POST', path: '/', body };
    aws4.sign(request, { accessKeyId: token, secretAccessKey: 'dummy' });
    const client = await broker.connect();
    client.write(`POST http://${request.host}/ HTTP/1.1\r\nHost: ${request.host}\r\nAuthorization: ${request.headers.Authorization}\r\nX-Amz-Date: ${request.headers['X-Amz-Date']}\r\n` +
      `Content-Type: ${request.headers['Content-Type']}\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
    const received = verified(await client.answer());
    client.destroy();
    assert.equal(received.body.toString(), body);
  });

  test('a body that is too large to be read for its hash', async () => {
    broker.denied(await send({ host: 'dynamodb.eu-west-1.amazonaws.com', service: 'dynamodb', method: 'POST', path: '/', body: 'x'.repeat(2 << 20) }), 413, 'body-too-large');
    unseen();
  });

  test('a body that is not what its declared hash says is not what was signed', async () => {
    const answer = await send({ method: 'PUT', path: '/bucket/changed', body: 'good', change: (r) => { r.headers['X-Amz-Content-Sha256'] = sha256('evil'); } });
    assert.equal(answer.status, 403);
    assert.equal(aws.requests[0].problem, 'XAmzContentSHA256Mismatch');
  });

  test('the date: kept while the service would take it, else set anew', async () => {
    const near = stamp(Date.now() - 10 * 60e3);
    assert.equal(verified(await send({ path: '/bucket', headers: { 'X-Amz-Date': near } })).headers['x-amz-date'], near);
    aws.requests.length = 0;
    const old = stamp(Date.now() - 20 * 60e3);
    const received = verified(await send({ path: '/bucket', headers: { 'X-Amz-Date': old } }));
    assert.notEqual(received.headers['x-amz-date'], old);
    assert.equal(received.fields('x-amz-date').length, 1);
  });

  test('no session token of the client\'s travels', async () => {
    const received = verified(await send({ path: '/bucket', sessionToken: 'dummy-session' }));
    assert.equal(received.fields('x-amz-security-token').length, 0);
  });
});

describe('presigned', () => {
  test('S3: a URL with the token in it is good for its time', async () => {
    aws.objects.set('bucket/p q', Buffer.from('there'));
    const answer = await send({ path: '/bucket/p%20q?versionId=1&X-Amz-Expires=900&response-content-type=a%2Fb', presign: true });
    const received = verified(answer);
    assert.equal(answer.text, 'there');
    const { searchParams } = new URL(received.url, 'http://x');
    assert.equal(searchParams.get('X-Amz-Expires'), '900');
    assert.equal(searchParams.get('versionId'), '1');
    assert.equal(received.fields('x-amz-content-sha256').length, 0);
  });

  test('S3: an upload', async () => {
    verified(await send({ method: 'PUT', path: '/bucket/up', presign: true, body: 'data' }));
    assert.equal(aws.objects.get('bucket/up').toString(), 'data');
  });

  test('S3: headers that the client has signed are signed again', async () => {
    const received = verified(await send({ method: 'PUT', path: '/bucket/acl', presign: true, body: 'data', headers: { 'x-amz-acl': 'private', 'Content-Type': 'text/plain' } }));
    assert.match(received.url, /X-Amz-SignedHeaders=[^&]*x-amz-acl/);
  });

  test('another service', async () => {
    verified(await send({ host: 'sts.eu-west-1.amazonaws.com', service: 'sts', path: '/?Action=GetCallerIdentity&X-Amz-Expires=60', presign: true }));
  });

  for (const [what, ms, expires, detail] of [
    ['that has expired', -3600e3, 900, /has expired/],
    ['of the future', 3600e3, 900, /not valid yet/],
    ['of more than a week', 0, 604801, /presigned/],
    ['of no time at all', 0, 0, /presigned/],
  ])
    test(`a URL ${what}`, async () => {
      broker.denied(await send({ path: `/bucket/p?X-Amz-Date=${stamp(Date.now() + ms)}&X-Amz-Expires=${expires}`, presign: true,
        change: (r) => { r.path = r.path.replace(/X-Amz-Expires=\d+/, `X-Amz-Expires=${expires}`); } }), 400, 'not-signable', { detail });
      unseen();
    });

  test('twice the same parameter', async () => {
    broker.denied(await send({ path: '/bucket/p', presign: true, change: (r) => { r.path += '&X-Amz-Expires=1'; } }), 400, 'not-signable', { detail: /twice/ });
    unseen();
  });
});

describe('what the key is for', () => {
  test('a session token goes with its key, in both forms', async () => {
    const temporary = awsKey({ session: true });
    aws.key = temporary;
    await addAws(broker, 'temporary', aws, { key: temporary });
    const own = await broker.mint('temporary');
    const received = verified(await send({ path: '/bucket', accessKeyId: own, sessionToken: 'dummy' }));
    assert.deepEqual(received.fields('x-amz-security-token'), [temporary.sessionToken]);
    aws.requests.length = 0;
    aws.objects.set('bucket/p', Buffer.from('x'));
    verified(await send({ path: '/bucket/p', presign: true, accessKeyId: own, sessionToken: 'dummy' }));
  });

  test('region and service of the credential are a wall', async () => {
    await addAws(broker, 'walled', aws, { args: ['--option', 'region=eu-west-1', '--option', 'service=s3'] });
    const own = await broker.mint('walled');
    verified(await send({ path: '/bucket', accessKeyId: own }));
    aws.requests.length = 0;
    broker.denied(await send({ path: '/bucket', accessKeyId: own, region: 'us-east-1' }), 400, 'not-signable', { detail: /region us-east-1.*eu-west-1/ });
    broker.denied(await send({ path: '/bucket', accessKeyId: own, service: 'iam' }), 400, 'not-signable', { detail: /service iam/ });
    unseen();
    const shown = await broker.operatorJson(['credential', 'show', 'walled']);
    assert.deepEqual(shown.options, ['region=eu-west-1', 'service=s3']);
    assert.deepEqual(shown.slots, ['aws']);
    assert.equal(shown.inject, 'sigv4');
  });

  test('a refused request is no use of the token', async () => {
    const once = await broker.mint('walled', { caveats: ['uses <= 1'] });
    broker.denied(await send({ path: '/bucket', accessKeyId: once, region: 'us-east-1' }), 400, 'not-signable');
    verified(await send({ path: '/bucket', accessKeyId: once }));
    broker.denied(await send({ path: '/bucket', accessKeyId: once }), 401, 'uses-exhausted');
  });

  test('a client that does not sign at all', async () => {
    await addAws(broker, 'bearer', aws, { args: ['--slot', 'bearer', '--option', 'region=eu-west-1', '--option', 'service=s3'] });
    const own = await broker.mint('bearer');
    const answer = await broker.request('/~bearer/bucket/plain', { method: 'PUT', token: own, body: 'hello' });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(verified().headers['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD');
    assert.equal(aws.objects.get('bucket/plain').toString(), 'hello');
  });

  test('caveats hold for what is signed', async () => {
    const narrow = await broker.attenuate(token, '--method', 'GET', '--path', '/bucket/open/**');
    aws.objects.set('bucket/open/a', Buffer.from('x'));
    verified(await send({ path: '/bucket/open/a', accessKeyId: narrow }));
    aws.requests.length = 0;
    broker.denied(await send({ path: '/bucket/closed', accessKeyId: narrow }), 401, 'caveat-failed');
    broker.denied(await send({ method: 'PUT', path: '/bucket/open/a', body: 'x', accessKeyId: narrow }), 401, 'caveat-failed');
    unseen();
  });

  test('a key of somebody else\'s, SigV4a, and a token where no signature belongs', async () => {
    broker.denied(await send({ path: '/bucket', accessKeyId: 'AKIDEXAMPLE' }), 401, 'foreign-key');
    broker.denied(await send({ path: '/bucket', change: (r) => { r.headers.Authorization = r.headers.Authorization.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'); } }), 400, 'not-signable', { detail: /SigV4a/ });
    broker.denied(await send({ path: '/bucket', change: (r) => { r.headers.Authorization = `Bearer ${token}`; } }), 400, 'token-misplaced');
    unseen();
  });

  for (const [what, args, secret, text] of [
    ['a secret without its secret key', [], 'AKIDEXAMPLE', /ACCESSKEYID:SECRETKEY/],
    ['a secret of four parts', [], 'a:b:c:d', /ACCESSKEYID:SECRETKEY/],
    ['another slot without a region', ['--slot', 'bearer'], 'AKID:x', /region and service/],
    ['an option of another injection', ['--option', 'token-url=https://a.example/'], 'AKID:x', /token-url does not belong/],
  ])
    test(`refused when it is added: ${what}`, async () => {
      const result = await broker.operator(['credential', 'add', 'bad', '--host', 's3.eu-west-1.amazonaws.com', '--inject', 'sigv4', ...args], { stdin: secret, may: true });
      assert.equal(result.status, 1);
      assert.match(result.stderr, text);
    });
});

describe('what comes back', () => {
  test('signature, access key id and session token are scrubbed', async () => {
    const temporary = awsKey({ session: true });
    aws.key = temporary;
    await addAws(broker, 'echoed', aws, { key: temporary });
    const own = await broker.mint('echoed');
    aws.route('/echo', (received, res) => res.writeHead(200, { 'content-type': 'text/plain', 'x-was': received.headers.authorization }).end(received.text()));
    const answer = await send({ path: '/echo', accessKeyId: own });
    assert.equal(answer.status, 200);
    const [, signature] = /Signature=([0-9a-f]{64})/.exec(aws.requests[0].headers.authorization);
    for (const text of [signature, temporary.accessKeyId, temporary.sessionToken, temporary.secretAccessKey])
      assert.ok(!`${answer.text}${JSON.stringify(answer.headers)}`.includes(text), text);
    assert.ok(answer.text.includes(own), 'the token stands in its place');
  });
});
