/* SPDX-License-Identifier: Apache-2.0
 *
 * A discharger in a directory of its own, asked as a process would ask it, and people with software
 * authenticators.
 */
#ifndef KEYHOLE_TEST_DISCHARGE_SERVICES_H
#define KEYHOLE_TEST_DISCHARGE_SERVICES_H

#include "stores.h"

#include "../../../broker/discharge/service.h"
#include "../../../caveats/base64.h"
#include "../../../caveats/ticket.h"
#include "../../support/softauthn.h"

#include <jansson.h>
#include <sodium.h>

#define SERVICES_URL    "http://localhost:8438"
#define SERVICES_PARENT "000102030405060708090a0b0c0d0e0f"

struct services {
    struct discharge_store *store;
    struct service *service;
    struct discharger self;
    uint8_t secret_key[TICKET_SECRET_KEY_SIZE];
    int64_t now;
    const char *client, *origin, *fetch_site, *content_type; /* of requests */
    /* The last answer. */
    struct service_response response;
    json_t *json; /* NULL when it was no JSON */
};

static inline void
services_open(struct services *s, enum attestation_demand attestation)
{
    *s = (struct services){.now = STORES_NOW,
                           .client = "192.0.2.7",
                           .origin = "",
                           .fetch_site = "",
                           .content_type = "application/json"};
    s->store = stores_open();
    snprintf(s->self.url, sizeof s->self.url, "%s", SERVICES_URL);
    assert_int_equal(crypto_box_keypair(s->self.public_key, s->secret_key), 0);
    assert_int_equal(mkdir(fixture_path("roots"), 0700), 0);
    const struct service_options options = {
        .self = s->self,
        .secret_key = s->secret_key,
        .store = s->store,
        .roots = fixture_path("roots"),
        .settings = {.attestation = attestation},
    };
    assert_ok(service_new(&options, &s->service, fault));
    buffer_init(&s->response.body, 262144);
}

static inline void
services_close(struct services *s)
{
    service_free(&s->service);
    discharge_store_close(&s->store);
    buffer_free(&s->response.body);
    json_decref(s->json);
}

// ---- asking ----

static inline void
services_request(struct services *s, const char *method, const char *path, struct bytes body)
{
    const char *own = s->self.url;
    if (!strncmp(path, own, strlen(own)))
        path += strlen(own);
    const struct service_request request = {
        .method = bytes_str(method),
        .path = bytes_str(path),
        .content_type = bytes_str(body.n ? s->content_type : ""),
        .origin = bytes_str(s->origin),
        .fetch_site = bytes_str(s->fetch_site),
        .body = body,
        .client = bytes_str(s->client),
        .now = s->now,
    };
    struct buffer keep = s->response.body;
    buffer_clear(&keep);
    s->response = (struct service_response){.body = keep};
    service_answer(s->service, &request, &s->response);
    json_decref(s->json);
    s->json = json_loadb((const char *)s->response.body.p, s->response.body.n,
                         JSON_REJECT_DUPLICATES, NULL);
}

static inline void
services_get(struct services *s, const char *path)
{
    services_request(s, "GET", path, BYTES_EMPTY);
}

/* Takes over `body`. */
static inline void
services_post(struct services *s, const char *path, json_t *body)
{
    assert_non_null(body);
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    services_request(s, "POST", path, bytes_str(text));
    free(text);
}

static inline const char *
services_body(struct services *s)
{
    return buffer_text(&s->response.body);
}

static inline void
services_expect(struct services *s, int status, const char *code, const char *file, int line)
{
    const char *got = json_string_value(json_object_get(s->json, "error"));
    if (s->response.status == status && !strcmp(got ? got : "", code))
        return;
    print_error("%s:%d: expected %d %s, got %d %s\nlog: %s\n", file, line, status, code,
                s->response.status, services_body(s), s->response.log);
    fail();
}
#define assert_answer(s, status)        services_expect(s, status, "", __FILE__, __LINE__)
#define assert_failure(s, status, code) services_expect(s, status, code, __FILE__, __LINE__)

/* A text of the answer by its path, "fido2.nonce"; valid until the next request. */
static inline const char *
services_text(struct services *s, const char *path)
{
    char part[64];
    const json_t *at = s->json;
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, ".");
        snprintf(part, sizeof part, "%.*s", (int)n, p);
        at = json_object_get(at, part);
        p += n + (p[n] == '.');
    }
    if (!json_is_string(at)) {
        print_error("no text %s in: %s\n", path, services_body(s));
        fail();
    }
    return json_string_value(at);
}

static inline void
services_decode(const char *text, struct buffer *out)
{
    assert_true(base64_decode(BASE64_URL, bytes_str(text), out));
}

static inline json_t *
services_encode(struct bytes data)
{
    BUFFER_AUTO text;
    buffer_init(&text, 1 << 20);
    base64_encode(BASE64_URL, data, &text);
    return json_string(buffer_text(&text));
}

// ---- people ----

/* What the client data says; what is NULL is as it should be. */
struct services_lies {
    const char *type, *challenge, *origin, *rp_id, *pin;
};

static inline void
services_client_data(struct buffer *out, const char *type, const char *challenge,
                     const struct services_lies *lies)
{
    buffer_printf(out,
                  "{\"type\":\"%s\",\"challenge\":\"%s\",\"origin\":\"%s\",\"crossOrigin\":false}",
                  lies->type ? lies->type : type, lies->challenge ? lies->challenge : challenge,
                  lies->origin ? lies->origin : SERVICES_URL);
}

/* The digest of the text and the nonce under `kind` of the answer. */
static inline void
services_challenge(struct services *s, const char *kind, enum challenge_purpose purpose,
                   char out[64])
{
    char path[64];
    uint8_t digest[CHALLENGE_SIZE];
    BUFFER_AUTO nonce, text;
    buffer_init(&nonce, 64);
    buffer_init(&text, 64);
    snprintf(path, sizeof path, "%s.nonce", kind);
    services_decode(services_text(s, path), &nonce);
    assert_int_equal(nonce.n, CHALLENGE_NONCE_SIZE);
    snprintf(path, sizeof path, "%s.text", kind);
    assert_true(challenge_digest(purpose, bytes_str(services_text(s, path)), nonce.p, digest));
    base64_encode(BASE64_URL, bytes_of(digest, sizeof digest), &text);
    snprintf(out, 64, "%s", buffer_text(&text));
}

static inline void
services_add_user(struct services *s, const char *user)
{
    assert_ok(discharge_user_add(s->store, bytes_str(user), s->now, fault));
}

static inline void
services_invite(struct services *s, const char *user, char code[32])
{
    BUFFER_AUTO text;
    buffer_init(&text, 31);
    assert_ok(service_invite(s->service, bytes_str(user), s->now, &text, fault));
    snprintf(code, 32, "%s", buffer_text(&text));
}

static inline void
services_ask_to_enroll(struct services *s, const char *code, const char *name, const char *kind)
{
    services_post(s, "/.well-known/keyhole/enroll",
                  json_pack("{s:s, s:s, s:s}", "code", code, "name", name, "kind", kind));
}

/* What a browser sends for the registration that was asked for last (`challenge`). */
static inline json_t *
services_registration(struct softauthn *key, const char *challenge,
                      const struct services_lies *lies)
{
    static const struct services_lies honest;
    BUFFER_AUTO client_data;
    buffer_init(&client_data, 1024);
    lies = lies ? lies : &honest;
    services_client_data(&client_data, "webauthn.create", challenge, lies);
    const struct softauthn_request request = {
        .rp_id = lies->rp_id ? lies->rp_id : "localhost",
        .client_data = buffer_bytes(&client_data),
        .pin = "1234", // a key that has one registers nothing without it
    };
    struct softauthn_registration made;
    assert_int_equal(softauthn_register(key, &request, &made), SOFTAUTHN_OK);
    struct bytes id = bytes_of(made.id, made.id_n);
    json_t *body =
        json_pack("{s:o, s:o, s:s, s:{}, s:{s:o, s:o}}", "id", services_encode(id), "rawId",
                  services_encode(id), "type", "public-key", "clientExtensionResults", "response",
                  "clientDataJSON", services_encode(buffer_bytes(&client_data)),
                  "attestationObject", services_encode(buffer_bytes(&made.attestation)));
    softauthn_registration_free(&made);
    return body;
}

/* Register `key` for that user; its credential id in base64url is in `id`. */
static inline void
services_enroll(struct services *s, const char *user, const char *name, struct softauthn *key,
                char id[256])
{
    char code[32], challenge[64], url[256];
    services_invite(s, user, code);
    services_ask_to_enroll(s, code, name, "fido2");
    assert_answer(s, 201);
    services_challenge(s, "fido2", CHALLENGE_ENROLL, challenge);
    snprintf(url, sizeof url, "%s", services_text(s, "fido2.answer_url"));
    json_t *body = services_registration(key, challenge, NULL);
    snprintf(id, 256, "%s", json_string_value(json_object_get(body, "id")));
    services_post(s, url, body);
    assert_answer(s, 201);
}

static inline struct softauthn *
services_key(void)
{
    const struct softauthn_options options = {.format = SOFTAUTHN_PACKED, .pin = "1234"};
    struct softauthn *key = softauthn_new(&options);
    assert_non_null(key);
    return key;
}

// ---- tickets ----

static inline struct ticket
services_plain_ticket(const char *condition)
{
    static const char *const caveats[] = {"method in GET, HEAD", "path ~ /v1/**"};
    struct ticket ticket = {
        .root_key = {7},
        .condition = bytes_str(condition),
        .broker = BYTES("broker.example"),
        .principal = BYTES("alice"),
        .token_id = {0xab},
        .expires_at = STORES_NOW + 86400,
        .credential = {BYTES("openai")},
        .credential_count = 1,
        .label = BYTES("ci agent"),
        .caveat = {bytes_str(caveats[0]), bytes_str(caveats[1])},
        .caveat_count = 2,
    };
    return ticket;
}

/* In base64url. */
static inline void
services_seal(struct services *s, const struct ticket *ticket, char out[2048])
{
    BUFFER_AUTO sealed, text;
    buffer_init(&sealed, TOKEN_CAVEAT_MAX);
    buffer_init(&text, 2047);
    assert_ok(ticket_seal(ticket, s->self.public_key, &sealed, fault));
    base64_encode(BASE64_URL, buffer_bytes(&sealed), &text);
    snprintf(out, 2048, "%s", buffer_text(&text));
}

static inline void
services_ask_ticket(struct services *s, const char *ticket, const char *prefer)
{
    services_post(s, "/.well-known/macfly/3p",
                  json_pack("{s:s, s:s, s:s}", "ticket", ticket, "parent", SERVICES_PARENT,
                            "prefer", prefer));
}

static inline void
services_ask(struct services *s, const char *condition, const char *prefer)
{
    char text[2048];
    const struct ticket ticket = services_plain_ticket(condition);
    services_seal(s, &ticket, text);
    services_ask_ticket(s, text, prefer);
}

/* The parts of an assertion over that challenge, in base64url. */
struct services_assertion {
    json_t *client_data, *authenticator_data, *signature;
};

static inline struct services_assertion
services_assert(struct softauthn *key, const char *id, const char *challenge,
                const struct services_lies *lies)
{
    static const struct services_lies honest;
    BUFFER_AUTO client_data, credential;
    buffer_init(&client_data, 1024);
    buffer_init(&credential, 256);
    lies = lies ? lies : &honest;
    services_client_data(&client_data, "webauthn.get", challenge, lies);
    services_decode(id, &credential);
    const struct softauthn_request request = {
        .rp_id = lies->rp_id ? lies->rp_id : "localhost",
        .client_data = buffer_bytes(&client_data),
        .pin = lies->pin,
        .credential = buffer_bytes(&credential),
    };
    struct softauthn_assertion made;
    assert_int_equal(softauthn_assert(key, &request, &made), SOFTAUTHN_OK);
    struct services_assertion out = {
        services_encode(buffer_bytes(&client_data)),
        services_encode(buffer_bytes(&made.authenticator_data)),
        services_encode(buffer_bytes(&made.signature)),
    };
    softauthn_assertion_free(&made);
    return out;
}

/* Answer the question that the last answer is, as a program does. */
static inline void
services_answer(struct services *s, struct softauthn *key, const char *id,
                const struct services_lies *lies)
{
    char challenge[64], url[256];
    services_challenge(s, "fido2", CHALLENGE_DISCHARGE, challenge);
    snprintf(url, sizeof url, "%s", services_text(s, "fido2.answer_url"));
    struct services_assertion a = services_assert(key, id, challenge, lies);
    services_post(s, url,
                  json_pack("{s:s, s:o, s:o, s:o}", "credential", id, "client_data", a.client_data,
                            "authenticator_data", a.authenticator_data, "signature", a.signature));
}

/* The same as a page does, over `challenge`. */
static inline json_t *
services_authentication(struct softauthn *key, const char *id, const char *challenge,
                        const struct services_lies *lies)
{
    struct services_assertion a = services_assert(key, id, challenge, lies);
    return json_pack("{s:s, s:s, s:s, s:{}, s:{s:o, s:o, s:o}}", "id", id, "rawId", id, "type",
                     "public-key", "clientExtensionResults", "response", "clientDataJSON",
                     a.client_data, "authenticatorData", a.authenticator_data, "signature",
                     a.signature);
}

/* The caveats of the discharge in the last answer, one a line. */
static inline void
services_discharge(struct services *s, char out[1024])
{
    BUFFER_AUTO raw;
    struct token_discharge discharge;
    size_t n = 0;
    buffer_init(&raw, 8192);
    services_decode(services_text(s, "discharge"), &raw);
    assert_ok(token_discharge_scan(buffer_bytes(&raw), &discharge, fault));
    out[0] = '\0';
    for (size_t i = 0; i < discharge.macaroon.caveat_count; i++)
        n += (size_t)snprintf(out + n, 1024 - n, "%.*s\n",
                              BYTES_ARG(discharge.macaroon.caveat[i].id));
}

#endif
