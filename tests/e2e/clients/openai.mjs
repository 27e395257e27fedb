// SPDX-License-Identifier: Apache-2.0
// A program that uses OpenAI's SDK as anybody would. It knows nothing of Keyhole: where to go and with
// what key stands in its environment.
import OpenAI from 'openai';

// `again` lists models so many times, and tries again as the SDK does by itself.
const client = new OpenAI(process.argv[2] === 'again' ? {} : { maxRetries: 0 });
// `chat` and `stream` take a model and a limit of tokens.
const model = process.argv[3] ?? 'gpt-4o-mini';
const limit = process.argv[4] ? { max_tokens: Number(process.argv[4]) } : {};
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

try {
  if (process.argv[2] === 'again') {
    const rounds = Number(process.argv[3]);
    for (let i = 0; i < rounds; i++) await client.models.list();
    say({ rounds });
  } else if (process.argv[2] === 'models') {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    say({ models: names });
  } else if (process.argv[2] === 'chat') {
    const answer = await client.chat.completions.create({
      model, ...limit, messages: [{ role: 'user', content: 'say hello — ¿qué?' }],
    });
    say({ content: answer.choices[0].message.content });
  } else if (process.argv[2] === 'stream') {
    const stream = await client.chat.completions.create({
      model, ...limit, stream: true, messages: [{ role: 'user', content: 'count' }],
    });
    for await (const chunk of stream) say({ delta: chunk.choices[0].delta.content });
    say({ done: true });
  } else if (process.argv[2] === 'upload') {
    const file = await client.files.create({
      file: new File(['{"a":1}\n'.repeat(200000)], 'data.jsonl'), purpose: 'fine-tune',
    });
    say({ bytes: file.bytes });
  }
} catch (error) {
  say({ error: error.constructor.name, status: error.status, code: error.code, message: error.message });
  process.exitCode = 1;
}
