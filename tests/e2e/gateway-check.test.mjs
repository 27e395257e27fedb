// SPDX-License-Identifier: Apache-2.0
// The listener for gateways: who is let in, what is answered there, and Envoy's side of the protocol.
// No Envoy is at hand in Debian: its filter's part is played from its published contract, with the
// configuration that keyholed gateway envoy makes.

import assert from 'node:assert/strict';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import { Broker, encodings, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { envoyCheck, envoyFilters, socketGateway, uid, yaml } from '../support/gateway.mjs';
import { exchange } from '../support/raw.mjs';
import { startUpstream } from '../support/upstream.mjs';

const key = realKey(), otherKey = realKey('x-key-');
let upstream, broker, socket, token, otherToken, config, filters, bodyFilters;

const managed = ['authorization', 'keyhole-gateway-key', ...['destination', 'prefix', 'headers', 'body', 'client', 'method', 'target',
  'length', 'coding'].map((n) => `keyhole-check-${n}`)].join(',');

/** A check as nginx asks it, with what `change` makes of its fields. */
function nginxCheck(credential, host, change = {}) {
  const fields = {
    Host: 'keyhole', 'Keyhole-Check-Destination': `https://${host}:443`, 'Keyhole-Check-Prefix': '-',
    'Keyhole-Check-Headers': managed, 'Keyhole-Check-Body': 'unseen', 'Keyhole-Check-Client': '192.0.2.1',
    'Keyhole-Check-Method': 'GET', 'Keyhole-Check-Target': '/v1/x', Authorization: `Bearer ${token}`, ...change,
  };
  const lines = Object.entries(fields).filter(([, v]) => v !== undefined).flatMap(([n, v]) => [v].flat().map((x) => `${n}: ${x}\r\n`));
  return Buffer.from(`GET /nginx/${credential} HTTP/1.1\r\n${lines.join('')}Connection: close\r\n\r\n`);
}

const text = (answer) => JSON.stringify(answer.headers) + (answer.body?.toString('latin1') ?? '');

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  const made = socketGateway(wholeFile);
  socket = made.socket;
  broker = await startBroker(wholeFile, { config: made.config });
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
  await broker.addCredential('anthropic', { preset: 'anthropic', secret: otherKey, upstream });
  await broker.addCredential('inquery', { hosts: ['other.example'], secret: realKey(), upstream, args: ['--slot', 'bearer', '--inject', 'query:key'] });
  token = await broker.mint('openai');
  otherToken = await broker.mint('anthropic');
  const { stdout } = await broker.operator(['gateway', 'envoy', '--credential', 'openai', '--credential', 'anthropic']);
  config = await yaml(stdout);
  if (config) filters = envoyFilters(config);
  const whole = await yaml((await broker.operator(['gateway', 'envoy', '--credential', 'openai', '--body', '65536'])).stdout);
  if (whole) bodyFilters = envoyFilters(whole);
});

describe('who is a gateway', () => {
  test('the socket is for the users that are listed', async () => {
    assert.equal(statSync(socket).mode & 0o777, 0o666);
    const [good] = await exchange({ path: socket }, nginxCheck('openai', 'api.openai.com'));
    assert.equal(good.status, 200);
    const made = socketGateway(wholeFile);
    const strict = await startBroker(wholeFile, { config: made.config.replace(`[${uid}]`, '[4242]') });
    const [bad] = await exchange({ path: made.socket }, nginxCheck('openai', 'api.openai.com'));
    assert.equal(bad.status, 403);
    assert.match(text(bad), /gateway-unproven/);
    assert.equal(strict.decisions().at(-1).reason, 'gateway-unproven');
  });

  test('an address asks for the key', async (t) => {
    const b = new Broker(t, { config: 'gateway:\n  - address: 127.0.0.1:0' });
    await b.init();
    await assert.rejects(b.start(), /gateway key/); // without one nothing listens
    b.child = null;
    const gatewayKey = (await b.operator(['gateway', 'key'])).stdout.trim();
    assert.match(gatewayKey, /^khg_[\w-]{43}$/);
    assert.equal((await b.operator(['gateway', 'key'])).stdout.trim(), gatewayKey);
    assert.equal(statSync(b.file('gateway.key')).mode & 0o777, 0o600);
    b.log = '';
    await b.start();
    await b.addCredential('openai', { preset: 'openai', secret: key, upstream });
    const mine = await b.mint('openai');
    const address = b.ready.find(([n]) => n === 'gateway')[1];
    const at = { host: '127.0.0.1', port: Number(address.split(':')[1]) };
    const ask = async (k) => (await exchange(at, nginxCheck('openai', 'api.openai.com', { Authorization: `Bearer ${mine}`, 'Keyhole-Gateway-Key': k })))[0];
    assert.equal((await ask(gatewayKey)).status, 200);
    for (const k of [undefined, 'khg_x', gatewayKey.slice(0, -1), `${gatewayKey}x`, [gatewayKey, gatewayKey], ['x', gatewayKey]]) {
      const answer = await ask(k);
      assert.ok([400, 403].includes(answer.status), `${k}: ${answer.status}`);
      assert.ok(!text(answer).includes(key) && !text(answer).includes(gatewayKey));
    }
    const second = (await b.operator(['gateway', 'key', '--rotate'])).stdout.trim();
    assert.notEqual(second, gatewayKey);
    assert.deepEqual(readFileSync(b.file('gateway.key'), 'utf8').trim().split('\n'), [second, gatewayKey]);
    chmodSync(b.file('gateway.key'), 0o644);
    assert.match((await b.operator(['gateway', 'key'], { may: true })).stderr, /0600/);
    chmodSync(b.file('gateway.key'), 0o600);
    for (const k of [gatewayKey, second]) assert.ok(!b.log.includes(k), 'the log has a gateway key');
    const printed = await b.operator(['gateway', 'nginx', '--credential', 'openai', '--gateway-address', address]);
    assert.ok(printed.stdout.includes(second) && /0600/.test(printed.stdout));
  });

  test('the configuration says who, or is refused', async (t) => {
    const wrong = {
      'users or a group': '  - socket: /tmp/x.sock',
      'either socket or address': '  - users: [root]',
      'absolute path': '  - socket: x.sock\n    users: [root]',
      'tls: true': '  - address: 0.0.0.0:9',
      'for a socket': '  - address: 127.0.0.1:9\n    users: [root]',
      'keyholed.yaml:$: gateway: there is no user "nobody-at-all"': '  - socket: /tmp/x.sock\n    users: [nobody-at-all]',
      'keyholed.yaml:$: gateway: the directory of the socket, /nowhere/at/all': '  - socket: /nowhere/at/all/x.sock\n    users: [root]',
      'keyholed.yaml:$: there is no gateway key': '  - address: 127.0.0.1:9',
    };
    for (const [what, lines] of Object.entries(wrong)) {
      const b = new Broker(t, { config: `gateway:\n${lines}` });
      await b.init();
      const { status, stderr } = await b.operator(['check'], { may: true });
      assert.equal(status, 1, what);
      const line = readFileSync(b.file('keyholed.yaml'), 'utf8').split('\n').lastIndexOf('gateway:') + 2;
      assert.ok(stderr.includes(what.replace('$', line)), `${what}: ${stderr}`);
    }
  });

  test('checks are answered there alone, and nothing else is answered there', async () => {
    const [elsewhere] = await exchange({ port: broker.port, host: '127.0.0.1' }, nginxCheck('openai', 'api.openai.com', { Host: '127.0.0.1' }));
    assert.notEqual(elsewhere.status, 200);
    for (const secret of encodings(key)) assert.ok(!text(elsewhere).includes(secret));
    const auth = `Authorization: Bearer ${token}\r\nConnection: close\r\n`;
    for (const request of [
      `GET / HTTP/1.1\r\nHost: localhost\r\n${auth}\r\n`, `GET /~openai/v1/models HTTP/1.1\r\nHost: localhost\r\n${auth}\r\n`,
      `GET /v1/models HTTP/1.1\r\nHost: api.openai.com\r\n${auth}\r\n`, `GET http://api.openai.com/v1/models HTTP/1.1\r\nHost: api.openai.com\r\n${auth}\r\n`,
      `CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n`,
      `POST /.well-known/keyhole/revoke HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n${auth}\r\n`,
      `GET /nginx/ HTTP/1.1\r\nHost: localhost\r\n${auth}\r\n`, 'rubbish\r\n\r\n',
      `GET /envoy/openai/v1/models HTTP/1.1\r\nHost: api.openai.com\r\n${auth}\r\n`,
    ]) {
      const [answer] = await exchange({ path: socket }, Buffer.from(request));
      assert.ok(answer.status >= 400, `${request}: ${answer.status}`);
      for (const secret of encodings(key)) assert.ok(!text(answer).includes(secret), request);
    }
    assert.equal(upstream.requests.length, 0);
  });
});

test('what nginx says is taken at its word once, and never twice', async () => {
  const cases = [
    [{}, 200], [{ 'Keyhole-Check-Client': 'unix:' }, 200], [{ 'Keyhole-Check-Length': '5' }, 200],
    [{ 'Keyhole-Check-Client': 'me' }, 403], [{ 'Keyhole-Check-Client': undefined }, 403],
    [{ 'Keyhole-Check-Client': ['192.0.2.1', '192.0.2.2'] }, 403], [{ 'Keyhole-Check-Target': ['/a', '/b'] }, 403],
    [{ 'Keyhole-Check-Target': '/a b' }, 403], [{ 'Keyhole-Check-Target': 'http://api.openai.com/' }, 403],
    [{ 'Keyhole-Check-Target': '/a/../b' }, 403], [{ 'Keyhole-Check-Method': 'get' }, 403],
    [{ 'Keyhole-Check-Method': 'GET /x HTTP/1.1' }, 403], [{ 'Keyhole-Check-Prefix': '/~other' }, 403],
    [{ 'Keyhole-Check-Destination': 'https://api.anthropic.com:443' }, 403], [{ 'Keyhole-Check-Destination': 'http://api.openai.com:80' }, 403],
    [{ 'Keyhole-Check-Destination': 'https://api.openai.com' }, 403], [{ 'Keyhole-Check-Destination': 'https://api.openai.com:8443' }, 403],
    [{ 'Keyhole-Check-Body': 'whole' }, 403], [{ 'Keyhole-Check-Length': 'x' }, 403],
    [{ 'Keyhole-Check-Length': '5', 'Keyhole-Check-Coding': 'chunked' }, 403],
    [{ 'X-Forwarded-For': '1.2.3.4' }, 403], [{ 'Keyhole-Check-Headers': 'x-api-key' }, 403],
  ];
  for (const [change, status] of cases) {
    const [answer] = await exchange({ path: socket }, nginxCheck('openai', 'api.openai.com', {
      ...change }));
    assert.equal(answer.status, status, `${JSON.stringify(change)}: ${text(answer)}`);
    if (status !== 200) for (const secret of encodings(key)) assert.ok(!text(answer).includes(secret));
  }
});

describe('Envoy', () => {
  const check = (request, { credential = 'openai', filter = filters?.[credential], ...options } = {}) =>
    envoyCheck(filter, { socketPath: socket }, { method: 'GET', path: '/~openai/v1/models', headers: [['Host', 'gw:8480'], ['Authorization', `Bearer ${token}`]], ...request }, options);

  test('the configuration is closed where it could be open', (t) => {
    if (!config) return t.skip('python3-yaml is not here');
    const listener = config.static_resources.listeners[0];
    const manager = listener.filter_chains[0].filters[0].typed_config;
    assert.equal(manager.normalize_path, false);
    assert.equal(manager.merge_slashes, false);
    assert.equal(manager.use_remote_address, true);
    assert.equal(manager.common_http_protocol_options.headers_with_underscores_action, 'REJECT_REQUEST');
    assert.equal(manager.http_filters.at(-1).name, 'envoy.filters.http.router');
    for (const f of Object.values(filters)) {
      assert.equal(f.failure_mode_allow, false);
      assert.equal(f.clear_route_cache, false);
      assert.equal(f.status_on_error.code, 'ServiceUnavailable');
      assert.equal(f.http_service.authorization_response.allowed_client_headers_on_success, undefined);
      assert.equal(f.with_request_body, undefined);
      const known = ['@type', 'stat_prefix', 'transport_api_version', 'failure_mode_allow', 'status_on_error', 'clear_route_cache', 'allowed_headers', 'http_service'];
      assert.deepEqual(Object.keys(f).filter((k) => !known.includes(k)), []);
    }
    const [virtual] = manager.route_config.virtual_hosts;
    assert.deepEqual(virtual.domains, ['*']);
    const [openai, anthropic, nothing] = virtual.routes;
    assert.deepEqual(Object.keys(openai.typed_per_filter_config), ['keyhole-anthropic']);
    assert.deepEqual(Object.keys(anthropic.typed_per_filter_config), ['keyhole-openai']);
    assert.equal(openai.route.host_rewrite_literal, 'api.openai.com');
    assert.equal(openai.route.prefix_rewrite, '/');
    assert.equal(nothing.direct_response.status, 421);
    const clusters = Object.fromEntries(config.static_resources.clusters.map((c) => [c.name, c]));
    assert.equal(clusters['keyhole-check'].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.pipe.path, socket);
    const tls = clusters[openai.route.cluster].transport_socket.typed_config;
    assert.equal(tls.sni, 'api.openai.com');
    assert.equal(tls.common_tls_context.validation_context.match_typed_subject_alt_names[0].matcher.exact, 'api.openai.com');
    assert.equal(tls.common_tls_context.validation_context.trusted_ca.filename, '/etc/ssl/certs/ca-certificates.crt');
    assert.equal(bodyFilters.openai.with_request_body.allow_partial_message, false);
  });

  test('the key is set, and what is not for the upstream is named', async (t) => {
    if (!config) return t.skip('python3-yaml is not here');
    const verdict = await check({ headers: [['host', 'gw'], ['authorization', `Bearer ${token}`], ['x-forwarded-for', '1.2.3.4'],
      ['forwarded', 'for=x'], ['keyhole-check-prefix', '-'], ['keyhole-check-destination', 'https://evil.example:443'], ['accept', 'a, b'], ['keyhole-token', token]] });
    assert.equal(verdict.allow, true, verdict.text);
    assert.deepEqual(verdict.set, { authorization: `Bearer ${key}` });
    assert.deepEqual(verdict.upstream, { host: 'gw', accept: 'a, b', authorization: `Bearer ${key}` });
    const record = broker.decisions().at(-1);
    assert.equal(record.way, 'check');
    assert.equal(record.client, '192.0.2.7');
    assert.equal(record.path, '/v1/models');
    const second = await check({ path: '/~anthropic/v1/m', headers: [['host', 'x'], ['x-api-key', otherToken], ['X-Api-Key', otherToken]] }, { credential: 'anthropic' });
    assert.equal(second.allow, false); // joined: "token,token"
    const third = await check({ method: 'POST', path: '/~anthropic/v1/m', headers: [['host', 'x'], ['x-api-key', otherToken]] }, { credential: 'anthropic' });
    assert.equal(third.upstream['x-api-key'], otherKey, third.text);
  });

  test('paths that are not canonical are refused, and prefixes that are another credential\'s', async (t) => {
    if (!config) return t.skip('python3-yaml is not here');
    for (const path of ['/~openai/v1/%61', '/~openai/v1/%e2', '/~openai//v1', '/~openai/v1/../x', '/~openai/%2e%2e/x', '/~openai/a;b', '/~openai/a%2fb',
      '/~openai', '/~anthropic/v1', '/v1/models', '/~openai/../~anthropic/v1', '/%7Eopenai/v1', '/~openaix/v1']) {
      const verdict = await check({ path });
      assert.equal(verdict.allow, false, path);
      assert.ok([400, 421].includes(verdict.status), `${path}: ${verdict.status}`);
    }
    for (const path of ['/~openai/v1/a?b=%7e&c', '/~openai/v1/%20', '/~openai/'])
      assert.equal((await check({ path })).allow, true, path);
  });

  test('denials keep their status, and no answer but a 200 has the key', async (t) => {
    if (!config) return t.skip('python3-yaml is not here');
    const narrow = await broker.attenuate(token, '--caveat', 'header[x-team] != red');
    const as = (fields) => check({ headers: [['host', 'gw'], ['authorization', `Bearer ${narrow}`], ...fields] });
    assert.equal((await as([['x-team', 'blue']])).allow, true);
    for (const fields of [[['x-team', 'red']], [['x-team', 'blue'], ['x-team', 'red']], []]) {
      const verdict = await as(fields);
      assert.equal(verdict.status, 401, JSON.stringify(fields));
      assert.equal(verdict.json.code, 'caveat-failed');
      assert.match(verdict.client['www-authenticate'], /Bearer/);
    }
    for (const [headers, code] of [[[['host', 'x']], 'token-missing'], [[['host', 'x'], ['authorization', 'Bearer sk-mine']], 'foreign-key'],
      [[['host', 'x'], ['authorization', `Bearer ${otherToken}`]], 'credential-unknown'],
      [[['host', 'x'], ['authorization', `Bearer ${token}`], ['x-http-method-override', 'DELETE']], 'request-malformed'],
      [[['host', 'x'], ['authorization', `Bearer ${token}`], ['authorization', `Bearer ${token}`]], undefined]]) {
      const verdict = await check({ headers });
      assert.equal(verdict.allow, false);
      if (code) assert.equal(verdict.json.code, code);
      for (const secret of encodings(key)) assert.ok(!(verdict.text + JSON.stringify(verdict.headers)).includes(secret));
    }
  });

  test('bodies are judged when Envoy sends them, and only then', async (t) => {
    if (!config) return t.skip('python3-yaml is not here');
    const narrow = await broker.attenuate(token, '--caveat', 'body[/model] = gpt-4o');
    const headers = [['host', 'x'], ['authorization', `Bearer ${narrow}`], ['content-type', 'application/json'], ['x-envoy-auth-partial-body', 'false']];
    const post = (body, options, more = {}) => check({ method: 'POST', path: '/~openai/v1/c', headers, body, ...more }, options);
    assert.equal((await post('{"model":"gpt-4o"}')).json.code, 'body-unseen');
    const filter = bodyFilters.openai;
    assert.equal((await post('{"model":"gpt-4o"}', { filter })).allow, true);
    assert.equal((await post('{"model":"gpt-5"}', { filter })).json.code, 'caveat-failed');
    assert.equal((await post('{"model":"gpt-4o"}', { filter }, { partial: true })).status, 400);
  });

  test('keep-alive: many checks on one connection', async (t) => {
    if (!config) return t.skip('python3-yaml is not here');
    const { Agent } = await import('node:http');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    for (let i = 0; i < 5; i++) assert.equal((await check({}, { agent })).allow, true);
  });
});

test('what a gateway cannot do is refused when its configuration is made, and when it asks', async () => {
  for (const kind of ['nginx', 'envoy']) {
    const { status, stdout, stderr } = await broker.operator(['gateway', kind, '--credential', 'inquery'], { may: true });
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /inquery: its key \(query:key\) does not go into a header alone/);
  }
  const mine = await broker.mint('inquery', { caveats: ['uses <= 1'] });
  for (let i = 0; i < 2; i++) { // nothing is counted either
    const [answer] = await exchange({ path: socket }, nginxCheck('inquery', 'other.example', { Authorization: `Bearer ${mine}`}));
    assert.equal(answer.status, 403);
    assert.match(text(answer), /gateway-cannot/);
    assert.equal(broker.decisions().at(-1).reason, 'gateway-cannot');
  }
  const usage = async (...args) => (await broker.operator(['gateway', 'nginx', ...args], { may: true }));
  assert.match((await usage()).stderr, /--credential NAME/);
  assert.match((await usage('--credential', 'openai', '--listen', '0.0.0.0:80')).stderr, /in the clear/);
  assert.match((await usage('--credential', 'openai', '--upstream-ca', '/tmp/a;b')).stderr, /does not fit/);
  assert.match((await usage('--credential', 'openai', '--host', 'evil.example')).stderr, /none of its hosts/);
  assert.match((await usage('--credential', 'openai', '--credential', 'openai')).stderr, /second time/);
  assert.match((await usage('--credential', 'nobody')).stderr, /nobody/);
  assert.match((await usage('--credential', 'openai', '--host', 'opnai=api.openai.com')).stderr, /--host opnai=api.openai.com is for none/);
  assert.match((await usage('--credential', 'openai', '--credential', 'anthropic', '--host', 'api.openai.com')).stderr, /with more than one it is NAME=HOST/);
});
