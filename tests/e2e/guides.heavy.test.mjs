// SPDX-License-Identifier: Apache-2.0
// What docs/guides/agents.md says of Claude Code, Codex and LangChain, with these programs as they come.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';

import { runGuide, unable } from '../support/guide.mjs';

const root = resolve(import.meta.dirname, '../..');
const missing = ['@anthropic-ai/claude-code', '@openai/codex', '@langchain/openai']
  .filter((name) => !existsSync(resolve(root, 'tests/e2e-heavy/node_modules', name)));

test('agents.md', { skip: missing.length > 0 ? `not installed: ${missing} (tools/setup --all)` : unable }, (t) =>
  runGuide(t, resolve(root, 'docs/guides/agents.md'), { heavy: true }));
