// SPDX-License-Identifier: Apache-2.0
// A service of AWS as far as its signatures go: every request is verified by an implementation that is
// not ours (npm aws4), and objects are kept as S3 would keep them.

import { createHash, randomBytes } from 'node:crypto';

import { createRequire } from 'node:module';
import { resolve } from 'node:path';

import { accepts, startUpstream } from './upstream.mjs';

const { RequestSigner } = createRequire(resolve(import.meta.dirname, '../e2e/package.json'))('aws4');

export const HOSTS = ['s3.eu-west-1.amazonaws.com', '*.s3.eu-west-1.amazonaws.com',
  'sts.eu-west-1.amazonaws.com', 'dynamodb.eu-west-1.amazonaws.com'];

/** A key pair that cannot be anything else wherever it turns up. */
export function awsKey({ session = false } = {}) {
  const random = (n) => randomBytes(n).toString('hex').toUpperCase();
  const key = { accessKeyId: `AKIA${random(8)}`, secretAccessKey: `${random(10)}/+${random(10)}` };
  if (session) key.sessionToken = `${random(60)}+/==`;
  return key;
}

export const secretOf = (key) =>
  [key.accessKeyId, key.secretAccessKey, key.sessionToken].filter(Boolean).join(':');

const sha256 = (body) => createHash('sha256').update(body).digest('hex');

function dateOf(text) {
  const [, y, m, d, h, min, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? '') ?? [];
  return y ? Date.UTC(y, m - 1, d, h, min, s) : NaN;
}

// What is signed: those headers and no others.
function signedOf(received, names) {
  const headers = {};
  for (const name of names.split(';')) {
    const values = received.fields(name);
    if (values.length === 0) throw new Error(`SignedHeaders names ${name}, which is not there`);
    headers[name] = values.join(',');
  }
  return headers;
}

function readHeader(received) {
  const fields = received.fields('authorization');
  const parts = /^AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})$/.exec(fields[0] ?? '');
  if (fields.length !== 1 || !parts) throw new Error(`Authorization: ${fields}`);
  const [, credential, names, signature] = parts;
  const [date] = received.fields('x-amz-date');
  if (!(Math.abs(dateOf(date) - Date.now()) <= 15 * 60e3)) throw new Error(`RequestTimeTooSkewed: ${date}`);
  return { credential, names, signature, date, path: received.url, presigned: false };
}

function readQuery(received) {
  const url = new URL(received.url, 'http://x');
  const take = (name) => {
    const values = url.searchParams.getAll(name);
    if (values.length !== 1) throw new Error(`${values.length} of ${name}`);
    return values[0];
  };
  if (received.fields('authorization').length > 0) throw new Error('Authorization beside a presigned query');
  if (take('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256') throw new Error('X-Amz-Algorithm');
  const date = take('X-Amz-Date'), signature = take('X-Amz-Signature');
  const end = dateOf(date) + Number(take('X-Amz-Expires')) * 1000;
  if (!(dateOf(date) <= Date.now() + 15 * 60e3 && Date.now() < end)) throw new Error('Request has expired');
  return { credential: take('X-Amz-Credential'), names: take('X-Amz-SignedHeaders'), signature, date,
    path: received.url.replace(/[?&]X-Amz-Signature=[0-9a-f]*/, (s) => (s[0] === '?' ? '?' : '')).replace('?&', '?'),
    presigned: true };
}

function checkHeaders(received, signed, { presigned, s3 }) {
  for (const name of new Set(received.rawHeaders.filter((_, i) => i % 2 === 0).map((n) => n.toLowerCase())))
    if (name.startsWith('x-amz-') && !(name in signed)) throw new Error(`HeadersNotSigned: ${name}`);
  if (!('host' in signed)) throw new Error('host is not signed');
  const [declared] = received.fields('x-amz-content-sha256');
  if (s3 && !presigned && !declared) throw new Error('x-amz-content-sha256 is missing');
  if (/^[0-9a-f]{64}$/.test(declared ?? '') && declared !== sha256(received.body))
    throw new Error('XAmzContentSHA256Mismatch');
}

/** What the service would say against this request's signature; null when it is good. */
export function verify(received, key, { region = 'eu-west-1', service = 's3' } = {}) {
  try {
    const presigned = /[?&]X-Amz-Signature=/.test(received.url);
    const read = presigned ? readQuery(received) : readHeader(received);
    const scope = `${read.date.slice(0, 8)}/${region}/${service}/aws4_request`;
    if (read.credential !== `${key.accessKeyId}/${scope}`) throw new Error(`scope: ${read.credential}`);
    const token = presigned ? new URL(received.url, 'http://x').searchParams.get('X-Amz-Security-Token')
      : received.fields('x-amz-security-token').join() || null;
    if (token !== (key.sessionToken ?? null)) throw new Error(`InvalidToken: ${token}`);
    const headers = signedOf(received, read.names);
    checkHeaders(received, headers, { presigned, s3: service === 's3' });
    const signer = new RequestSigner({ method: received.method, path: read.path, headers, service, region,
      body: received.body, signQuery: presigned, doNotModifyHeaders: true,
      extraHeadersToInclude: Object.fromEntries(Object.keys(headers).map((name) => [name, true])) }, key);
    signer.datetime = read.date;
    const signature = signer.signature();
    if (signature !== read.signature)
      throw new Error(`SignatureDoesNotMatch: ${read.signature}, not ${signature}, of\n${signer.canonicalString()}`);
    return null;
  } catch (error) {
    return error.message;
  }
}

function list(objects, bucket, url) {
  const prefix = url.searchParams.get('prefix') ?? '';
  const keys = [...objects.keys()].filter((k) => k.startsWith(`${bucket}/${prefix}`)).map((k) => k.slice(bucket.length + 1));
  const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const rows = keys.map((k) => `<Contents><Key>${escape(k)}</Key><Size>${objects.get(`${bucket}/${k}`).length}</Size>` +
    '<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"x"</ETag><StorageClass>STANDARD</StorageClass></Contents>');
  return `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name>` +
    `<Prefix>${escape(prefix)}</Prefix><KeyCount>${keys.length}</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>${rows.join('')}</ListBucketResult>`;
}

const IDENTITY = '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>' +
  '<Arn>arn:aws:iam::123456789012:user/test</Arn><UserId>AIDATEST</UserId><Account>123456789012</Account></GetCallerIdentityResult>' +
  '<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>';

// The framing of aws-chunked, without signatures: "size\r\n data \r\n … 0\r\n trailers \r\n".
function unchunk(body) {
  const parts = [];
  for (let at = 0; ;) {
    const end = body.indexOf('\r\n', at);
    const size = parseInt(body.subarray(at, end).toString().split(';')[0], 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(body.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

/** Uploads in parts: true when the request was one of theirs. */
function serveParts(received, url, object, { uploads, objects, data, xml, res }) {
  const id = url.searchParams.get('uploadId');
  if (received.method === 'POST' && url.searchParams.has('uploads')) {
    const fresh = randomBytes(8).toString('hex');
    uploads.set(fresh, new Map());
    xml(res, 200, `<?xml version="1.0"?><InitiateMultipartUploadResult><UploadId>${fresh}</UploadId></InitiateMultipartUploadResult>`);
  } else if (id && received.method === 'PUT') {
    uploads.get(id).set(Number(url.searchParams.get('partNumber')), data);
    xml(res, 200, '', { etag: `"${sha256(data).slice(0, 32)}"` });
  } else if (id && received.method === 'POST') {
    objects.set(object, Buffer.concat([...uploads.get(id)].sort(([a], [b]) => a - b).map(([, part]) => part)));
    xml(res, 200, '<?xml version="1.0"?><CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>');
  } else return false;
  return true;
}

/** S3, and other services by their host's first label, for one key pair. */
export async function startAws(t, key, { hosts = HOSTS } = {}) {
  const objects = new Map(), uploads = new Map();
  const xml = (res, status, text, headers = {}) => {
    res.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(text), ...headers });
    res.end(text);
  };
  const serve = (received, res) => {
    const host = received.headers.host;
    const service = /^(sts|dynamodb)\./.exec(host)?.[1] ?? 's3';
    received.problem = verify(received, aws.key, { service });
    if (received.problem)
      return xml(res, 403, `<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code><Message>${received.problem.replaceAll('<', '&lt;')}</Message></Error>`);
    if (service === 'sts') return xml(res, 200, IDENTITY);
    if (service !== 's3') return xml(res, 200, `<ok service="${service}" bytes="${received.body.length}"/>`);
    const url = new URL(received.url, 'http://x');
    const path = decodeURIComponent(url.pathname).slice(1);
    const bucket = /^(.+)\.s3\./.exec(host)?.[1] ?? path.split('/')[0];
    const name = /^(.+)\.s3\./.test(host) ? path : path.slice(bucket.length + 1);
    const object = `${bucket}/${name}`;
    if (name === '' && received.method === 'GET') return xml(res, 200, list(objects, bucket, url));
    const data = /aws-chunked/.test(received.headers['content-encoding'] ?? '') ? unchunk(received.body) : received.body;
    if (serveParts(received, url, object, { uploads, objects, data, xml, res })) return undefined;
    if (received.method === 'PUT') {
      objects.set(object, data);
      return xml(res, 200, '', { etag: '"x"' });
    }
    if (!objects.has(object))
      return xml(res, 404, '<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>');
    if (received.method === 'DELETE') {
      objects.delete(object);
      return res.writeHead(204).end();
    }
    const whole = objects.get(object), [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(received.headers.range ?? '') ?? [];
    const body = from === undefined ? whole : whole.subarray(Number(from), to ? Number(to) + 1 : undefined);
    const range = from === undefined ? {} : { 'content-range': `bytes ${from}-${Number(from) + body.length - 1}/${whole.length}` };
    res.writeHead(from === undefined ? 200 : 206, { ...range, 'content-type': 'application/octet-stream', 'content-length': body.length, etag: '"x"',
      'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' });
    return res.end(received.method === 'HEAD' ? undefined : body);
  };
  const aws = await startUpstream(t, { accepts: accepts.anything(), hosts, fallback: serve });
  return Object.assign(aws, { key, objects });
}

/** `credential add` of this key, with the hosts of `aws`. */
export async function addAws(broker, name, aws, { key = aws.key, hosts = HOSTS, args = [] } = {}) {
  broker.secrets.push(key.secretAccessKey, ...(key.sessionToken ? [key.sessionToken] : []));
  const exact = hosts.filter((h) => !h.startsWith('*.'));
  const buckets = hosts.includes('*.s3.eu-west-1.amazonaws.com') ? ['bucket.s3.eu-west-1.amazonaws.com'] : [];
  return broker.operator(['credential', 'add', name, ...hosts.flatMap((h) => ['--host', h]),
    ...aws.resolve([...exact, ...buckets]).flatMap((r) => ['--resolve', r]),
    '--upstream-ca', aws.ca, '--allow-network', '127.0.0.0/8', '--inject', 'sigv4', ...args],
    { stdin: `${secretOf(key)}\n` });
}
