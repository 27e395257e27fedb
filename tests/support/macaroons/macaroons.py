# SPDX-License-Identifier: Apache-2.0
"""pymacaroons beside our own chain: macaroons.py verify judges lines of JSON, a verdict for each
format; macaroons.py make SEED COUNT makes such lines."""
import json
import random
import sys

from pymacaroons import Macaroon, Verifier
from pymacaroons.serializers import BinarySerializer, JsonSerializer
import base64


def unpack_v2(text):
    """Several V2 macaroons follow one another: where each ends is told by its fields."""
    data = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    at, out = 0, []

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        begin = at
        at += 1
        while True:
            kind = number()
            if kind:
                length = number()
                at += length
            if kind == 6:
                break
        out.append(base64.urlsafe_b64encode(data[begin:at]).rstrip(b'=').decode())
    return [Macaroon.deserialize(t) for t in out]


def unpack_json(value):
    return [Macaroon.deserialize(json.dumps(m), JsonSerializer()) for m in (value if isinstance(value, list) else [value])]


def verdict(unpack, value, key):
    try:
        root, *discharges = unpack(value)
        seen = []
        verifier = Verifier()
        verifier.satisfy_general(lambda p: seen.append(p) or True)
        verifier.verify(root, key, discharges)
        return f'yes {len(seen)}'
    except Exception as error:  # whatever it says no with
        return f'no {type(error).__name__}'


def verify():
    for line in sys.stdin:
        row = json.loads(line)
        key = bytes.fromhex(row['key'])
        print(json.dumps({
            'v1': verdict(lambda t: [Macaroon.deserialize(x) for x in t.split(' ')], row['v1'], key),
            'v2': verdict(unpack_v2, row['v2'], key),
            'json': verdict(unpack_json, row['json'], key)}))


def make(seed, count):
    rng = random.Random(seed)
    words = lambda: ''.join(rng.choice('abcdefgh ij=<>/.,0123456789') for _ in range(rng.randint(1, 40))).strip() or 'x'
    for _ in range(count):
        key = bytes(rng.randrange(256) for _ in range(32))
        version = rng.choice([1, 2])
        root = Macaroon(version=version, location='https://a.example', identifier=f'identifier {rng.random()}', key=key)
        conditions, discharges = 0, []
        for _ in range(rng.randint(0, 4)):
            if rng.random() < 0.3:
                secret, ticket = words(), f'ticket {rng.random()}'
                root.add_third_party_caveat('https://d.example', secret, ticket)
                discharge = Macaroon(version=version, location='https://d.example', identifier=ticket, key=secret)
                for _ in range(rng.randint(0, 2)):
                    discharge.add_first_party_caveat(words())
                    conditions += 1
                discharges.append(discharge)
            else:
                root.add_first_party_caveat(words())
                conditions += 1
        good = rng.random() < 0.7
        bound = [root.prepare_for_request(d) for d in discharges]
        whole = [root, *bound]
        if not good:
            spoilt = rng.choice(whole)
            signature = bytearray(bytes.fromhex(spoilt.signature))
            signature[rng.randrange(32)] ^= 1 << rng.randrange(8)
            spoilt.signature = bytes(signature).hex()
        if version == 1:
            texts = [' '.join(m.serialize().rstrip('=') for m in whole)]
        else:
            raw = b''.join(base64.urlsafe_b64decode(t + '=' * (-len(t) % 4)) for t in (m.serialize() for m in whole))
            texts = [base64.urlsafe_b64encode(raw).rstrip(b'=').decode(),
                     json.dumps([json.loads(m.serialize(JsonSerializer())) for m in whole])]
        print(json.dumps({'key': key.hex(), 'good': good, 'conditions': conditions, 'texts': texts}))


if sys.argv[1] == 'make':
    make(int(sys.argv[2]), int(sys.argv[3]))
else:
    verify()
