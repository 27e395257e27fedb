# SPDX-License-Identifier: Apache-2.0
"""A journal: the socket of journald's native protocol at the path that is given, and a line of JSON on
standard output for each datagram: {pid, data} with the sender as the kernel knows it, and the bytes in
base64. A datagram without bytes has a descriptor with them (a sealed memfd), as large ones do."""

import array
import base64
import json
import os
import socket
import struct
import sys

opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
opened.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
opened.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
print(json.dumps({"listening": True}), flush=True)
while True:
    data, ancillary, _, _ = opened.recvmsg(1 << 20, 4096)
    sender = 0
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            sender = struct.unpack("iII", content[:12])[0]
        elif level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            for descriptor in array.array("i", content):
                with os.fdopen(descriptor, "rb") as file:
                    file.seek(0)
                    data += file.read()
    print(json.dumps({"pid": sender, "data": base64.b64encode(data).decode()}), flush=True)
