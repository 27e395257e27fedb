/* SPDX-License-Identifier: Apache-2.0
 *
 * Registrations and assertions of real authenticators, where there are some: $KEYHOLE_VECTORS, or
 * ../shared/vectors beside the repository.
 */
#ifndef KEYHOLE_TESTS_WEBAUTHN_RECORDED_H
#define KEYHOLE_TESTS_WEBAUTHN_RECORDED_H

#include "webauthn_test.h"

#include <jansson.h>

enum { RECORDED_MAX = 16, RECORDED_NOW = 1795000000 }; /* November 2026 */

struct recorded {
    char name[64], rp_id[64], origin[80];
    struct buffer client_data, attestation, challenge;
    struct buffer assert_client_data, assert_challenge, authenticator_data, signature;
};

static struct recorded recorded[RECORDED_MAX];
static size_t recorded_count;
static struct webauthn_trust *recorded_trust;

static inline const char *
vectors_path(const char *name)
{
    static char path[512];
    const char *directory = getenv("KEYHOLE_VECTORS");
    snprintf(path, sizeof(path), "%s/%s", directory != NULL ? directory : "../shared/vectors",
             name);
    return path;
}

/* False, with a sentence, when they are not there. */
static inline bool
recorded_is_there(void)
{
    if (recorded_count > 0)
        return true;
    print_message("no recorded registrations here: set KEYHOLE_VECTORS to test with them\n");
    return false;
}

static inline void
recorded_decode(const json_t *row, const char *member, struct buffer *out)
{
    buffer_init(out, 65536);
    assert_true(
        base64_decode(BASE64_URL, bytes_str(json_string_value(json_object_get(row, member))), out));
}

/* The recording does not have the challenge beside what answers it. */
static inline void
recorded_challenge(const struct buffer *client_data, struct buffer *out)
{
    json_t *json = json_loadb((const char *)client_data->p, client_data->n, 0, NULL);
    recorded_decode(json, "challenge", out);
    json_decref(json);
}

static inline int
recorded_setup(void **state)
{
    (void)state;
    struct fault fault = {0};
    size_t i;
    json_t *rows = json_load_file(vectors_path("webauthn/recorded.json"), 0, NULL), *row;
    json_array_foreach(rows, i, row)
    {
        struct recorded *r = &recorded[i];
        assert_true(i < RECORDED_MAX);
        snprintf(r->name, sizeof(r->name), "%s", json_string_value(json_object_get(row, "name")));
        snprintf(r->rp_id, sizeof(r->rp_id), "%s", json_string_value(json_object_get(row, "rp")));
        snprintf(r->origin, sizeof(r->origin), "https://%s", r->rp_id);
        recorded_decode(row, "cdj", &r->client_data);
        recorded_decode(row, "att", &r->attestation);
        recorded_decode(row, "acdj", &r->assert_client_data);
        recorded_decode(row, "authdata", &r->authenticator_data);
        recorded_decode(row, "sig", &r->signature);
        recorded_challenge(&r->client_data, &r->challenge);
        recorded_challenge(&r->assert_client_data, &r->assert_challenge);
        recorded_count = i + 1;
    }
    json_decref(rows);
    if (recorded_count > 0 &&
        webauthn_trust_read(vectors_path("yubico-ca"), &recorded_trust, &fault) != KH_OK) {
        print_error("%s\n", fault.detail);
        return -1;
    }
    return 0;
}

static inline int
recorded_teardown(void **state)
{
    (void)state;
    for (struct recorded *r = recorded; r < recorded + recorded_count; r++) {
        buffer_free(&r->client_data);
        buffer_free(&r->attestation);
        buffer_free(&r->challenge);
        buffer_free(&r->assert_client_data);
        buffer_free(&r->assert_challenge);
        buffer_free(&r->authenticator_data);
        buffer_free(&r->signature);
    }
    webauthn_trust_free(&recorded_trust);
    return 0;
}

static inline struct webauthn_expectation
recorded_expects(const struct recorded *r, bool assertion)
{
    return (struct webauthn_expectation){
        .rp_id = bytes_str(r->rp_id),
        .origin = bytes_str(r->origin),
        .challenge = buffer_bytes(assertion ? &r->assert_challenge : &r->challenge),
    };
}

static inline enum failure
recorded_register(const struct recorded *r, const struct webauthn_rules *rules,
                  struct webauthn_credential *out, struct webauthn_verdict *verdict)
{
    const struct webauthn_expectation expected = recorded_expects(r, false);
    return webauthn_register(&expected, rules, buffer_bytes(&r->client_data),
                             buffer_bytes(&r->attestation), out, verdict);
}

#endif
