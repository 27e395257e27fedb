// SPDX-License-Identifier: Apache-2.0
// A program that uses Google's SDK as anybody would. It knows nothing of Keyhole: where to go and with
// what key stands in its environment.
import { GoogleGenAI } from '@google/genai';

const client = new GoogleGenAI({});
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const question = { model: 'gemini-x', contents: 'say hello — ¿qué?' };

try {
  if (process.argv[2] === 'ask') {
    const answer = await client.models.generateContent(question);
    say({ text: answer.text });
  } else if (process.argv[2] === 'stream') {
    for await (const part of await client.models.generateContentStream(question)) say({ text: part.text });
    say({ done: true });
  }
} catch (error) {
  say({ error: error.constructor.name, status: error.status, message: error.message });
  process.exitCode = 1;
}
