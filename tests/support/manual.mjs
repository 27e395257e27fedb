// SPDX-License-Identifier: Apache-2.0
// The examples of a manual page, as programs: in EXAMPLES what stands behind "$ " in literal displays is
// run, in one shell for a page, and has to end with status 0, or with what `statuses` says.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** The commands of a page, in order. A line that does not begin with "$ " belongs to the one before. */
export function examplesOf(file) {
  const source = readFileSync(file, 'utf8');
  const section = /^\.Sh EXAMPLES\n([^]*?)(?=^\.Sh )/m.exec(source)?.[1] ?? '';
  const commands = [];
  for (const [, display] of section.matchAll(/^\.Bd -literal.*\n([^]*?)^\.Ed$/gm))
    for (const line of display.trimEnd().split('\n')) {
      const text = line.replaceAll('\\e', '\\').replaceAll('\\&', '');
      if (text.startsWith('$ ')) commands.push(text.slice(2));
      else if (commands.length === 0) throw new Error(`${basename(file)}: an example that begins without "$ ": ${text}`);
      else commands[commands.length - 1] += `\n${text}`;
    }
  return commands;
}

/** A script of sh; what it says can be read by `readExamples`. */
export function examplesScript(commands) {
  return commands.map((command, n) => `echo "@@ ${n}"\n${command}\necho "@@ status $?"\n`).join('');
}

/** [{ status, said }], as far as it came. */
export function readExamples(output) {
  return output.split(/^@@ \d+\n/m).slice(1).map((part) => {
    const [said, status] = part.split(/^@@ status /m);
    return { said, status: status === undefined ? undefined : Number.parseInt(status, 10) };
  });
}
