/* SPDX-License-Identifier: Apache-2.0
 *
 * What the authority's tests share: a broker's state in a directory of its own, and its admin
 * socket.
 */
#ifndef KEYHOLE_TEST_FIXTURE_H
#define KEYHOLE_TEST_FIXTURE_H

#include "../../../broker/authority/admin.h"
#include "../../../broker/authority/authority.h"
#include "../../../broker/authority/state.h"
#include "../files.h"

#include <jansson.h>
#include <sodium.h>

#define FIXTURE_NOW    INT64_C(1793000000) /* 2026-10-26T06:13:20Z */
#define FIXTURE_SECRET "sk-canary-5f2e9b7a41c8d03e"

static const struct master_key_cost fixture_cost = {.operations = 1, .memory = 8192};

/* ---- a broker's state ---- */

static inline struct master_key_source
fixture_source(void)
{
    static char directory[256];
    snprintf(directory, sizeof directory, "%s/state", fixture_base);
    return (struct master_key_source){.directory = directory};
}

static inline void
fixture_create(void)
{
    struct master_key_source source = fixture_source();
    struct wall_clock clock = clock_manual(FIXTURE_NOW);
    assert_ok(state_create(&source, fixture_cost, &clock, fault));
}

static inline void
fixture_open(struct authority *authority)
{
    struct master_key_source source = fixture_source();
    assert_ok(authority_open(authority, &source, clock_manual(FIXTURE_NOW), fault));
}

/* ---- dischargers ---- */

/* "local", the default, and "security", whose secret keys are fixture_secret_key[0] and [1]. */
static uint8_t fixture_secret_key[2][TICKET_SECRET_KEY_SIZE];

static inline void
fixture_dischargers(struct authority *authority)
{
    struct message_dischargers *list = &authority->dischargers;
    static const char *const name[] = {"local", "security"};
    static const char *const url[] = {"http://localhost:8438", "https://security.example"};
    *list = (struct message_dischargers){.count = 2};
    for (size_t i = 0; i < 2; i++) {
        snprintf(list->discharger[i].name, sizeof list->discharger[i].name, "%s", name[i]);
        snprintf(list->discharger[i].url, sizeof list->discharger[i].url, "%s", url[i]);
        crypto_box_keypair(list->discharger[i].public_key, fixture_secret_key[i]);
    }
}

/* ---- the admin protocol ---- */

/* The answer; json_decref. */
static inline json_t *
fixture_ask(struct authority *authority, const char *request)
{
    BUFFER_AUTO out;
    json_error_t error;
    buffer_init(&out, 1 << 24);
    admin_answer(authority, bytes_str(request), &out);
    json_t *answer = json_loadb((const char *)out.p, out.n, JSON_REJECT_DUPLICATES, &error);
    if (answer == NULL)
        print_error("%s: %.*s\n", error.text, (int)out.n, (const char *)out.p);
    assert_non_null(answer);
    assert_int_equal(out.p[out.n - 1], '\n');
    assert_int_equal(bytes_index(buffer_bytes(&out), '\n'), out.n - 1);
    return answer;
}

/* The result of a request that must go well; json_decref. */
static inline json_t *
fixture_do(struct authority *authority, const char *request)
{
    json_t *answer = fixture_ask(authority, request);
    json_t *result = json_incref(json_object_get(answer, "result"));
    if (!json_is_true(json_object_get(answer, "ok")))
        print_error("%s\n  -> %s\n", request,
                    json_string_value(json_object_get(answer, "message")));
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    return result;
}

static inline void
fixture_refused(struct authority *authority, const char *request, const char *code,
                const char *text)
{
    json_t *answer = fixture_ask(authority, request);
    const char *got = json_string_value(json_object_get(answer, "code"));
    const char *message = json_string_value(json_object_get(answer, "message"));
    assert_true(json_is_false(json_object_get(answer, "ok")));
    if (got == NULL || message == NULL || strcmp(got, code) || !strstr(message, text))
        print_error("%s\n  -> %s: %s\n  not %s with \"%s\"\n", request, got, message, code, text);
    assert_string_equal(got, code);
    assert_non_null(strstr(message, text));
    json_decref(answer);
}

static inline void
fixture_add_openai(struct authority *authority)
{
    json_decref(fixture_do(authority,
                           "{\"command\": \"credential.add\", \"name\": \"openai\", \"preset\": "
                           "\"openai\", \"secret\": \"" FIXTURE_SECRET "\"}"));
}

/* A token; free() it. */
static inline char *
fixture_mint(struct authority *authority, const char *more)
{
    char request[2048];
    snprintf(request, sizeof request,
             "{\"command\": \"mint\", \"credentials\": [\"openai\"], \"lifetime_s\": 3600%s}",
             more);
    json_t *result = fixture_do(authority, request);
    char *token = strdup(json_string_value(json_object_get(result, "token")));
    json_decref(result);
    return token;
}

/* The token with its first open hole filled by the "local" discharger; free() it. `parent` is the
 * token whose lineage the discharge names. */
static inline char *
fixture_fill(const struct authority *authority, const char *token, const char *parent,
             const char *const *caveat, size_t count)
{
    struct token *scanned = NULL, *other = NULL;
    struct ticket ticket;
    const struct token_caveat *hole;
    uint8_t lineage[LINEAGE_ID_SIZE];
    char hex[2 * LINEAGE_ID_SIZE + 1], text[64];
    struct bytes list[8];
    struct buffer discharge, whole;

    assert_ok(token_scan(bytes_str(token), &scanned, fault));
    assert_ok(token_scan(bytes_str(parent), &other, fault));
    token_lineage_last(other, lineage);
    assert_true(bytes_to_hex(bytes_of(lineage, sizeof lineage), hex, sizeof hex));
    assert_true(token_open_holes(scanned, &hole, 1) > 0);
    assert_ok(ticket_open(hole->id, authority->dischargers.discharger[0].public_key,
                          fixture_secret_key[0], &ticket, fault));
    for (size_t i = 0; i < count; i++)
        list[i] = bytes_str(caveat[i]);
    snprintf(text, sizeof text, "parent = %s", hex);
    list[count] = bytes_str(text);
    buffer_init_secret(&discharge, 8192);
    buffer_init_secret(&whole, TOKEN_TEXT_MAX);
    assert_ok(token_discharge_make(hole->id, ticket.root_key, hole->location, list, count + 1,
                                   &discharge, fault));
    struct bytes macaroon = buffer_bytes(&discharge);
    assert_ok(token_add_discharges(scanned, &macaroon, 1, &whole, fault));
    char *copy = strdup(buffer_text(&whole));
    buffer_free(&discharge);
    buffer_free(&whole);
    ticket_free(&ticket);
    token_free(&scanned);
    token_free(&other);
    return copy;
}

#endif
