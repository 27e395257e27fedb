// SPDX-License-Identifier: Apache-2.0
// The differential test against nginx, for a number of requests: lanes side by side, kinds counted,
// and compared with the table of what is known.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { realKey, startBroker, unusedPort } from './broker.mjs';
import { Lane, Random, startRecorder } from './differential.mjs';
import { startNginx } from './gateway.mjs';

const TABLE = new URL('../vectors/nginx.kinds', import.meta.url);

/** kind -> why it is so; "rare:" before that when not every run shows it. */
function knownKinds() {
  const rows = readFileSync(TABLE, 'utf8').split('\n').filter((l) => l && !l.startsWith('#'));
  return new Map(rows.map((row) => row.split(' | ').map((x) => x.trim())));
}

async function startLanes(t, count) {
  const key = realKey();
  const broker = await startBroker(t, { config: 'timeouts:\n  head: 400ms\n  body: 400ms\n  idle: 400ms\n' });
  const lanes = [];
  let servers = '';
  for (let i = 0; i < count; i++) {
    const [nginx, keyhole, nginxPort] = [await startRecorder(t), await startRecorder(t), await unusedPort()];
    const host = `up${i}.example`;
    await broker.operator(['credential', 'add', `up${i}`, '--host', host, '--port', '443', '--slot', 'header:x-key', '--inject', 'header:X-Injected: {secret}',
      '--resolve', `${host}:443:127.0.0.1:${keyhole.port}`, '--resolve', `${host}:80:127.0.0.1:${keyhole.port}`, '--plain', '--allow-network', '127.0.0.0/8'], { stdin: `${key}\n` });
    servers += `upstream u${i} { server 127.0.0.1:${nginx.port}; keepalive 4; }\n`
      + `server { listen 127.0.0.1:${nginxPort}; error_log /var/log/nginx/lane${i}.log info; location / { proxy_pass http://u${i}; } }\n`;
    lanes.push(new Lane({ host, token: await broker.mint(`up${i}`), nginxPort, keyholePort: broker.port, nginx, keyhole }));
  }
  const { directory } = await startNginx(t, `access_log off;
client_header_timeout 400ms; client_body_timeout 400ms; keepalive_timeout 400ms; lingering_close off;
proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_request_buffering off;
proxy_next_upstream off;
${servers}`, lanes.map((l) => l.nginxPort));
  for (const [i, lane] of lanes.entries()) lane.log = `${directory}/lane${i}.log`;
  return lanes;
}

const show = (text) => JSON.stringify(text.toString('latin1').slice(0, 1200));

/** Run `count` requests; every kind must be in the table. `all`: every row must have been seen. */
export async function runDifferential(t, { count, seed = 20261122, lanes: width = 6, all = false }) {
  seed = Number(process.env.KEYHOLE_TEST_SEED || seed);
  t.diagnostic(`KEYHOLE_TEST_SEED=${seed}, ${count} requests`);
  const lanes = await startLanes(t, width);
  const [known, found] = [knownKinds(), new Map()];
  let same = 0, next = 0;
  await Promise.all(lanes.map(async (lane) => {
    while (next < count) {
      const number = next++;
      const result = await lane.try(new Random(seed * 1000003 + number));
      if (result.kinds.length === 0) same++;
      for (const kind of result.kinds) {
        if (!found.has(kind)) found.set(kind, { times: 0, number, ...result });
        found.get(kind).times++;
      }
    }
  }));
  const lines = [...found].sort((a, b) => b[1].times - a[1].times).map(([kind, f]) => `${String(f.times).padStart(6)}  ${kind}`);
  t.diagnostic(`${same} of ${count} are the same in every way; kinds of differences:\n${lines.join('\n')}`);
  if (process.env.KEYHOLE_TEST_KINDS) process.stderr.write(`${lines.join('\n')}\n`);
  const fresh = [...found].filter(([kind]) => !known.has(kind)).map(([kind, f]) =>
    `${kind}\n  request ${f.number} (${f.faults.join(', ')}), ${f.times} times: ${show(f.bytes)}\n  nginx: ${show(f.theirs)}\n  Keyhole: ${show(f.mine)}\n  arrived: ${JSON.stringify(f.seen).slice(0, 1500)}`);
  assert.deepEqual(fresh, [], `kinds that tests/vectors/nginx.kinds does not explain (KEYHOLE_TEST_SEED=${seed}):\n${fresh.join('\n')}`);
  if (all) assert.deepEqual([...known].filter(([kind, why]) => !why.startsWith('rare:') && !found.has(kind)), [], 'rows of the table that nothing shows any more');
  assert.ok(same > count / 10, `${same} of ${count} are the same: a generator of nothing but faults shows little`);
}
