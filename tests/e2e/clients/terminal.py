# SPDX-License-Identifier: Apache-2.0
# A terminal with `keyhole run` in the foreground, as a shell with job control has it: Ctrl-C once, then
# Ctrl-Z and `fg`. Prints what the program and the shell saw.
import json, os, pty, re, select, signal, sys, time

keyhole, broker, token = sys.argv[1:]
program = r'''
import os, signal, sys
count = 0
def interrupted(*_):
    global count
    count += 1
    os.write(1, b"INT %d\n" % count)
signal.signal(signal.SIGINT, interrupted)
signal.signal(signal.SIGCONT, lambda *_: os.write(1, b"CONT\n"))
print("READY", flush=True)
for line in sys.stdin:
    if line.strip() == "end":
        print("COUNT", count, flush=True)
        sys.exit(7)
'''

pid, terminal = pty.fork()
if pid == 0:
    # the shell: a session leader whose job is a group of its own in the foreground
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.environ.update(KEYHOLE_BROKER=broker, KEYHOLE_TOKEN=token)
        os.execv(keyhole, [keyhole, 'run', '--quiet', '--', sys.executable, '-c', program])
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    _, status = os.waitpid(job, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        print('STOPPED', flush=True)
        os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)
        _, status = os.waitpid(job, 0)
    print('STATUS', os.waitstatus_to_exitcode(status), flush=True)
    os._exit(0)

seen = ''
def expect(text):
    global seen
    end = time.monotonic() + 30
    while text not in seen:
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit(f'no {text} in {seen!r}')
        try:
            seen += os.read(terminal, 4096).decode()
        except OSError:
            sys.exit(f'the end, and no {text} in {seen!r}')

expect('READY')
os.write(terminal, b'\x03')
expect('INT 1')
os.write(terminal, b'\x1a')
expect('STOPPED')
expect('CONT')
os.write(terminal, b'end\n')
expect('COUNT')
expect('STATUS')
expect('\n')
print(json.dumps({
    'interrupts': int(re.search(r'COUNT (\d+)', seen)[1]), 'status': int(re.search(r'STATUS (-?\d+)', seen)[1]),
    'stopped': 'STOPPED' in seen, 'resumed': 'CONT' in seen,
}))
os.waitpid(pid, 0)
