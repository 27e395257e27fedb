// SPDX-License-Identifier: Apache-2.0
// Headless Chromium by its debugging pipe (Chrome DevTools Protocol), with a security key that is
// simulated inside it. Whatever a page complains about is kept: a test asserts that it was nothing.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { unlessUndone } from './programs.mjs';
import { deferred, until, within } from './wait.mjs';

const program = process.env.CHROMIUM ?? '/usr/bin/chromium';

const options = ['--headless=new', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-extensions',
  '--hide-scrollbars', '--force-color-profile=srgb', '--disable-lcd-text', '--remote-debugging-pipe'];

/** What keys are to Chromium. */
const keys = {
  Tab: { code: 'Tab', windowsVirtualKeyCode: 9 },
  Enter: { code: 'Enter', windowsVirtualKeyCode: 13, text: '\r' },
  ' ': { code: 'Space', windowsVirtualKeyCode: 32, text: ' ' },
};

class Page {
  constructor(browser, sessionId, targetId) {
    this.browser = browser;
    this.sessionId = sessionId;
    this.targetId = targetId;
    this.complaints = []; // of the console, of the policy, of scripts
    this.requests = [];
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  heard(method, params) {
    if (method === 'Log.entryAdded') this.complaints.push(`${params.entry.level}: ${params.entry.text} ${params.entry.url ?? ''}`);
    else if (method === 'Runtime.consoleAPICalled')
      this.complaints.push(`console.${params.type}: ${params.args.map((a) => a.value ?? a.description).join(' ')}`);
    else if (method === 'Runtime.exceptionThrown')
      this.complaints.push(`exception: ${params.exceptionDetails.exception?.description ?? params.exceptionDetails.text}`);
    else if (method === 'Audits.issueAdded' && params.issue.code === 'ContentSecurityPolicyIssue')
      this.complaints.push(`policy: ${JSON.stringify(params.issue.details)}`);
    else if (method === 'Network.requestWillBeSent') this.requests.push(params.request.url);
  }

  /** What an expression is in the page; a promise is waited for. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate',
      { expression, awaitPromise: true, returnByValue: true, userGesture: true });
    if (exceptionDetails)
      throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  /** Until the expression is truthy, across loads of other documents. */
  until(what, expression) {
    return until(what, async () => {
      try {
        return await this.evaluate(expression);
      } catch (error) {
        if (/context|navigat|Cannot find/i.test(error.message)) return false; // between two documents
        throw error;
      }
    }).catch(async (error) => {
      error.message += `\non the page: ${await this.text().catch(() => '?')}`;
      throw error;
    });
  }

  async open(url) {
    const { errorText } = await this.send('Page.navigate', { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await this.until(`${url} is there`, `document.readyState === 'complete' && location.href !== 'about:blank'`);
    return this;
  }

  text() {
    return this.evaluate('document.body.innerText');
  }

  heading(text) {
    return this.until(`the page says ${text}`, `document.querySelector('h1')?.textContent === ${JSON.stringify(text)}`);
  }

  /** A click with the mouse, where the element is. */
  async click(selector) {
    const at = await this.until(`${selector} can be clicked`, `(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      if (!element || element.disabled) return null;
      element.scrollIntoView({ block: 'center' });
      const box = element.getBoundingClientRect();
      return box.width > 0 ? { x: box.x + box.width / 2, y: box.y + box.height / 2 } : null;
    })()`);
    for (const type of ['mousePressed', 'mouseReleased'])
      await this.send('Input.dispatchMouseEvent', { type, ...at, button: 'left', clickCount: 1 });
  }

  async press(key, { shift = false } = {}) {
    const { text, ...rest } = keys[key];
    const modifiers = shift ? 8 : 0;
    await this.send('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', key, text, modifiers, ...rest });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key, modifiers, ...rest });
  }

  type(text) {
    return this.send('Input.insertText', { text });
  }

  /** Tab until that element has the focus; the names of those before it. */
  async tabTo(selector) {
    const passed = [];
    for (let i = 0; i < 32; i++) {
      await this.press('Tab');
      if (await this.evaluate(`document.activeElement === document.querySelector(${JSON.stringify(selector)})`)) return passed;
      passed.push(await this.evaluate('document.activeElement.id || document.activeElement.tagName'));
    }
    throw new Error(`the keyboard does not get to ${selector}: ${passed.join(', ')}`);
  }

  /** A security key that is plugged in: touched at once unless `touch` is false. */
  async addSecurityKey({ touch = true, pin = true, ...more } = {}) {
    await this.send('WebAuthn.enable', { enableUI: false });
    const { authenticatorId } = await this.send('WebAuthn.addVirtualAuthenticator', { options: {
      protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'usb', hasUserVerification: pin,
      isUserVerified: pin, automaticPresenceSimulation: touch, ...more } });
    return authenticatorId;
  }

  /** What assistive technology is told: [{ role, name, … }], without what it ignores. */
  async accessibility() {
    const { nodes } = await this.send('Accessibility.getFullAXTree');
    return nodes.filter((n) => !n.ignored).map((n) => ({
      role: n.role?.value, name: n.name?.value ?? '', description: n.description?.value,
      ...Object.fromEntries((n.properties ?? []).map((p) => [p.name, p.value.value])),
    }));
  }

  /** As on a screen of that width, in that colour scheme. */
  async look({ width = 900, height = 700, scheme = 'light', scale = 1 }) {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: scale, mobile: width < 500 });
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  }

  /** A PNG of the whole document. */
  async screenshot() {
    const height = await this.evaluate('Math.ceil(document.documentElement.getBoundingClientRect().height)');
    const width = await this.evaluate('document.documentElement.clientWidth');
    const { data } = await this.send('Page.captureScreenshot',
      { format: 'png', captureBeyondViewport: true, clip: { x: 0, y: 0, width, height, scale: 1 } });
    return Buffer.from(data, 'base64');
  }
}

export class Browser {
  constructor(t) {
    this.directory = mkdtempSync(join(tmpdir(), 'kh-browser-'));
    const sandbox = process.getuid() === 0 ? ['--no-sandbox'] : []; // Chromium's own needs a user
    this.child = spawn(program, [...options, ...sandbox, `--user-data-dir=${this.directory}`, 'about:blank'],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    this.pages = new Map();
    this.waiting = new Map();
    this.number = 0;
    const ended = deferred();
    this.ended = ended.promise;
    this.child.on('error', (error) => this.end(ended, error));
    this.child.on('exit', () => this.end(ended, new Error('Chromium ended')));
    this.child.stdio[3].on('error', () => {});
    this.read(this.child.stdio[4]);
    const remove = () => rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
    const done = unlessUndone(() => {
      this.child.kill('SIGKILL');
      remove();
    });
    t.after(async () => {
      await this.send('Browser.close').catch(() => {});
      await within('Chromium to end', this.ended).catch(() => this.child.kill('SIGKILL'));
      remove();
      done();
    });
  }

  end(ended, error) {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
    ended.resolve();
  }

  read(stream) {
    let input = '';
    stream.on('data', (data) => {
      input += data;
      const messages = input.split('\0');
      input = messages.pop();
      for (const text of messages) this.heard(JSON.parse(text));
    });
  }

  heard({ id, result, error, method, params, sessionId }) {
    if (id === undefined) {
      this.pages.get(sessionId)?.heard(method, params);
      return;
    }
    const { resolve, reject } = this.waiting.get(id) ?? {};
    this.waiting.delete(id);
    if (error) reject?.(new Error(error.message));
    else resolve?.(result);
  }

  send(method, params = {}, sessionId) {
    const id = ++this.number;
    const answer = deferred();
    this.waiting.set(id, answer);
    this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return within(`Chromium's answer to ${method}`, answer.promise);
  }

  /** A page in a profile of its own, so that tests do not see each other's. */
  async page(url) {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    this.pages.set(sessionId, page);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'Audits', 'Accessibility']) await page.send(`${domain}.enable`);
    return url ? page.open(url) : page;
  }
}
