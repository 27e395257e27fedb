# SPDX-License-Identifier: Apache-2.0
"""What leaves on any interface of this machine: prints "ready", then, at the end of its input, a JSON
list of the packets that go to one of the addresses or hold one of the texts told by its argument.
Exit status 77 where packets may not be looked at."""

import json
import select
import socket
import sys

told = json.loads(sys.argv[1])
texts = [text.encode() for text in told["texts"]]
addresses = {socket.inet_pton(socket.AF_INET6 if ":" in a else socket.AF_INET, a) for a in told["addresses"]}
try:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
except PermissionError:
    sys.exit(77)
found = []
print("ready", flush=True)


def look():
    packet, (interface, _, kind, *_) = wire.recvfrom(65536)
    version = packet[0] >> 4 if packet else 0
    to = packet[16:20] if version == 4 else packet[24:40] if version == 6 else b""
    # The label of a name is spelt with its length before it, and in any case.
    if to in addresses or any(text in packet or text.lower() in packet.lower() for text in texts):
        found.append({"interface": interface, "to": to.hex(), "packet": packet[:160].decode("latin1")})


while True:
    ready = select.select([wire, sys.stdin], [], [])[0]
    if wire in ready:
        look()
    elif sys.stdin in ready:
        break  # and nothing waits any more
print(json.dumps(found))
