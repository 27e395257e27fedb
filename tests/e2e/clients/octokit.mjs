// SPDX-License-Identifier: Apache-2.0
// A program that uses Octokit as anybody would; GITHUB_API_URL is what GitHub's own tools read.
import { Octokit } from 'octokit';

const octokit = new Octokit({
  auth: process.env.GITHUB_TOKEN,
  ...(process.env.GITHUB_API_URL ? { baseUrl: process.env.GITHUB_API_URL } : {}),
  retry: { enabled: false }, throttle: { enabled: false },
  log: { debug() {}, info() {}, warn() {}, error() {} },
});
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

try {
  if (process.argv[2] === 'issues') {
    const issues = await octokit.paginate(octokit.rest.issues.listForRepo, { owner: 'acme', repo: 'app', per_page: 2 });
    say({ issues: issues.map((i) => i.number) });
  } else if (process.argv[2] === 'delete') {
    await octokit.rest.repos.delete({ owner: 'acme', repo: 'app' });
    say({ deleted: true });
  } else if (process.argv[2] === 'graphql') {
    say(await octokit.graphql('query { viewer { login } }'));
  }
} catch (error) {
  say({ error: error.name, status: error.status, message: error.message, code: error.response?.data?.code });
  process.exitCode = 1;
}
