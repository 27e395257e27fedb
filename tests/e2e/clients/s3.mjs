// SPDX-License-Identifier: Apache-2.0
// A program that uses AWS's SDK for S3 as anybody would: its whole configuration is the environment.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

const client = new S3Client({ forcePathStyle: true, maxAttempts: 1 });
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const Bucket = 'bucket', Key = "a dir/é +&=(1)'*.txt";

try {
  if (process.argv[2] === 'objects') {
    await client.send(new PutObjectCommand({ Bucket, Key, Body: 'hello', ContentType: 'text/plain', Metadata: { who: 'me' } }));
    const got = await client.send(new GetObjectCommand({ Bucket, Key }));
    const text = await got.Body.transformToString();
    const listed = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'a dir/', MaxKeys: 5 }));
    await client.send(new DeleteObjectCommand({ Bucket, Key }));
    say({ text, keys: listed.Contents.map((c) => c.Key) });
  } else if (process.argv[2] === 'stream') {
    // Its length is known, its hash is not: the SDK sends it in chunks with a checksum at the end.
    const parts = Array.from({ length: 40 }, (_, i) => Buffer.alloc(65536, i));
    await client.send(new PutObjectCommand({ Bucket, Key: 'stream', Body: Readable.from(parts), ContentLength: 40 * 65536 }));
    say({ sha256: createHash('sha256').update(Buffer.concat(parts)).digest('hex') });
  } else if (process.argv[2] === 'presigned') {
    await client.send(new PutObjectCommand({ Bucket, Key, Body: 'there' }));
    const url = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key }), { expiresIn: 600 });
    const put = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: 'up', ContentType: 'text/plain' }), { expiresIn: 60 });
    const up = await fetch(put, { method: 'PUT', body: 'uploaded', headers: { 'content-type': 'text/plain' } });
    const got = await fetch(url);
    say({ text: await got.text(), status: got.status, up: up.status });
  }
} catch (error) {
  say({ error: error.name, status: error.$metadata?.httpStatusCode, message: error.message });
  process.exitCode = 1;
}
