// SPDX-License-Identifier: Apache-2.0
// As much of the model providers' APIs as their agents need to say one thing and end.

import { answerJson } from './upstream.mjs';

const SAYS = 'Hello from the model.';

function events(res, list) {
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const [event, data] of list) res.write(`${event ? `event: ${event}\n` : ''}data: ${JSON.stringify(data)}\n\n`);
  return res;
}

function chat(received, res) {
  const { stream, model } = JSON.parse(received.body);
  const base = { id: 'c1', created: 1, model };
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  if (!stream)
    return answerJson(res, 200, { ...base, object: 'chat.completion', usage,
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: SAYS } }] });
  const chunk = (delta, finish) => [null, { ...base, object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason: finish }] }];
  return events(res, [chunk({ role: 'assistant', content: SAYS }, null), chunk({}, 'stop')]).end('data: [DONE]\n\n');
}

// Codex asks for responses as a stream.
function responses(received, res) {
  const { model, stream } = JSON.parse(received.body);
  const item = { id: 'm1', type: 'message', role: 'assistant', status: 'completed',
    content: [{ type: 'output_text', text: SAYS, annotations: [] }] };
  const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2,
    input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 } };
  const whole = { id: 'r1', object: 'response', created_at: 1, model, status: 'completed', output: [item], usage };
  if (!stream) return answerJson(res, 200, whole);
  return events(res, [
    { type: 'response.created', response: { ...whole, status: 'in_progress', output: [], usage: null } },
    { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress', content: [] } },
    { type: 'response.output_text.delta', item_id: 'm1', output_index: 0, content_index: 0, delta: SAYS },
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: whole },
  ].map((data) => [data.type, data])).end();
}

function messages(received, res) {
  const { model, stream } = JSON.parse(received.body);
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model, content: [{ type: 'text', text: SAYS }],
    stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 1, output_tokens: 1 } };
  if (!stream) return answerJson(res, 200, message);
  return events(res, [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: SAYS } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 1 } },
    { type: 'message_stop' },
  ].map((data) => [data.type, data])).end();
}

export function startAgentServices(upstream) {
  const models = (received, res) => (received.headers['x-api-key']
    ? answerJson(res, 200, { data: [{ type: 'model', id: 'claude-sonnet-4-5' }], has_more: false })
    : answerJson(res, 200, { object: 'list', data: [{ id: 'gpt-4o', object: 'model' }, { id: 'gpt-4o-mini', object: 'model' }] }));
  upstream.route('/v1/models', models);
  upstream.route('/v1/chat/completions', chat);
  upstream.route('/v1/responses', responses);
  upstream.route('/v1/messages', messages);
  upstream.route('/v1/messages/count_tokens', (r, res) => answerJson(res, 200, { input_tokens: 1 }));
}
