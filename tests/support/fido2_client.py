# SPDX-License-Identifier: Apache-2.0
"""python3-fido2 as a client of an authenticator, and as a relying party's second opinion.

A JSON object a line on stdin, one a line on stdout. Binary values are base64url without padding.

    {"do": "register", "device", "rp_id", "client_data", "pin"?, "algorithm"?, "exclude"?: [id]}
        -> {"id", "attestation"}
    {"do": "assert", "device", "rp_id", "client_data", "pin"?, "credentials": [id]}
        -> {"id", "authenticator_data", "signature"}
    {"do": "judge-registration", "rp_id", "origin", "challenge", "verification", "attested",
     "roots": [PEM], "client_data", "attestation"}
        -> {"accepted", "why"}
    {"do": "judge-assertion", as above, and "registration": the attestation object,
     "id", "authenticator_data", "signature"}
        -> {"accepted", "why"}
Failures of the authenticator: {"error": name of the CTAP status}.
"""

import json
import socket
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fido2 import cbor
from fido2.attestation.base import InvalidAttestation, NoneAttestation
from fido2.ctap import CtapError
from fido2.ctap1 import Ctap1
from fido2.ctap2 import AttestationObject, AuthenticatorData, ClientPin, Ctap2
from fido2.hid import CAPABILITY, CTAPHID, CtapHidDevice
from fido2.hid.base import CtapHidConnection, HidDescriptor
from fido2.server import AttestationVerifier, Fido2Server, _default_attestations


REPORT = 64
ES256, EDDSA, RS256 = -7, -8, -257


def encode(data):
    return urlsafe_b64encode(data).decode().rstrip("=")


def decode(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SocketConnection(CtapHidConnection):
    """Reports over a SEQPACKET socket, in the place of /dev/hidraw."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(path)

    def read_packet(self):
        data = self.socket.recv(REPORT)
        if len(data) != REPORT:
            raise OSError("the key is gone")
        return data

    def write_packet(self, data):
        self.socket.send(data)

    def close(self):
        self.socket.close()


def open_device(path):
    return CtapHidDevice(HidDescriptor(path, 0, 0, REPORT, REPORT), SocketConnection(path))


def descriptors(ids):
    return [{"type": "public-key", "id": decode(i)} for i in ids]


def pin_arguments(device, request, client_data_hash, permission):
    if "pin" not in request:
        return []
    pin = ClientPin(Ctap2(device))
    token = pin.get_pin_token(request["pin"], permission, request["rp_id"])
    return [pin.protocol.authenticate(token, client_data_hash), pin.protocol.VERSION]


def call(device, command, arguments):
    """A command as it is, and its answer as it comes: python3-fido2 would refuse some lies itself."""
    present = {i + 1: v for i, v in enumerate(arguments) if v is not None}
    answer = device.call(CTAPHID.CBOR, bytes([command]) + cbor.encode(present))
    if answer[0] != 0:
        raise CtapError(answer[0])
    return cbor.decode(answer[1:])


def register(request):
    device = open_device(request["device"])
    client_data_hash = sha256(decode(request["client_data"])).digest()
    rp_hash = sha256(request["rp_id"].encode()).digest()
    if not CAPABILITY.CBOR.supported(device.capabilities):
        made = AttestationObject.from_ctap1(
            rp_hash, Ctap1(device).register(client_data_hash, rp_hash)
        ).with_string_keys()
        data = bytes(made.auth_data)
    else:
        wanted = [request["algorithm"]] if "algorithm" in request else [ES256, EDDSA, RS256]
        permission = ClientPin.PERMISSION.MAKE_CREDENTIAL
        answer = call(
            device,
            Ctap2.CMD.MAKE_CREDENTIAL,
            [
                client_data_hash,
                {"id": request["rp_id"], "name": "Keyhole"},
                {"id": b"user", "name": "user"},
                [{"type": "public-key", "alg": a} for a in wanted],
                descriptors(request["exclude"]) if request.get("exclude") else None,
                None,
                None,
                *pin_arguments(device, request, client_data_hash, permission),
            ],
        )
        data = answer[2]
        made = cbor.encode({"fmt": answer[1], "attStmt": answer[3], "authData": data})
    device.close()
    size = int.from_bytes(data[53:55], "big")
    return {"id": encode(data[55 : 55 + size]), "attestation": encode(bytes(made))}


def make_assertion(request):
    device = open_device(request["device"])
    client_data_hash = sha256(decode(request["client_data"])).digest()
    if not CAPABILITY.CBOR.supported(device.capabilities):
        rp_hash = sha256(request["rp_id"].encode()).digest()
        key = decode(request["credentials"][0])
        answer = bytes(Ctap1(device).authenticate(client_data_hash, rp_hash, key))
        answer = {1: {"id": key}, 2: rp_hash + answer[:5], 3: answer[5:]}
    else:
        permission = ClientPin.PERMISSION.GET_ASSERTION
        answer = call(
            device,
            Ctap2.CMD.GET_ASSERTION,
            [
                request["rp_id"],
                client_data_hash,
                descriptors(request["credentials"]),
                None,
                None,
                *pin_arguments(device, request, client_data_hash, permission),
            ],
        )
    device.close()
    return {
        "id": encode(answer[1]["id"]),
        "authenticator_data": encode(answer[2]),
        "signature": encode(answer[3]),
    }


class Roots(AttestationVerifier):
    """The statement has to verify; where an attestation is demanded, its chain has to end in a root."""

    def __init__(self, pems, attested):
        types = _default_attestations()
        super().__init__(types if attested else types + [NoneAttestation()])
        self.roots = [x509.load_pem_x509_certificate(p.encode()) for p in pems]
        self.attested = attested

    def ca_lookup(self, result, auth_data):
        if not result.trust_path:
            return None
        leaf = x509.load_der_x509_certificate(result.trust_path[-1])
        found = [r.public_bytes(Encoding.DER) for r in self.roots if r.subject == leaf.issuer]
        return found[:1] or None

    def verify_attestation(self, attestation_object, client_data_hash):
        if self.attested:
            super().verify_attestation(attestation_object, client_data_hash)
            return
        for kind in self._attestation_types:
            if kind.FORMAT == attestation_object.fmt:
                kind.verify(
                    attestation_object.att_statement, attestation_object.auth_data, client_data_hash
                )
                return
        raise InvalidAttestation(attestation_object.fmt)


class ClientDataBytes(bytes):
    """What the server asks of client data, without python3-fido2's template of it."""

    def __init__(self, data):
        super().__init__()
        self.parsed = json.loads(data)

    def get(self, name):
        return self.parsed.get(name)

    @property
    def challenge(self):
        return decode(self.parsed["challenge"])

    @property
    def hash(self):
        return sha256(self).digest()


def server(request):
    relying_party = Fido2Server(
        {"id": request["rp_id"], "name": "Keyhole"},
        attestation="direct",
        verify_origin=lambda origin: origin == request["origin"],
        verify_attestation=Roots(request.get("roots", []), request.get("attested", True)),
    )
    state = {
        "challenge": request["challenge"],
        "user_verification": "required" if request.get("verification") else None,
    }
    return relying_party, state


def judge(what):
    try:
        what()
        return {"accepted": True, "why": ""}
    except (ValueError, InvalidAttestation, KeyError, TypeError, IndexError) as error:
        return {"accepted": False, "why": f"{type(error).__name__}: {error}"}


def judge_registration(request):
    def complete():
        relying_party, state = server(request)
        relying_party.register_complete(
            state,
            ClientDataBytes(decode(request["client_data"])),
            AttestationObject(decode(request["attestation"])),
        )

    return judge(complete)


def judge_assertion(request):
    def complete():
        relying_party, state = server(request)
        made = AttestationObject(decode(request["registration"]))
        relying_party.authenticate_complete(
            state,
            [made.auth_data.credential_data],
            decode(request["id"]),
            ClientDataBytes(decode(request["client_data"])),
            AuthenticatorData(decode(request["authenticator_data"])),
            decode(request["signature"]),
        )

    return judge(complete)


COMMANDS = {
    "register": register,
    "assert": make_assertion,
    "judge-registration": judge_registration,
    "judge-assertion": judge_assertion,
}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = COMMANDS[request["do"]](request)
        except CtapError as error:
            answer = {"error": getattr(error.code, "name", str(error.code))}
        except OSError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
