/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: caveats/ticket.c caveats/ticket_describe.c caveats/discharger.c
 *
 * What opens was sealed: a ticket that opens is sealed again from what it says, and opens as the
 * same. A discharger's address that is read is printed as the same. Whatever a token says of itself
 * can be sealed, or is refused.
 *
 * Input: a byte: 's' the plain text of a ticket follows, which is sealed here; 'd' a discharger's
 * address; 't' a token to be described; else a sealed ticket.
 */

#include <sodium.h>

#include "../../../caveats/ticket.h"
#include "../../../caveats/token.h"
#include "../fuzz.h"

static uint8_t public_key[TICKET_PUBLIC_KEY_SIZE], secret_key[TICKET_SECRET_KEY_SIZE];

static void
same_ticket(const struct ticket *a, const struct ticket *b)
{
    FUZZ_CHECK(memcmp(a->root_key, b->root_key, sizeof a->root_key) == 0);
    FUZZ_SAME(a->condition, b->condition);
    FUZZ_SAME(a->broker, b->broker);
    FUZZ_SAME(a->principal, b->principal);
    FUZZ_SAME(a->label, b->label);
    FUZZ_CHECK(memcmp(a->token_id, b->token_id, sizeof a->token_id) == 0);
    FUZZ_CHECK(a->expires_at == b->expires_at);
    FUZZ_CHECK(a->credential_count == b->credential_count);
    FUZZ_CHECK(a->caveat_count == b->caveat_count && a->caveats_left_out == b->caveats_left_out);
    for (size_t i = 0; i < a->caveat_count; i++)
        FUZZ_SAME(a->caveat[i], b->caveat[i]);
}

static void
try_sealed(struct bytes sealed)
{
    struct ticket ticket, again;
    struct fault fault = {0};
    BUFFER_AUTO text = {0};

    if (ticket_open(sealed, public_key, secret_key, &ticket, &fault) != KH_OK)
        return;
    FUZZ_CHECK(ticket.condition.n > 0 && ticket.broker.n > 0);
    buffer_init(&text, TOKEN_CAVEAT_MAX);
    FUZZ_CHECK(ticket_seal(&ticket, public_key, &text, &fault) == KH_OK);
    FUZZ_CHECK(ticket_open(buffer_bytes(&text), public_key, secret_key, &again, &fault) == KH_OK);
    same_ticket(&ticket, &again);
    ticket_free(&ticket);
    ticket_free(&again);
}

static void
try_plain(struct bytes plain)
{
    BUFFER_AUTO sealed = {0};
    buffer_init(&sealed, 1 << 16);
    buffer_put_byte(&sealed, TICKET_VERSION);
    uint8_t id[TICKET_KEY_ID_SIZE];
    FUZZ_CHECK(discharger_key_id(public_key, id));
    buffer_put(&sealed, bytes_of(id, sizeof id));
    uint8_t *box = buffer_reserve(&sealed, plain.n + crypto_box_SEALBYTES);
    if (box == NULL)
        return;
    FUZZ_CHECK(crypto_box_seal(box, plain.p, plain.n, public_key) == 0);
    buffer_advance(&sealed, plain.n + crypto_box_SEALBYTES);
    try_sealed(buffer_bytes(&sealed));
}

static void
try_discharger(struct bytes text)
{
    struct discharger one, two;
    struct fault fault = {0};
    char url[DISCHARGER_URL_MAX + 1];
    BUFFER_AUTO printed = {0};

    if (discharger_url_parse(text, url, &fault) == KH_OK) {
        char again[DISCHARGER_URL_MAX + 1];
        FUZZ_CHECK(discharger_url_parse(bytes_str(url), again, &fault) == KH_OK);
        FUZZ_SAME(bytes_str(url), bytes_str(again));
    }
    memset(&one, 0, sizeof one);
    memset(&two, 0, sizeof two);
    if (discharger_parse(text, &one, &fault) != KH_OK)
        return;
    buffer_init(&printed, 1024);
    discharger_print(&one, &printed);
    FUZZ_CHECK(discharger_parse(buffer_bytes(&printed), &two, &fault) == KH_OK);
    FUZZ_SAME(bytes_str(one.url), bytes_str(two.url));
    FUZZ_CHECK(memcmp(one.public_key, two.public_key, sizeof one.public_key) == 0);
}

static void
try_token(struct bytes text)
{
    struct token *token = NULL;
    struct ticket ticket = {.condition = BYTES("user = alice for 1h")}, opened;
    struct fault fault = {0};
    BUFFER_AUTO storage = {0};
    BUFFER_AUTO sealed = {0};

    if (token_scan(text, &token, NULL) != KH_OK)
        return;
    buffer_init(&storage, 1 << 16);
    buffer_init(&sealed, 1 << 16);
    if (ticket_describe(token, &ticket, &storage, &fault) == KH_OK &&
        ticket_seal(&ticket, public_key, &sealed, &fault) == KH_OK) {
        FUZZ_CHECK(sealed.n <= TOKEN_CAVEAT_MAX);
        FUZZ_CHECK(ticket_open(buffer_bytes(&sealed), public_key, secret_key, &opened, &fault) ==
                   KH_OK);
        ticket_free(&opened);
    }
    token_free(&token);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[crypto_box_SEEDBYTES] = "the same key pair in every run..";
    struct bytes rest = bytes_of(data, size);
    FUZZ_CHECK(crypto_box_seed_keypair(public_key, secret_key, seed) == 0);
    switch (fuzz_u8(&rest)) {
    case 's':
        try_plain(rest);
        break;
    case 'd':
        try_discharger(rest);
        break;
    case 't':
        try_token(rest);
        break;
    default:
        try_sealed(bytes_of(data, size));
    }
    return 0;
}
