// SPDX-License-Identifier: Apache-2.0
// A registry of Python packages as far as twine and pip go: uploads by the form of PyPI's upload API, the
// simple index (PEP 503) and files, each for the user __token__ and one key alone. And a package for it.

import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';

import { must, python } from './programs.mjs';
import { accepts, startUpstream } from './upstream.mjs';

export const TWINE = '/usr/bin/twine', PIP = '/usr/bin/pip3';
export const missing = [TWINE, PIP].filter((f) => !existsSync(f));

const normal = (name) => name.toLowerCase().replaceAll(/[-_.]+/g, '-'); // PEP 503
const sha256 = (data) => createHash('sha256').update(data).digest('hex');

/** @returns an upstream with `files`: what was uploaded, by its name */
export async function startPypi(t, { host, key }) {
  const registry = await startUpstream(t, { accepts: accepts.basic('__token__', key), hosts: [host], fallback: (r, res) => serve(r, res) });
  registry.files = new Map();

  async function upload(r, res) {
    const form = await new Response(r.body, { headers: { 'content-type': r.headers['content-type'] } }).formData();
    const content = form.get('content'), data = Buffer.from(await content.arrayBuffer());
    if (form.get(':action') !== 'file_upload' || form.get('sha256_digest') !== sha256(data))
      return res.writeHead(400).end('bad form');
    if (registry.files.has(content.name)) return res.writeHead(400, { 'content-type': 'text/html' }).end('<h1>400 File already exists</h1>');
    registry.files.set(content.name, { name: normal(form.get('name')), data });
    return res.writeHead(200).end();
  }

  function serve(r, res) {
    const [, what, name] = r.url.split('/');
    if (r.method === 'POST' && what === 'legacy') return upload(r, res);
    if (what === 'files' && registry.files.has(name)) return res.writeHead(200).end(registry.files.get(name).data);
    const found = [...registry.files].filter(([, f]) => f.name === name);
    if (what !== 'simple' || found.length === 0) return res.writeHead(404).end();
    const links = found.map(([file, f]) => `<a href="../../files/${file}#sha256=${sha256(f.data)}">${file}</a>`);
    return res.writeHead(200, { 'content-type': 'text/html' }).end(`<!DOCTYPE html><html><body>${links.join('\n')}</body></html>`);
  }
  return registry;
}

/** A wheel with one module of `bytes` bytes; its path. */
export async function makeWheel(directory, { name, version, bytes = 100 }) {
  const file = `${directory}/${name}-${version}-py3-none-any.whl`, info = `${name}-${version}.dist-info`;
  const members = {
    [`${name}.py`]: `# ${'x'.repeat(bytes)}\n`,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\nSummary: one module\n`,
    [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  };
  members[`${info}/RECORD`] = [...Object.keys(members), `${info}/RECORD`].map((m) => `${m},,\n`).join('');
  writeFileSync(`${directory}/members.json`, JSON.stringify(members));
  await must(python, ['-c', 'import json, sys, zipfile\nwith zipfile.ZipFile(sys.argv[2], "w") as z:\n  for name, text in json.load(open(sys.argv[1])).items(): z.writestr(name, text)',
    `${directory}/members.json`, file]);
  return file;
}
