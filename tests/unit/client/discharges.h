/* SPDX-License-Identifier: Apache-2.0
 *
 * A discharger for tests, as far as a client sees one: tokens with holes for it, discharges, and
 * the JSON of its questions. It knows no signatures; the discharger's own tests do.
 */
#ifndef KEYHOLE_CLIENT_DISCHARGES_H
#define KEYHOLE_CLIENT_DISCHARGES_H

#include "../../../caveats/challenge.h"
#include "../../../caveats/moment.h"
#include "../../../caveats/ticket.h"
#include "../../../client/discharge.h"
#include "http_server.h"

#include <sodium.h>

#define TEST_CONDITION "user = alice and factor = fido2 for 8h"
#define TEST_NONCE     "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE" /* 32 times 1 */

static const uint8_t test_root_key[TOKEN_KEY_SIZE] = "the root key of one discharge!!";

struct test_hole {
    uint8_t public_key[TICKET_PUBLIC_KEY_SIZE], secret_key[TICKET_SECRET_KEY_SIZE];
    struct buffer ticket;
    char *token; /* owned; alice's, with the hole */
    char parent[2 * LINEAGE_ID_SIZE + 1];
    uint8_t lineage[LINEAGE_ID_SIZE];
};

static inline void
test_hole_read(struct test_hole *hole)
{
    struct token *token = test_scan(hole->token);
    token_lineage_last(token, hole->lineage);
    token_free(&token);
    assert_true(
        bytes_to_hex(bytes_of(hole->lineage, LINEAGE_ID_SIZE), hole->parent, sizeof hole->parent));
}

/* The token of `text`, and one more hole to be filled at `url`; what `hole` had is replaced. */
static inline void
test_hole_add(struct test_hole *hole, const char *text, const char *condition, const char *url)
{
    struct fault fault = {.err = KH_OK};
    struct token *token = test_scan(text);
    struct ticket ticket = {.condition = bytes_str(condition),
                            .broker = BYTES("localhost"),
                            .principal = BYTES("alice"),
                            .expires_at = time(NULL) + 12 * 3600,
                            .credential = {BYTES("openai")},
                            .credential_count = 1};
    BUFFER_AUTO out;
    buffer_init(&out, TOKEN_TEXT_MAX);
    memcpy(ticket.root_key, test_root_key, TOKEN_KEY_SIZE);
    buffer_free(&hole->ticket);
    buffer_init(&hole->ticket, TOKEN_CAVEAT_MAX);
    crypto_box_keypair(hole->public_key, hole->secret_key);
    assert_ok(ticket_seal(&ticket, hole->public_key, &hole->ticket, &fault));
    assert_ok(token_add_hole(token, bytes_str(condition), test_root_key,
                             buffer_bytes(&hole->ticket), bytes_str(url), &out, &fault));
    token_free(&token);
    free(hole->token);
    hole->token = strdup(buffer_text(&out));
    test_hole_read(hole);
}

static inline struct test_hole
test_hole_make(const char *condition, const char *url)
{
    struct test_hole hole = {.token = NULL};
    char *plain = test_mint_fresh("method = GET", NULL);
    test_hole_add(&hole, plain, condition, url);
    free(plain);
    return hole;
}

static inline void
test_hole_free(struct test_hole *hole)
{
    buffer_free(&hole->ticket);
    free(hole->token);
    *hole = (struct test_hole){.token = NULL};
}

/* "https://…#kd1_…" */
static inline char *
test_hole_address(const struct test_hole *hole, const char *url)
{
    struct discharger discharger = {.name = ""};
    BUFFER_AUTO out;
    buffer_init(&out, DISCHARGER_TEXT_MAX);
    snprintf(discharger.url, sizeof discharger.url, "%s", url);
    memcpy(discharger.public_key, hole->public_key, TICKET_PUBLIC_KEY_SIZE);
    discharger_print(&discharger, &out);
    return strdup(buffer_text(&out));
}

/* The discharge's V2 binary, good for `seconds`; `parent` may be NULL for none. */
static inline struct buffer
test_discharge(struct bytes ticket, const char *parent, int64_t seconds)
{
    struct fault fault = {.err = KH_OK};
    struct buffer out;
    struct bytes caveat[2];
    size_t count = 0;
    BUFFER_AUTO end;
    BUFFER_AUTO bound;
    buffer_init(&out, TOKEN_TEXT_MAX);
    buffer_init(&end, 128);
    buffer_init(&bound, 128);
    buffer_put_str(&end, "time < ");
    moment_put(&end, time(NULL) + seconds);
    buffer_printf(&bound, "parent = %s", parent != NULL ? parent : "");
    caveat[count++] = buffer_bytes(&end);
    if (parent != NULL)
        caveat[count++] = buffer_bytes(&bound);
    assert_ok(
        token_discharge_make(ticket, test_root_key, BYTES_EMPTY, caveat, count, &out, &fault));
    return out;
}

/* An answer with that discharge; free() it. */
static inline char *
test_answer_discharge(const char *status, const struct test_hole *hole, const char *parent,
                      int64_t seconds)
{
    struct buffer raw = test_discharge(buffer_bytes(&hole->ticket), parent, seconds);
    BUFFER_AUTO out;
    buffer_init(&out, 65536);
    buffer_printf(&out,
                  "HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
                  "{\"discharge\":\"",
                  status);
    base64_encode(BASE64_URL, buffer_bytes(&raw), &out);
    buffer_put_str(&out, "\"}");
    buffer_free(&raw);
    return strdup(buffer_text(&out));
}

/* The text of a question at "{self}", as JSON has it: newlines as \n. */
static inline void
test_put_text(struct buffer *out, const char *discharger, const char *condition, const char *parent)
{
    buffer_printf(out,
                  "discharger=%s\\nbroker=localhost\\ncondition=%s\\nuser=alice\\n"
                  "credential=openai\\ntoken-id=00000000000000000000000000000000\\n"
                  "caveat=method = GET\\nparent=%s\\nasked-by=127.0.0.1\\ncode=AB12-CD34\\n"
                  "expires=2099-01-01T00:00:00Z\\n",
                  discharger, condition, parent);
}

/* A question: `kind` is "fido2" or "ssh", `more` its own members, each with a comma before it. */
static inline char *
test_question(const char *kind, const char *condition, const char *parent, const char *more)
{
    BUFFER_AUTO out;
    buffer_init(&out, 65536);
    buffer_printf(&out,
                  "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
                  "Connection: close\r\n\r\n{\"%s\":{\"text\":\"",
                  kind);
    test_put_text(&out, "{self}", condition, parent);
    buffer_printf(&out,
                  "\",\"nonce\":\"" TEST_NONCE "\",\"answer_url\":\"{self}/answer/0123\","
                  "\"code\":\"AB12-CD34\",\"expires_at\":\"2099-01-01T00:00:00Z\"%s}}",
                  more);
    return strdup(buffer_text(&out));
}

/* How holes are filled in tests: nobody at a terminal, no key, files nowhere. */
struct test_settings {
    struct discharge_settings settings;
    struct dischargers trusted;
    struct cli cli;
    char *said; /* what went to standard error; owned */
    size_t said_n;
};

static inline size_t
test_no_keys(const struct fido_backend *backend, struct fido_place out[FIDO_KEYS_MAX])
{
    (void)backend, (void)out;
    return 0;
}

static inline void
test_settings_init(struct test_settings *test)
{
    static const struct fido_backend none = {.list = test_no_keys};
    *test = (struct test_settings){.cli = {.now = time(NULL), .command = "test"}};
    test->cli.err = open_memstream(&test->said, &test->said_n);
    test->settings.fido = (struct fido_context){
        .cli = &test->cli, .backend = &none, .pin_fd = -1, .deadline_ms = INT64_MAX / 2};
    test->settings.means = &discharge_terminal;
    test->settings.now = test->cli.now;
    test->settings.trusted = &test->trusted;
    test->settings.no_open = true;
    test->settings.no_reuse = true;
}

static inline const char *
test_settings_said(struct test_settings *test)
{
    fflush(test->cli.err);
    return test->said;
}

static inline void
test_settings_free(struct test_settings *test)
{
    fclose(test->cli.err);
    free(test->said);
}

static inline void
test_trust(struct test_settings *test, const struct test_hole *hole, const char *url)
{
    struct fault fault = {.err = KH_OK};
    char *address = test_hole_address(hole, url);
    assert_ok(dischargers_add(&test->trusted, bytes_str(address), DISCHARGERS_OPTION, &fault));
    free(address);
}

#endif
