// SPDX-License-Identifier: Apache-2.0
// The discharger's pages in a real browser: register a security key, approve, deny; by mouse, by
// keyboard, without scripts, and as assistive technology hears them.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { before, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { Browser } from '../support/browser.mjs';
import { wholeFile } from '../support/file.mjs';
import { decodeV2, tokenBytes } from '../support/macaroon.mjs';
import { keyhole, run } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { deferred, within } from '../support/wait.mjs';

// The virtual key's attestation leads to a root that nobody trusts.
const ANY_MAKER = 'discharger: {attestation: optional}';
const HOLE = 'user = alice and factor = fido2 for 8h';

// One browser for all tests of this file; each has pages with a profile of their own.
let browser;
before(() => {
  browser = new Browser(wholeFile);
});

async function world(t, { config = ANY_MAKER, users = ['alice'] } = {}) {
  const key = realKey();
  const upstream = await startUpstream(t, { key });
  const broker = await startBroker(t, { config });
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
  for (const user of users) await broker.operator(['user', 'add', user]);
  return { broker, upstream };
}

async function invite(broker, user = 'alice') {
  const { stdout } = await broker.operator(['invite', user]);
  assert.match(stdout, /^([0-9A-HJKMNP-TV-Z]{4}-){2}[0-9A-HJKMNP-TV-Z]{4}\n$/);
  return stdout.trim();
}

/** A page with a key that is registered for that user. */
async function enrolled(broker, { user = 'alice', ...key } = {}) {
  const page = await browser.page(`${broker.discharger}/enroll`);
  await page.addSecurityKey(key);
  await page.click('#code');
  await page.type(await invite(broker, user));
  await page.click('#register');
  await page.until('the key is registered', `!document.getElementById('result').hidden`);
  return page;
}

const mint = (broker, { hole = HOLE, ...more } = {}) =>
  broker.mint('openai', { user: 'alice', args: ['--hole', hole], ...more });

/** The sealed ticket of a token's hole. */
function ticketOf(token) {
  return decodeV2(tokenBytes(token)).caveats.find((c) => c.vid).id.toString('base64url');
}

/** What a client does that prefers a browser: { user_url, poll_url, code, … }. */
async function ask(broker, token, more = {}) {
  const response = await fetch(`${broker.discharger}/.well-known/macfly/3p`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ticket: ticketOf(token), prefer: 'browser', ...more }),
  });
  return { status: response.status, ...await response.json() };
}

async function question(broker, token, more) {
  const { status, user_interactive: answer } = await ask(broker, token, more);
  assert.equal(status, 201);
  return answer;
}

async function poll(url) {
  const response = await fetch(url);
  return { status: response.status, ...await response.json() };
}

/** `keyhole discharge` with a browser: what it says is looked at while it waits. */
async function discharging(broker, token) {
  const { stdout: address } = await broker.operator(['discharger', 'show']);
  let said = '';
  const asked = deferred();
  const ended = run(keyhole, ['discharge', '--with', 'browser', '--no-open', '--no-reuse', '--discharger', address.trim(), token],
    { env: { KEYHOLE_BROKER: broker.url }, onSpawn: (child) => child.stderr.on('data', (data) => {
      said += data;
      const url = /\bhttp:\/\/localhost:\d+\/approve\/[\w-]{22}(?=\s)/.exec(said)?.[0];
      const code = /\b[B-Z]{4}-[B-Z]{4}\b/.exec(said)?.[0];
      if (url && code) asked.resolve({ url, code });
    }) });
  ended.then((end) => asked.reject(new Error(`keyhole discharge ended: ${end.status}\n${end.stderr}`)));
  const shown = await within('keyhole discharge to show link and code', asked.promise).catch((error) => {
    error.message += `\n${said}`;
    throw error;
  });
  return { ...shown, ended };
}

const clean = (page) => assert.deepEqual(page.complaints, [], 'what the browser complained about');

test('from an invitation to an allowed request', async (t) => {
  const { broker, upstream } = await world(t);
  const page = await enrolled(broker);
  assert.match(await page.text(), /Registered\s+Name\s+key 1\s+User\s+alice\s+Maker\s+Not attested/);
  assert.equal(await page.evaluate('document.activeElement.id'), 'result-title', 'the result has the focus');

  const token = await mint(broker, { caveats: ['method in GET, HEAD'] });
  const closed = await broker.request('/~openai/v1/models', { token });
  broker.denied(closed, 401, 'hole-open');

  const { url, code, ended } = await discharging(broker, token);
  await page.open(url);
  const text = await page.text();
  assert.ok(text.includes(code), `the terminal's code is on the page: ${code}\n${text}`);
  assert.match(text, /Only approve if this code is on your own terminal:/);
  assert.match(text, /A program at 127\.0\.0\.1 wants to use openai of the broker \S+ as alice for 8 hours\./);
  assert.match(text, /The method is GET or HEAD\s+method in GET, HEAD/i);
  await page.click('#approve');
  await page.until('it is approved', `document.querySelector('h1')?.textContent.startsWith('Approved')`);

  const { status, stdout, stderr } = await ended;
  assert.equal(status, 0, stderr);
  const answer = await broker.request('/~openai/v1/models', { token: stdout.trim() });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(upstream.requests.length, 1);
  assert.match(JSON.stringify(broker.recordOf(answer)), /fido2 key 1, credential [0-9a-f]{16}, user alice/);
  const refused = await broker.request('/~openai/v1/models', { token: stdout.trim(), method: 'POST' });
  broker.denied(refused, 401, 'caveat-failed');

  await page.open(url);
  await page.heading('Approved and delivered');
  clean(page);
});

// threat 16
test('a denial is final, for page, program and ticket', async (t) => {
  const { broker } = await world(t);
  const page = await enrolled(broker);
  const token = await mint(broker);
  const { user_url, poll_url } = await question(broker, token);
  await page.open(user_url);
  assert.equal((await poll(poll_url)).status, 202);
  await page.click('.actions form button');
  await page.heading('Denied');
  assert.equal(await page.evaluate('location.href'), user_url);
  assert.equal(await page.evaluate(`document.querySelectorAll('button, form').length`), 0, 'nothing is left to press');
  const { status, error } = await poll(poll_url);
  assert.deepEqual({ status, error }, { status: 200, error: 'declined' });
  assert.equal((await poll(poll_url)).status, 404, 'told once');
  for (const prefer of ['browser', 'fido2']) {
    const again = await ask(broker, token, { prefer });
    assert.deepEqual([again.status, again.error], [403, 'declined']);
  }
  await broker.restart();
  assert.equal((await ask(broker, token)).error, 'declined', 'a restart does not forget');
  assert.equal((await ask(broker, await mint(broker))).status, 201, 'another token is another question');
  clean(page);
});

test('a person can deny while the browser waits for the touch', async (t) => {
  const { broker } = await world(t);
  const page = await enrolled(broker);
  await page.send('WebAuthn.disable');
  await page.addSecurityKey({ touch: false });
  const { user_url, poll_url } = await question(broker, await mint(broker));
  await page.open(user_url);
  await page.click('#approve');
  await page.until('the page asks for a touch', `document.getElementById('status').textContent.includes('Touch')`);
  assert.equal(await page.evaluate(`document.getElementById('approve').disabled`), true, 'one gesture at a time');
  await page.click('.actions form button');
  await page.heading('Denied');
  assert.equal((await poll(poll_url)).error, 'declined');
});

test('two windows: what one has answered, the other cannot', async (t) => {
  const { broker } = await world(t);
  const page = await enrolled(broker);
  const { user_url, poll_url } = await question(broker, await mint(broker));
  const other = await browser.page(user_url);
  await page.open(user_url);
  await page.click('#approve');
  await page.heading('Approved');
  await other.click('.actions form button');
  await other.heading('Approved');
  assert.ok((await poll(poll_url)).discharge, 'a late denial takes nothing back');
  await other.open(user_url);
  await other.heading('Approved and delivered');
});

test('a maker that is not trusted is refused in words, and so is a wrong code', async (t) => {
  const { broker } = await world(t, { config: '' });
  const page = await browser.page(`${broker.discharger}/enroll`);
  await page.addSecurityKey();
  await page.click('#code');
  await page.type('K7QF-2M9X-0TRB');
  await page.click('#register');
  await page.until('the code is wrong', `document.querySelector('.status.failed')?.textContent.startsWith('The code is wrong')`);
  assert.equal(await page.evaluate('document.activeElement.id'), 'code', 'the focus is where the mistake is');
  assert.equal(await page.evaluate(`document.getElementById('code').getAttribute('aria-invalid')`), 'true');

  // However it is typed: small letters, no dashes.
  const code = (await invite(broker)).toLowerCase().replaceAll('-', '');
  await page.evaluate(`document.getElementById('code').value = ${JSON.stringify(code)}`);
  await page.click('#register');
  await page.until('the maker is not trusted', `document.querySelector('.status.failed')?.textContent
    .includes('does not lead to a root that this discharger trusts')`);
  assert.match(await page.text(), /keyholed attestation add-root/, 'and what to do');
  assert.equal(await page.evaluate(`document.getElementById('result').hidden`), true);
  const { authenticators } = await broker.operatorJson(['authenticator', 'list']);
  assert.deepEqual(authenticators, []);
  // A refusal is an answer with an error's status, and browsers write these to their console.
  assert.deepEqual(page.complaints.filter((c) => !/status of 403/.test(c)), []);
});

test('by keyboard alone', async (t) => {
  const { broker } = await world(t);
  const page = await browser.page(`${broker.discharger}/enroll`);
  await page.addSecurityKey();
  assert.deepEqual(await page.tabTo('#code'), [], 'the first stop');
  await page.type(await invite(broker));
  assert.deepEqual(await page.tabTo('#name'), []);
  await page.type('desk');
  assert.deepEqual(await page.tabTo('#register'), []);
  await page.press('Enter');
  await page.until('the key is registered', `!document.getElementById('result').hidden`);
  assert.match(await page.text(), /Name\s+desk/);

  const { user_url } = await question(broker, await mint(broker));
  await page.open(user_url);
  assert.deepEqual(await page.tabTo('#approve'), [], 'the first stop');
  const outline = await page.evaluate(`(() => {
    const style = getComputedStyle(document.activeElement);
    return { style: style.outlineStyle, width: parseFloat(style.outlineWidth) };
  })()`);
  assert.equal(outline.style, 'solid');
  assert.ok(outline.width >= 2, 'the focus can be seen');
  assert.deepEqual(await page.tabTo('.actions form button'), [], 'then Deny');
  await page.press('Tab', { shift: true });
  await page.press(' ');
  await page.heading('Approved');
  clean(page);
});

test('without scripts the page says what to do, and can deny', async (t) => {
  const { broker } = await world(t);
  const page = await browser.page();
  await page.send('Emulation.setScriptExecutionDisabled', { value: true });
  const { user_url, poll_url } = await question(broker, await mint(broker));
  await page.open(user_url);
  assert.match(await page.text(), /Approving here needs JavaScript/);
  assert.equal(await page.evaluate(`document.getElementById('approve').disabled`), true);
  await page.click('.actions form button');
  await page.heading('Denied');
  assert.equal((await poll(poll_url)).error, 'declined');
  await page.open(`${broker.discharger}/enroll`);
  assert.match(await page.text(), /keyhole enroll on a terminal/);
});

test('what a token says of itself is text on the page', async (t) => {
  const { broker } = await world(t);
  const page = await enrolled(broker);
  const { stdout: address } = await broker.operator(['discharger', 'show']);
  const label = '<img src=x onerror=document.title="pwned">';
  const named = await broker.attenuate(await broker.mint('openai', { user: 'alice' }), '--label', label,
    '--caveat', 'query[q] = "<script>document.title=\'pwned\'</script>\\u202eevil"');
  const token = await broker.attenuate(named, '--hole', HOLE, '--discharger', address.trim());
  const { user_url } = await question(broker, token);
  await page.open(user_url);
  const text = await page.text();
  assert.ok(text.includes('<img src=x onerror='), text);
  assert.ok(text.includes(`<script>document.title='pwned'</script>`), text);
  assert.ok(!text.includes('\u202e'), 'a character that turns text around is shown, not obeyed');
  assert.match(text, /\\u\{?202e/);
  assert.equal(await page.evaluate('document.querySelectorAll("img, main script").length'), 0);
  assert.equal(await page.evaluate('document.title'), 'Approve a request · Keyhole');
  clean(page);
});

test('a page asks nobody but its own discharger, and is shown in no frame', async (t) => {
  const { broker } = await world(t);
  const page = await enrolled(broker);
  const { user_url } = await question(broker, await mint(broker));
  await page.open(user_url);
  assert.ok(page.requests.length >= 6, 'pages, styles, scripts');
  assert.deepEqual(page.requests.filter((url) => new URL(url).origin !== broker.discharger), []);
  for (const url of [user_url, `${broker.discharger}/enroll`, `${broker.discharger}/approve/AAAAAAAAAAAAAAAAAAAAAA`]) {
    const { headers } = await fetch(url);
    assert.equal(headers.get('content-security-policy'), "default-src 'none'; script-src 'self'; style-src 'self'; "
      + "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
  }
  const evil = await fetch(`${user_url}/decline`, { method: 'POST', redirect: 'manual', headers: { origin: 'https://evil.example' } });
  assert.equal(evil.status, 403);
  const mine = await fetch(`${user_url}/decline`, { method: 'POST', redirect: 'manual', headers: { origin: broker.discharger } });
  assert.equal(mine.status, 303);
  assert.equal(mine.headers.get('location'), user_url);
});

test('as assistive technology hears it', async (t) => {
  const { broker } = await world(t);
  const page = await browser.page(`${broker.discharger}/enroll`);
  const named = async (role) => (await page.accessibility()).filter((n) => n.role === role).map((n) => n.name);
  assert.equal(await page.evaluate('document.documentElement.lang'), 'en');
  assert.deepEqual(await named('heading'), ['Register a security key']);
  assert.deepEqual(await named('textbox'), ['Invitation code', 'Name of the key (optional)']);
  assert.deepEqual(await named('button'), ['Register your security key']);
  const code = (await page.accessibility()).find((n) => n.role === 'textbox');
  assert.match(code.description, /Twelve letters and digits/);
  assert.equal(code.required, true);

  const { user_url, code: shown } = await question(broker, await mint(broker, { caveats: ['method = GET'] }));
  await page.open(user_url);
  const nodes = await page.accessibility();
  assert.deepEqual(nodes.filter((n) => n.role === 'heading').map((n) => [n.level, n.name]), [
    [1, 'Approve this request?'], [2, 'Only approve if this code is on your own terminal:'],
    [2, 'What it is limited to'], [2, 'What you vouch for'], [2, 'More about this request']]);
  assert.deepEqual(await named('button'), ['Approve with your security key', 'Deny']);
  for (const role of ['banner', 'main', 'status'])
    assert.equal(nodes.filter((n) => n.role === role).length, 1, role);
  assert.equal(nodes.find((n) => n.role === 'status').live, 'polite');
  assert.ok(nodes.some((n) => n.role === 'region' && n.name.startsWith('Only approve')));
  assert.ok(nodes.some((n) => n.role === 'StaticText' && n.name === shown), 'the code is text');
  clean(page);
});

// WCAG 2.2, 1.4.3: of everything that has text of its own, against what is behind it.
const lowContrast = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (c) => [0, 1, 2].map((i) => c[i] / 255)
    .map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const c = channels(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility() || element.disabled) continue;
    const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(behind(element))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) low.push(element.tagName + ' ' + element.className + ' ' + ratio.toFixed(2) + ' ' + element.textContent.slice(0, 40));
  }
  return low;
})()`;

// Those in docs/images; tools/screenshots takes them.
const PICTURES = ['approve-light', 'approve-dark', 'approve-phone', 'enroll-light'];

test('light and dark, on a desk and on a phone', async (t) => {
  const { broker } = await world(t);
  const pictures = process.env.KEYHOLE_SCREENSHOTS && resolve(process.env.KEYHOLE_SCREENSHOTS);
  if (pictures) mkdirSync(pictures, { recursive: true });
  const named = await broker.attenuate(await broker.mint('openai', { user: 'alice',
    caveats: ['method in GET, POST', 'path ~ /v1/chat/**', 'body[/model] in gpt-4o, gpt-4o-mini'] }), '--label', 'release notes');
  const { stdout: address } = await broker.operator(['discharger', 'show']);
  const token = await broker.attenuate(named, '--discharger', address.trim(),
    '--hole', 'user = alice and factor = yubikey and verification = pin for 8h');
  const { user_url } = await question(broker, token, { parent: '5d41402abc4b2a76b9719d911017c592' });
  const denied = await question(broker, await mint(broker));
  await fetch(`${denied.user_url}/decline`, { method: 'POST' });
  const page = await browser.page();
  await page.addSecurityKey();
  const looks = [{ name: 'light', width: 760 }, { name: 'dark', width: 760, scheme: 'dark' },
    { name: 'phone', width: 320 }, { name: 'phone-dark', width: 320, scheme: 'dark' }];
  const pages = [['approve', user_url, 'Approve this request?'], ['enroll', `${broker.discharger}/enroll`, 'Register a security key'],
    ['denied', denied.user_url, 'Denied']];
  for (const look of looks) {
    await page.look(look);
    for (const [name, url, heading] of pages) {
      await page.open(url);
      await page.heading(heading);
      assert.deepEqual(await page.evaluate(lowContrast), [], `contrast of ${name}, ${look.name}`);
      const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
      assert.ok(overflow <= 0, `${name}, ${look.name}: nothing to scroll sideways (${overflow})`);
      const small = await page.evaluate(`[...document.querySelectorAll('button, input')].filter((e) =>
        e.checkVisibility() && e.getBoundingClientRect().height < 44).map((e) => e.textContent)`);
      assert.deepEqual(small, [], 'large enough to be touched');
      if (pictures && PICTURES.includes(`${name}-${look.name}`)) writeFileSync(join(pictures, `${name}-${look.name}.png`), await page.screenshot());
    }
  }
  clean(page);
});
