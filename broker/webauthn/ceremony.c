/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of WebAuthn 7.1 and 7.2 that are the same. */
#include "ceremony.h"

#include "../../caveats/base64.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { ORIGIN_MAX = 512, CHALLENGE_MAX = 1024 };

static bool
sha256(struct bytes text, uint8_t out[32])
{
    return EVP_Digest(text.p, text.n, out, NULL, EVP_sha256(), NULL) == 1;
}

bool
ceremony_begin(struct ceremony *ceremony)
{
    const struct webauthn_expectation *expected = ceremony->expectation;
    verdict_init(ceremony->verdict);
    // Something that is empty would be equal to something that is missing.
    if (expected->rp_id.n == 0 || expected->rp_id.n > CEREMONY_RP_ID_MAX ||
        bytes_index(expected->rp_id, '\0') < expected->rp_id.n || expected->origin.n == 0 ||
        expected->origin.n > ORIGIN_MAX || expected->challenge.n == 0 ||
        expected->challenge.n > CHALLENGE_MAX) {
        snprintf(ceremony->verdict->detail, sizeof(ceremony->verdict->detail),
                 "an rpId, an origin or a challenge to compare with is missing");
        return false;
    }
    memcpy(ceremony->rp_id, expected->rp_id.p, expected->rp_id.n);
    ceremony->rp_id[expected->rp_id.n] = '\0';
    return true;
}

bool
ceremony_make(struct ceremony *ceremony, const struct ceremony_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        verdict_begin(ceremony->verdict, steps[i].check);
        if (!verdict_end(ceremony->verdict, steps[i].make(ceremony)))
            return false;
    }
    return true;
}

void
ceremony_end(struct ceremony *ceremony)
{
    client_data_free(&ceremony->client);
    ERR_clear_error(); // whatever a peer's bytes left behind there
}

bool
ceremony_hash(const struct ceremony *ceremony, uint8_t hash[32])
{
    return sha256(ceremony->client_text, hash);
}

struct signature_subject
ceremony_subject(const struct ceremony *ceremony, const uint8_t hash[32])
{
    return (struct signature_subject){
        .rp_id = ceremony->rp_id,
        .client_data_sha256 = hash,
        .verification = ceremony->expectation->verification,
        .data_text = ceremony->data_text,
        .data = &ceremony->data,
        .key = &ceremony->key,
    };
}

/* ---- client data ---- */

bool
step_client_data(struct ceremony *c)
{
    if (!client_data_read(c->client_text, &c->client, c->why))
        return verdict_refuses(c->verdict, "%s", c->why);
    return verdict_found(c->verdict, "client data are strict JSON, %zu bytes", c->client_text.n);
}

bool
step_type(struct ceremony *c)
{
    bool same = bytes_is(c->client.type, c->type);
    return same ? verdict_found(c->verdict, "their type is %s", c->type)
                : verdict_refuses(c->verdict, "their type is %.40s, not %s",
                                  (const char *)c->client.type.p, c->type);
}

bool
step_challenge(struct ceremony *c)
{
    BUFFER_AUTO expected;
    buffer_init(&expected, 2 * CHALLENGE_MAX);
    base64_encode(BASE64_URL, c->expectation->challenge, &expected);
    bool same = !expected.failed && bytes_equal(buffer_bytes(&expected), c->client.challenge);
    return same ? verdict_found(c->verdict, "they answer the challenge")
                : verdict_refuses(c->verdict, "they answer another challenge");
}

bool
step_origin(struct ceremony *c)
{
    const struct bytes expected = c->expectation->origin;
    bool same = bytes_equal(c->client.origin, expected);
    return same ? verdict_found(c->verdict, "their origin is %.*s", BYTES_ARG(expected))
                : verdict_refuses(c->verdict, "their origin is %.80s, not %.*s",
                                  (const char *)c->client.origin.p,
                                  (int)(expected.n < 80 ? expected.n : 80),
                                  (const char *)expected.p);
}

bool
step_cross_origin(struct ceremony *c)
{
    if (c->client.cross_origin)
        return verdict_refuses(c->verdict, "crossOrigin is neither false nor absent");
    if (c->client.top_origin)
        return verdict_refuses(c->verdict, "there is a topOrigin");
    return verdict_found(c->verdict, "made on the page itself, in no frame of another site");
}

/* ---- authenticator data ---- */

bool
step_authenticator_data(struct ceremony *c)
{
    if (c->data_text.n > WEBAUTHN_INPUT_MAX)
        return verdict_refuses(c->verdict, "authenticator data of %zu bytes", c->data_text.n);
    if (!authenticator_data_read(c->data_text, c->registration, &c->data, c->why))
        return verdict_refuses(c->verdict, "%s", c->why);
    return verdict_found(c->verdict, "authenticator data are well-formed, %zu bytes",
                         c->data_text.n);
}

bool
step_rp_id(struct ceremony *c)
{
    uint8_t hash[32];
    bool same = sha256(c->expectation->rp_id, hash) &&
                bytes_equal(bytes_of(hash, sizeof(hash)), c->data.rp_id_hash);
    return same ? verdict_found(c->verdict, "rpIdHash is that of %.100s", c->rp_id)
                : verdict_refuses(c->verdict, "rpIdHash is not that of %.100s", c->rp_id);
}

bool
step_presence(struct ceremony *c)
{
    return (c->data.flags & FLAG_PRESENT) != 0 ? verdict_found(c->verdict, "it was touched (UP)")
                                               : verdict_refuses(c->verdict, "UP is not set");
}

bool
step_verification(struct ceremony *c)
{
    bool set = (c->data.flags & FLAG_VERIFIED) != 0;
    if (!c->expectation->verification)
        return verdict_found(c->verdict, "no PIN or fingerprint is demanded (UV is %s)",
                             set ? "set" : "not set");
    if (c->u2f) // its flags are signed by nobody
        return verdict_refuses(c->verdict, "a fido-u2f key cannot prove one");
    return set ? verdict_found(c->verdict, "a PIN or fingerprint was checked (UV)")
               : verdict_refuses(c->verdict, "UV is not set");
}

bool
step_flags(struct ceremony *c)
{
    const unsigned flags = c->data.flags;
    if ((flags & FLAGS_RESERVED) != 0)
        return verdict_refuses(c->verdict, "flags 0x%02x have reserved bits", flags);
    if ((flags & FLAG_BACKED_UP) != 0 && (flags & FLAG_BACKUP_ELIGIBLE) == 0)
        return verdict_refuses(c->verdict,
                               "flags 0x%02x: backed up (BS) without being able to (BE)", flags);
    return verdict_found(c->verdict, "flags 0x%02x", flags);
}
