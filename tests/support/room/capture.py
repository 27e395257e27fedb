# SPDX-License-Identifier: Apache-2.0
"""What leaves on any interface of this machine: prints "ready", then a line of JSON for each small packet
that goes to one of the addresses or holds one of the texts told by its argument, until its input ends.
Exit status 77 where packets may not be looked at."""

import ctypes
import json
import select
import socket
import struct
import sys

told = json.loads(sys.argv[1])
texts = [text.encode() for text in told["texts"]]
addresses = {socket.inet_pton(socket.AF_INET6 if ":" in a else socket.AF_INET, a) for a in told["addresses"]}
SO_RCVBUFFORCE, SO_ATTACH_FILTER, SMALL = 33, 26, 1000


def keep_up(wire):
    """The bulk of what others on this machine send does not get here, so that nothing is lost for lack of room."""
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in (
        (0x80, 0, 0, 0),  # the length of the packet
        (0x25, 1, 0, SMALL),  # more: the second next one
        (0x06, 0, 0, 65535),
        (0x06, 0, 0, 0)))
    instructions = ctypes.create_string_buffer(program)
    wire.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 4, ctypes.addressof(instructions)))
    wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)


try:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    keep_up(wire)
except PermissionError:
    sys.exit(77)
print("ready", flush=True)


def look():
    packet, (interface, _, kind, *_) = wire.recvfrom(65536)
    version = packet[0] >> 4 if packet else 0
    to = packet[16:20] if version == 4 else packet[24:40] if version == 6 else b""
    # The label of a name is spelt with its length before it, and in any case.
    if to in addresses or any(text in packet or text.lower() in packet.lower() for text in texts):
        print(json.dumps({"interface": interface, "to": to.hex(), "packet": packet[:160].decode("latin1")}), flush=True)


while True:
    ready = select.select([wire, sys.stdin], [], [])[0]
    if wire in ready:
        look()
    elif sys.stdin in ready:
        break  # and nothing waits any more
