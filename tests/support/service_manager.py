# SPDX-License-Identifier: Apache-2.0
"""A service manager, as far as one service can tell: it opens sockets and passes them on (LISTEN_FDS,
LISTEN_PID, LISTEN_FDNAMES), takes notifications and descriptors (NOTIFY_SOCKET, FDSTORE), gives
credentials and a watchdog, and starts the service again with what it kept.

Started with one JSON object: {notify, log, watchdog, sockets: [{name, address | path}], keep}.
Lines on standard input: {"start": [command], "env": {…}} or {"signal": number}. On standard output: a
line of JSON for each thing that happens."""

import array
import fcntl
import json
import os
import socket
import sys
import threading

plan = json.loads(sys.argv[1])
lock = threading.Lock()
kept = []  # (name, descriptor)
units = []
service = 0


def tell(**event):
    with lock:
        print(json.dumps(event), flush=True)


def open_units():
    for wanted in plan.get("sockets", []):
        if "path" in wanted:
            opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            opened.bind(wanted["path"])
            os.chmod(wanted["path"], wanted.get("mode", 0o600))
        else:
            family = socket.AF_INET6 if ":" in wanted["address"] else socket.AF_INET
            opened = socket.socket(family, socket.SOCK_DGRAM if wanted.get("datagram") else socket.SOCK_STREAM)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, wanted.get("only", 1))
            opened.bind((wanted["address"], 0))
        if not wanted.get("datagram") and not wanted.get("deaf"):
            opened.listen(4096)
        units.append((wanted.get("name", "unit"), opened))
    tell(event="sockets", ports=[s.getsockname()[1] if s.family != socket.AF_UNIX else 0 for _, s in units])


def store(assignments, descriptors):
    name = assignments.get("FDNAME", "stored")
    if assignments.get("FDSTORE") == "1":
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            kept.append((name, descriptor))
        return
    if assignments.get("FDSTOREREMOVE") == "1":
        for entry in [e for e in kept if e[0] == name]:
            os.close(entry[1])
            kept.remove(entry)
    for descriptor in descriptors:
        os.close(descriptor)


def listen(notifications):
    while True:
        text, control, _, _ = notifications.recvmsg(4096, socket.CMSG_SPACE(64 * 4))
        descriptors = array.array("i")
        for level, kind, data in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(data[: len(data) - len(data) % 4])
        lines = text.decode().split("\n")
        assignments = dict(line.split("=", 1) for line in lines if "=" in line)
        if plan.get("keep"):
            store(assignments, list(descriptors))
        else:
            store({}, list(descriptors))
        tell(event="notify", assignments=assignments, descriptors=len(descriptors), kept=len(kept))


def child(command, env, passed, out, log):
    raised = [fcntl.fcntl(d, fcntl.F_DUPFD, 200) for _, d in passed]
    os.dup2(out, 1)
    os.dup2(log, 2)
    for i, descriptor in enumerate(raised):
        os.dup2(descriptor, 3 + i, inheritable=True)
    os.closerange(3 + len(raised), 1024)
    if passed:
        env.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(passed)),
                   LISTEN_FDNAMES=":".join(name for name, _ in passed))
    if plan.get("watchdog"):
        env.update(WATCHDOG_USEC=str(plan["watchdog"]), WATCHDOG_PID=str(os.getpid()))
    os.execve(command[0], command, env)


def start(command, env):
    global service
    env = dict(env, NOTIFY_SOCKET=plan["notify"])
    passed = [(name, s.fileno()) for name, s in units] + list(kept)
    reading, writing = os.pipe()
    log = os.open(plan["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    service = os.fork()
    if service == 0:
        try:
            child(command, env, passed, writing, log)
        finally:
            os._exit(127)
    os.close(writing)
    os.close(log)
    tell(event="started", pid=service, passed=len(passed))
    threading.Thread(target=watch, args=(service, reading), daemon=True).start()


def watch(pid, reading):
    with os.fdopen(reading) as out:
        for line in out:
            tell(event="stdout", text=line)
    _, status = os.waitpid(pid, 0)
    tell(event="ended", status=os.waitstatus_to_exitcode(status))


open_units()
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(plan["notify"])
threading.Thread(target=listen, args=(notify,), daemon=True).start()
for line in sys.stdin:
    order = json.loads(line)
    if "signal" in order:
        os.kill(service, order["signal"])
    else:
        start(order["start"], order["env"])
