# SPDX-License-Identifier: Apache-2.0
"""What a program tries to get out of a closed room. It knows everything of the machine outside: the
test tells it by an argument, in JSON. A line of JSON comes out: for each attempt what the kernel said,
or "open" for a way that led somewhere."""

import ctypes
import errno
import fcntl
import json
import os
import socket
import struct
import sys
import termios

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
told = json.loads(sys.argv[1])
# The last is the directory that is read.
outcome = {"descriptors": " ".join(sorted(os.listdir("/proc/self/fd"))[:-1])}

# Numbers that all architectures share, and those of two.
IO_URING_SETUP, OPEN_TREE, FSOPEN = 425, 428, 430
NUMBERS = {
    "x86_64": dict(ptrace=101, mount=165, umount2=166, unshare=272, setns=308, bpf=321, keyctl=250,
                   process_vm_readv=310, open_by_handle_at=304, userfaultfd=323),
    "aarch64": dict(ptrace=117, mount=40, umount2=39, unshare=97, setns=268, bpf=280, keyctl=219,
                    process_vm_readv=270, open_by_handle_at=265, userfaultfd=282),
}[os.uname().machine]
CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWNS = 0x10000000, 0x40000000, 0x20000


def attempt(name, what, *arguments):
    try:
        said = what(*arguments)
        outcome[name] = "open" if said is None else str(said)
    except OSError as error:
        outcome[name] = errno.errorcode.get(error.errno, str(error))


def call(number, *arguments):
    ctypes.set_errno(0)
    if libc.syscall(number, *arguments) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def connect(family, kind, protocol, address, send=None):
    with socket.socket(family, kind, protocol) as s:
        s.settimeout(5)
        s.connect(address)
        if send is not None:
            s.send(send)


def datagram(family, address, data, **options):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        if options.get("broadcast"):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.sendto(data, address)


# ---- the network: addresses outside, by TCP and UDP ----

marker = told["marker"].encode()
for name, family, address in told["addresses"]:
    address = tuple(address)
    inet = socket.AF_INET6 if family == 6 else socket.AF_INET
    attempt(f"tcp {name}", connect, inet, socket.SOCK_STREAM, 0, address, marker)
    if name not in ("loopback", "loopback6", "any"):  # of the room's own: a datagram is simply lost
        attempt(f"udp {name}", datagram, inet, address, marker)
attempt("broadcast", lambda: datagram(socket.AF_INET, ("255.255.255.255", 53), marker, broadcast=True))
attempt("multicast", datagram, socket.AF_INET, ("224.0.0.251", 5353), marker)

# ---- names ----


def ask(kind):
    question = b"".join(bytes([len(label)]) + label for label in told["label"].encode().split(b".")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.connect((told["resolver"], 53))
        s.send(struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + question + struct.pack(">HH", kind, 1))
        answer = s.recv(4096)
        code, answers = answer[3] & 15, struct.unpack_from(">H", answer, 6)[0]
        return f"refused with {code}" if code != 0 and answers == 0 else None


for name, kind in (("A", 1), ("TXT", 16), ("NULL", 10), ("AAAA", 28)):
    attempt(f"a tunnel of {name}", ask, kind)
attempt("a tunnel by the C library", lambda: socket.getaddrinfo(told["label"], 443) and None)

# ---- sockets past it ----

attempt("packet socket", connect, 17, socket.SOCK_RAW, socket.htons(3), ("lo", 3))
attempt("packet socket, the old way", lambda: socket.socket(socket.AF_INET, 10, socket.htons(3)).close())
attempt("raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())
attempt("raw socket, IPv6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58).close())
attempt("ping socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1).close())
attempt("vsock", connect, 40, socket.SOCK_STREAM, 0, (2, 1024))
for name, family in (("alg", 38), ("bluetooth", 31), ("can", 29), ("tipc", 30), ("xdp", 44), ("qrtr", 42)):
    attempt(f"family {name}", call, {"x86_64": 41, "aarch64": 198}[os.uname().machine], family, 3, 0)
attempt("netlink, diagnosis", lambda: socket.socket(16, socket.SOCK_RAW, 4).close())
attempt("netlink, netfilter", lambda: socket.socket(16, socket.SOCK_RAW, 12).close())
attempt("a family in the upper half", call, {"x86_64": 41, "aarch64": 198}[os.uname().machine],
        ctypes.c_long(1 << 32 | 1), 1, 0)


def route():
    with socket.socket(16, socket.SOCK_RAW, 0) as s:
        s.bind((0, 0))
        # RTM_NEWROUTE: default, by lo
        body = struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 0) + struct.pack("=HHI", 8, 4, 1)
        s.send(struct.pack("=IHHII", 16 + len(body), 24, 0x5 | 0x400, 1, 0) + body)
        answer = s.recv(4096)
        code = -struct.unpack_from("=i", answer, 16)[0]
        if code:
            raise OSError(code, "")


attempt("a route", route)
attempt("an interface", lambda: fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8914,
                                            struct.pack("16sh14x", b"lo", 0)))

# ---- unix sockets of servers outside ----

for path in told["sockets"]:
    attempt(f"unix {path}", connect, socket.AF_UNIX, socket.SOCK_STREAM, 0, path)
    attempt(f"there is {path}", lambda p=path: os.stat(p) and None)
attempt("abstract", connect, socket.AF_UNIX, socket.SOCK_STREAM, 0, "\0" + told["abstract"])


def pair():
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendto(marker, told["datagram"])


attempt("a pair of datagrams", pair)


def stream_pair():
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    two.close()
    one.connect(told["sockets"][0])


attempt("a pair of streams", stream_pair)

# ---- files ----

for path in told["hidden"]:
    attempt(f"file {path}", lambda p=path: open(p, "rb").close())
for path in ("/dev/net/tun", "/dev/vsock", "/dev/vhost-net", "/dev/kvm", "/dev/mem", "/dev/fuse",
             "/sys/class/net", "/sys/kernel/debug"):
    attempt(f"device {path}", lambda p=path: os.stat(p) and None)
for path in ("/proc/1/root", "/proc/1/cwd", "/proc/1/fd/3", "/proc/1/ns/net", "/proc/1/exe"):
    attempt(f"by {path}", lambda p=path: os.readlink(p) and None)
attempt("by /proc/1/mem", lambda: open("/proc/1/mem", "rb").close())
attempt("/proc/sys", lambda: open("/proc/sys/kernel/hostname", "w").close())
attempt("/proc/sysrq-trigger", lambda: open("/proc/sysrq-trigger", "w").close())
attempt("a name over resolv.conf", lambda: os.rename("/etc/hosts", "/etc/resolv.conf"))

# ---- the kernel ----

parameters = ctypes.create_string_buffer(120)
attempt("io_uring", call, IO_URING_SETUP, 4, parameters)
attempt("a user namespace", call, NUMBERS["unshare"], CLONE_NEWUSER | CLONE_NEWNET)
attempt("a mount namespace", call, NUMBERS["unshare"], CLONE_NEWNS)
attempt("a network namespace", call, NUMBERS["unshare"], CLONE_NEWNET)
attempt("another's namespace", lambda: call(NUMBERS["setns"], os.open("/proc/self/ns/net", os.O_RDONLY), 0))
attempt("mount", call, NUMBERS["mount"], b"none", b"/mnt", b"tmpfs", 0, None)
attempt("umount", call, NUMBERS["umount2"], b"/run", 2)
attempt("open_tree", call, OPEN_TREE, -100, b"/", 1)
attempt("fsopen", call, FSOPEN, b"tmpfs", 0)
attempt("bpf", call, NUMBERS["bpf"], 0, parameters, 72)
attempt("keyrings", call, NUMBERS["keyctl"], 0, -3, 1)
attempt("userfaultfd", call, NUMBERS["userfaultfd"], 0)
attempt("open_by_handle_at", call, NUMBERS["open_by_handle_at"], 0, parameters, 0)
attempt("tracing process 1", call, NUMBERS["ptrace"], 16, 1, 0, 0)
attempt("memory of process 1", call, NUMBERS["process_vm_readv"], 1, parameters, 1, parameters, 1, 0)
attempt("a process outside", lambda: os.kill(told["pid"], 0))
for fd in range(3):
    attempt(f"typing into the terminal, {fd}", lambda: fcntl.ioctl(fd, termios.TIOCSTI, b"x"))
attempt("root", lambda: os.setuid(0) if os.getuid() != 0 else os.chown("/etc/passwd", 1, 1))

with open("/proc/self/status") as status:
    outcome["capabilities"] = " ".join(sorted({line.split()[1] for line in status if line.startswith("Cap")}))
outcome["processes"] = str(sum(name.isdigit() for name in os.listdir("/proc")))
outcome["interfaces"] = " ".join(name for _, name in socket.if_nameindex())
outcome["variables"] = " ".join(sorted(v for v in os.environ if v in told["variables"]))
print(json.dumps(outcome))
