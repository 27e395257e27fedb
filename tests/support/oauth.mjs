// SPDX-License-Identifier: Apache-2.0
// A token endpoint that counts: every request is remembered, every access token is another one.

import { realKey } from './broker.mjs';
import { accepts, answerJson, startUpstream } from './upstream.mjs';

/** Options: `host`, `path`, `expiresIn`, `rotate` (a new refresh token each time), `answer(res, given, received)`
 * instead of the usual JSON. */
export async function startTokenEndpoint(t, { host = 'auth.example', path = '/oauth/token', expiresIn = 3600, rotate = false, answer } = {}) {
  const endpoint = await startUpstream(t, { hosts: [host], accepts: accepts.anything() });
  const given = [];
  let gate = null;
  Object.assign(endpoint, {
    issued: [],
    expiresIn,
    expiry: 0,
    refreshToken: realKey('rt-'),
    /** Answers wait until `release()`. */
    hold() {
      let release;
      gate = { opened: new Promise((resolve) => { release = resolve; }) };
      return { release: () => { gate = null; release(); } };
    },
    secrets: () => [...given, endpoint.refreshToken],
  });
  given.push(endpoint.refreshToken);
  endpoint.route(path, async (received, res) => {
    const access = realKey('at-');
    endpoint.issued.push(access);
    given.push(access);
    if (gate) await gate.opened;
    const fresh = { access_token: access, token_type: 'Bearer', expires_in: endpoint.expiresIn };
    if (rotate) {
      endpoint.refreshToken = fresh.refresh_token = realKey('rt-');
      given.push(endpoint.refreshToken);
    }
    endpoint.expiry = Date.now() + endpoint.expiresIn * 1000;
    if (answer) answer(res, fresh, received);
    else answerJson(res, 200, fresh);
  });
  return endpoint;
}
