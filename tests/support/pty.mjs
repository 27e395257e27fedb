// SPDX-License-Identifier: Apache-2.0
// Programs on a pseudo-terminal of a given size (Python's pty: Node has none).

import { spawn } from 'node:child_process';

import { environment, python } from './programs.mjs';
import { until } from './wait.mjs';

const SCRIPT = `
import fcntl, os, pty, signal, struct, sys, termios
columns = int(sys.argv[1])
pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 40, columns, 0, 0))
    os.execv(sys.argv[2], sys.argv[2:])
signal.signal(signal.SIGTERM, lambda *_: os.write(master, b'\\x03'))
while True:
    try:
        data = os.read(master, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
status = os.waitpid(pid, 0)[1]
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
`;

/** A program on a terminal: `text` grows; `interrupt()` types ^C; `ended` is its exit status. */
export function onTerminal(t, program, args, { columns = 80, env } = {}) {
  const child = spawn(python, ['-c', SCRIPT, String(columns), program, ...args],
    { env: environment({ TERM: 'xterm', ...env }), stdio: ['ignore', 'pipe', 'pipe'] });
  const terminal = { text: '', child };
  child.stdout.setEncoding('utf8').on('data', (d) => (terminal.text += d));
  child.stderr.setEncoding('utf8').on('data', (d) => (terminal.text += d));
  terminal.ended = new Promise((done) => child.on('close', done));
  terminal.interrupt = () => child.kill('SIGTERM');
  terminal.shows = (what) => until(`the terminal to show ${what}`, () => what.test(terminal.text)).catch((error) => {
    error.message += `\n${terminal.text}`;
    throw error;
  });
  t.after(() => child.kill('SIGKILL'));
  return terminal;
}

/** To its end: { text, status }. Lines end with \n alone. */
export async function runOnTerminal(t, program, args, options) {
  const terminal = onTerminal(t, program, args, options);
  const status = await terminal.ended;
  return { text: terminal.text.replaceAll('\r\n', '\n'), status };
}
