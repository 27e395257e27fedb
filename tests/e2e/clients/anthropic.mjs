// SPDX-License-Identifier: Apache-2.0
// A program that uses Anthropic's SDK as anybody would.
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({ maxRetries: 0 });
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const question = { model: 'a-model', max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] };

try {
  if (process.argv[2] === 'message') {
    const answer = await client.messages.create(question);
    say({ text: answer.content[0].text });
  } else if (process.argv[2] === 'stream') {
    const stream = client.messages.stream(question);
    for await (const event of stream)
      if (event.type === 'content_block_delta') say({ delta: event.delta.text });
    say({ final: (await stream.finalMessage()).content[0].text });
  }
} catch (error) {
  say({ error: error.constructor.name, status: error.status, message: error.message });
  process.exitCode = 1;
}
