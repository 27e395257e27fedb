# SPDX-License-Identifier: Apache-2.0
"""What python3-fido2 says of registrations: JSON on standard input, one verdict each on standard output."""
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fido2.attestation import Attestation, UntrustedAttestation, verify_x509_chain
from fido2.client import ClientData
from fido2.ctap2 import AttestationObject
from fido2.server import Fido2Server
from fido2.utils import websafe_decode


def verify_attestation(roots):
    def verify(attestation, client_data_hash):
        result = Attestation.for_type(attestation.fmt)().verify(
            attestation.att_statement, attestation.auth_data, client_data_hash)
        for root in roots:
            try:
                verify_x509_chain(result.trust_path + [root])
                return
            except Exception:  # the next one
                pass
        raise UntrustedAttestation("no root")
    return verify


def judge(row):
    roots = [x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER) for pem in row["roots"]]
    server = Fido2Server({"id": row["rpId"], "name": "test"}, attestation="direct",
                         verify_origin=lambda origin: origin == row["origin"], verify_attestation=verify_attestation(roots))
    response = row["json"]["response"]
    state = {"challenge": row["challenge"], "user_verification": "required" if row.get("pin") else "discouraged"}
    server.register_complete(state, ClientData(websafe_decode(response["clientDataJSON"])),
                             AttestationObject(websafe_decode(response["attestationObject"])))


verdicts = []
for row in json.load(sys.stdin):
    try:
        judge(row)
        verdicts.append({"accepted": True})
    except Exception as error:
        verdicts.append({"accepted": False, "why": "%s: %s" % (type(error).__name__, error)})
json.dump(verdicts, sys.stdout)
