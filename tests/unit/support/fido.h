/* SPDX-License-Identifier: Apache-2.0
 *
 * Registrations and assertions by libfido2's own calls, and its verdict on them.
 */
#ifndef KEYHOLE_TESTS_SUPPORT_FIDO_H
#define KEYHOLE_TESTS_SUPPORT_FIDO_H

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>
#include <openssl/x509.h>

#include "../../support/softauthn_fido.h"
#include "../scratch.h"

#define RP_ID "keyhole.example"

static const uint8_t client_data[] = "{\"type\":\"webauthn.create\"}";

#define assert_fido(expected, call)                                                                \
    do {                                                                                           \
        int got_ = (call), expected_ = (expected);                                                 \
        if (got_ != expected_)                                                                     \
            fail_msg("%s: %s, expected %s", #call, fido_strerr(got_), fido_strerr(expected_));     \
    } while (0)

static inline fido_cred_t *
new_cred(int algorithm)
{
    fido_cred_t *cred = fido_cred_new();
    assert_non_null(cred);
    assert_fido(FIDO_OK, fido_cred_set_type(cred, algorithm));
    assert_fido(FIDO_OK, fido_cred_set_clientdata(cred, client_data, sizeof(client_data) - 1));
    assert_fido(FIDO_OK, fido_cred_set_rp(cred, RP_ID, "Keyhole"));
    assert_fido(FIDO_OK,
                fido_cred_set_user(cred, (const uint8_t *)"alice", 5, "alice", NULL, NULL));
    return cred;
}

/* What libfido2 says of a registration by itself: signature, rpId hash, presence. */
static inline int
verify_cred(const fido_cred_t *cred)
{
    return fido_cred_x5c_ptr(cred) ? fido_cred_verify(cred) : fido_cred_verify_self(cred);
}

static inline fido_assert_t *
new_assert(const fido_cred_t *cred)
{
    fido_assert_t *assert = fido_assert_new();
    assert_non_null(assert);
    assert_fido(FIDO_OK, fido_assert_set_clientdata(assert, client_data, sizeof(client_data) - 1));
    assert_fido(FIDO_OK, fido_assert_set_rp(assert, RP_ID));
    if (cred)
        assert_fido(FIDO_OK,
                    fido_assert_allow_cred(assert, fido_cred_id_ptr(cred), fido_cred_id_len(cred)));
    return assert;
}

static inline int
verify_assert(fido_assert_t *assert, const fido_cred_t *cred)
{
    const uint8_t *p = fido_cred_pubkey_ptr(cred);
    size_t n = fido_cred_pubkey_len(cred);
    int type = fido_cred_type(cred), r = FIDO_ERR_INTERNAL;
    assert_fido(FIDO_OK, fido_assert_set_up(assert, FIDO_OPT_TRUE));
    if (type == COSE_ES256) {
        es256_pk_t *key = es256_pk_new();
        if (es256_pk_from_ptr(key, p, n) == FIDO_OK)
            r = fido_assert_verify(assert, 0, type, key);
        es256_pk_free(&key);
    } else if (type == COSE_EDDSA) {
        eddsa_pk_t *key = eddsa_pk_new();
        if (eddsa_pk_from_ptr(key, p, n) == FIDO_OK)
            r = fido_assert_verify(assert, 0, type, key);
        eddsa_pk_free(&key);
    } else if (type == COSE_RS256) {
        rs256_pk_t *key = rs256_pk_new();
        if (rs256_pk_from_ptr(key, p, n) == FIDO_OK)
            r = fido_assert_verify(assert, 0, type, key);
        rs256_pk_free(&key);
    }
    return r;
}

static inline void
close_dev(fido_dev_t **dev)
{
    fido_dev_close(*dev);
    fido_dev_free(dev);
}

#endif
