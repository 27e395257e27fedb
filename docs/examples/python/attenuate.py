#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""attenuate.py TOKEN CAVEAT... : a narrower token, by pymacaroons (Debian: python3-pymacaroons)."""
import sys

from pymacaroons import Macaroon


def attenuate(token, *caveats):
    """`kh1_` and base64url of the binary form of version 2, which pymacaroons reads and writes."""
    prefix, mark, text = token.partition("kh1_")
    macaroon = Macaroon.deserialize(text)
    for caveat in caveats:
        macaroon.add_first_party_caveat(caveat)
    return prefix + mark + macaroon.serialize()


if __name__ == "__main__":
    print(attenuate(*sys.argv[1:]))
