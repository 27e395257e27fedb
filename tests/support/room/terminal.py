# SPDX-License-Identifier: Apache-2.0
"""Somebody at a terminal: runs a program on a pseudo-terminal, waits for texts and types.

    terminal.py '[["text to wait for", "what is typed then"], …]' PROGRAM ARGUMENT…

Prints what stood on the screen, and in the last line the exit status. Waits for 30 seconds at most for each
text, and for the end."""

import json
import os
import pty
import select
import sys
import time

steps, program = json.loads(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(program[0], program)
screen, end, seen = b"", time.monotonic() + 30, 0
while True:
    while steps and (at := screen.find(steps[0][0].encode(), seen)) >= 0:
        seen = at + len(steps[0][0].encode())
        os.write(terminal, steps.pop(0)[1].encode())
        end = time.monotonic() + 30
    if time.monotonic() > end:
        os.kill(child, 9)
        screen += b"\n(time is up; still waiting for " + json.dumps(steps).encode() + b")"
        break
    if not select.select([terminal], [], [], 1)[0]:
        continue
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    screen += part
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.stdout.write(screen.decode(errors="replace") + f"\n{status}\n")
