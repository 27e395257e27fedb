// SPDX-License-Identifier: Apache-2.0
// The upstream of tools/demo: stands in for api.openai.com, accepts one key alone, and writes down what
// it received. Usage: demo_upstream.mjs DIRECTORY, the key in DIRECTORY/real-key. Writes
// DIRECTORY/upstream-ca.pem, then DIRECTORY/upstream-port; each request to DIRECTORY/upstream.log.

import { appendFileSync, copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

import { answerJson, startUpstream } from './upstream.mjs';

const directory = process.argv[2];
const key = readFileSync(`${directory}/real-key`, 'utf8').trim();
const upstream = await startUpstream({ after() {} }, { key, hosts: ['api.openai.com', 'localhost', '127.0.0.1'] });

const { serve } = upstream;
upstream.serve = function write(req, res, connection) {
  res.on('finish', () => appendFileSync(`${directory}/upstream.log`,
    `${req.method} https://${req.headers.host}${req.url}\n` +
    `    Authorization: ${req.headers.authorization ?? '(none)'}\n` +
    `    answered ${res.statusCode}\n`));
  return serve.call(this, req, res, connection);
};

upstream.route('/v1/models', (received, res) => answerJson(res, 200, { object: 'list',
  data: [{ id: 'gpt-4o', object: 'model' }, { id: 'gpt-4o-mini', object: 'model' }] }));
upstream.route('/v1/chat/completions', (received, res) => {
  const { messages, stream } = JSON.parse(received.body);
  const words = `You said: ${messages.at(-1).content}`.split(/(?<= )/);
  if (!stream)
    return answerJson(res, 200, { id: 'demo', object: 'chat.completion',
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: words.join('') } }] });
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const content of words)
    res.write(`data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content } }] })}\n\n`);
  return res.end('data: [DONE]\n\n');
});

copyFileSync(upstream.ca, `${directory}/upstream-ca.pem`);
writeFileSync(`${directory}/upstream-port.new`, `${upstream.port}\n`);
renameSync(`${directory}/upstream-port.new`, `${directory}/upstream-port`);
