// SPDX-License-Identifier: Apache-2.0
// Approving: one gesture. What is shown comes from the server, and so does what is shown next.

import { available, explain, get, post, say } from './webauthn.js';

const button = document.getElementById('approve');
const { page, seconds } = button.dataset;

async function approve() {
  button.disabled = true;
  say('Touch your security key when it blinks.', 'working');
  try {
    const { publicKey } = await post(`${page}/challenge`, {});
    await post(`${page}/answer`, await get(publicKey));
    location.replace(page);
  } catch (error) {
    // Somebody else answered, denied, or was too late: the page says so itself.
    if (['declined', 'question-expired', 'not-found'].includes(error.code)) location.replace(page);
    else {
      say(explain(error), 'failed');
      button.disabled = false;
      button.focus();
    }
  }
}

if (available()) {
  button.disabled = false;
  button.addEventListener('click', approve);
} else {
  say('This browser does not use security keys at this address. Use another browser, or '
    + 'keyhole discharge where the program runs. You can still deny.', 'failed');
}
setTimeout(() => location.replace(page), (Number(seconds) + 1) * 1000);
