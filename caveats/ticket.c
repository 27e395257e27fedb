/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets: writing and strict reading of what is sealed, side by side. */

#include "ticket.h"

#include <sodium.h>
#include <string.h>

#include "hole.h"
#include "packed.h"
#include "quoted.h"
#include "timestamp.h"

enum {
    PLAIN_VERSION = 1,
    NAME_MAX_BYTES = 64, /* broker, principal, credential */
    TEXT8_MAX = 255,
    HEAD_SIZE = 1 + TICKET_KEY_ID_SIZE,
};

_Static_assert(TICKET_PLAIN_MAX == TOKEN_CAVEAT_MAX - HEAD_SIZE - crypto_box_SEALBYTES,
               "a sealed ticket fits into a caveat's id");
_Static_assert(TICKET_PUBLIC_KEY_SIZE == crypto_box_PUBLICKEYBYTES &&
                   TICKET_SECRET_KEY_SIZE == crypto_box_SECRETKEYBYTES &&
                   TICKET_HASH_SIZE == crypto_hash_sha256_BYTES,
               "libsodium's sizes");

/* ---- what may stand in one: the same for both ways ---- */

static bool
is_text(struct bytes text, size_t min, size_t max)
{
    return text.n >= min && text.n <= max && quoted_text_is_clean(text);
}

static bool
is_condition(struct bytes text)
{
    struct hole hole;
    BUFFER_AUTO canonical;
    buffer_init(&canonical, HOLE_TEXT_MAX);
    return hole_parse(text, &canonical, &hole, NULL) == KH_OK &&
           bytes_equal(text, buffer_bytes(&canonical));
}

/* What is wrong with it, or NULL. */
static const char *
objection(const struct ticket *ticket)
{
    if (!is_condition(ticket->condition))
        return "its condition is not the canonical text of a hole";
    if (!is_text(ticket->broker, 1, NAME_MAX_BYTES))
        return "its broker is no name of 1 to 64 bytes";
    if (!is_text(ticket->principal, 1, NAME_MAX_BYTES))
        return "its principal is no name of 1 to 64 bytes";
    if (ticket->expires_at < 0 || ticket->expires_at > TIMESTAMP_MAX)
        return "its expiry is out of range";
    if (ticket->credential_count == 0 || ticket->credential_count > TOKEN_CREDENTIALS_MAX)
        return "it names no credential, or too many";
    for (size_t i = 0; i < ticket->credential_count; i++) {
        if (!is_text(ticket->credential[i], 1, NAME_MAX_BYTES))
            return "one of its credentials is no name of 1 to 64 bytes";
    }
    if (!is_text(ticket->label, 0, TEXT8_MAX))
        return "its label is longer than 255 bytes, not UTF-8, or has control characters";
    if (ticket->caveat_count > TICKET_CAVEATS_MAX)
        return "it has too many caveats";
    for (size_t i = 0; i < ticket->caveat_count; i++) {
        if (!is_text(ticket->caveat[i], 1, TOKEN_CAVEAT_MAX))
            return "one of its caveats is not of 1 to 1024 bytes of UTF-8 without control "
                   "characters";
    }
    return NULL;
}

/* ---- writing ---- */

/* A caveat that does not fit is left out; a shorter one after it may fit. */
static void
put_caveats(const struct ticket *ticket, struct buffer *out)
{
    const struct bytes *shown[TICKET_CAVEATS_MAX];
    size_t count = 0, room = out->max - out->n;
    room -= room < 3 ? room : 3;
    for (size_t i = 0; i < ticket->caveat_count; i++) {
        if (2 + ticket->caveat[i].n > room)
            continue;
        room -= 2 + ticket->caveat[i].n;
        shown[count++] = &ticket->caveat[i];
    }
    uint64_t left_out = ticket->caveats_left_out + (uint64_t)(ticket->caveat_count - count);
    buffer_put_number(out, count, 1);
    for (size_t i = 0; i < count; i++)
        packed_put_text(out, *shown[i], 2);
    buffer_put_number(out, left_out > UINT16_MAX ? UINT16_MAX : left_out, 2);
}

static void
put_plain(const struct ticket *ticket, struct buffer *out)
{
    buffer_put_number(out, PLAIN_VERSION, 1);
    buffer_put(out, bytes_of(ticket->root_key, TOKEN_KEY_SIZE));
    packed_put_text(out, ticket->condition, 2);
    packed_put_text(out, ticket->broker, 1);
    packed_put_text(out, ticket->principal, 1);
    buffer_put(out, bytes_of(ticket->token_id, TOKEN_ID_SIZE));
    buffer_put_number(out, (uint64_t)ticket->expires_at, 8);
    buffer_put_number(out, ticket->credential_count, 1);
    for (size_t i = 0; i < ticket->credential_count; i++)
        packed_put_text(out, ticket->credential[i], 1);
    packed_put_text(out, ticket->label, 1);
    if (!out->failed)
        put_caveats(ticket, out);
}

enum kh_err
ticket_seal(const struct ticket *ticket, const uint8_t public_key[TICKET_PUBLIC_KEY_SIZE],
            struct buffer *out, struct fault *fault)
{
    uint8_t key_id[TICKET_KEY_ID_SIZE], sealed[TICKET_PLAIN_MAX + crypto_box_SEALBYTES];
    const char *wrong = objection(ticket);
    if (wrong)
        return fault_set(fault, KH_ERR_SYNTAX, "the ticket: %s", wrong);
    BUFFER_AUTO plain;
    buffer_init_secret(&plain, TICKET_PLAIN_MAX);
    put_plain(ticket, &plain);
    if (plain.failed)
        return fault_set(fault, KH_ERR_TOO_LONG,
                         "what the hole demands, the label and the names of this token are too "
                         "long together for a ticket");
    if (!discharger_key_id(public_key, key_id) ||
        crypto_box_seal(sealed, plain.p, plain.n, public_key) != 0)
        return fault_set(fault, KH_ERR_CRYPTO, "nothing can be sealed to that public key");
    BUFFER_AUTO text;
    buffer_init(&text, TOKEN_CAVEAT_MAX);
    buffer_put_number(&text, TICKET_VERSION, 1);
    buffer_put(&text, bytes_of(key_id, sizeof key_id));
    buffer_put(&text, bytes_of(sealed, plain.n + crypto_box_SEALBYTES));
    if (!text.failed)
        buffer_put(out, buffer_bytes(&text));
    return text.failed || out->failed ? fault_set(fault, KH_ERR_TOO_LONG, "no room for the ticket")
                                      : KH_OK;
}

/* ---- reading ---- */

static void
take_exactly(struct packed *r, uint8_t *out, size_t n)
{
    struct bytes part = packed_take(r, n);
    if (part.n)
        memcpy(out, part.p, part.n);
}

static size_t
take_texts(struct packed *r, unsigned size, struct bytes *out, size_t cap)
{
    uint64_t count = packed_number(r, 1);
    if (count > cap)
        r->failed = true;
    for (size_t i = 0; !r->failed && i < count; i++)
        out[i] = packed_text(r, size);
    return r->failed ? 0 : (size_t)count;
}

static enum kh_err
read_plain(struct bytes plain, struct ticket *out, struct fault *fault)
{
    struct packed r = {.rest = plain};
    if (packed_number(&r, 1) != PLAIN_VERSION)
        return fault_set(fault, KH_ERR_MALFORMED, "a ticket of another version");
    take_exactly(&r, out->root_key, TOKEN_KEY_SIZE);
    out->condition = packed_text(&r, 2);
    out->broker = packed_text(&r, 1);
    out->principal = packed_text(&r, 1);
    take_exactly(&r, out->token_id, TOKEN_ID_SIZE);
    uint64_t expires_at = packed_number(&r, 8);
    out->expires_at = expires_at > TIMESTAMP_MAX ? -1 : (int64_t)expires_at;
    out->credential_count = take_texts(&r, 1, out->credential, TOKEN_CREDENTIALS_MAX);
    out->label = packed_text(&r, 1);
    out->caveat_count = take_texts(&r, 2, out->caveat, TICKET_CAVEATS_MAX);
    out->caveats_left_out = (unsigned)packed_number(&r, 2);
    if (r.failed || r.rest.n)
        return fault_set(fault, KH_ERR_MALFORMED, "a ticket that ends too early or too late");
    const char *wrong = objection(out);
    return wrong ? fault_set(fault, KH_ERR_MALFORMED, "the ticket: %s", wrong) : KH_OK;
}

enum kh_err
ticket_open(struct bytes sealed, const uint8_t public_key[TICKET_PUBLIC_KEY_SIZE],
            const uint8_t secret_key[TICKET_SECRET_KEY_SIZE], struct ticket *out,
            struct fault *fault)
{
    uint8_t key_id[TICKET_KEY_ID_SIZE];
    struct bytes box = bytes_from(sealed, HEAD_SIZE);
    if (sealed.n > TOKEN_CAVEAT_MAX || box.n <= crypto_box_SEALBYTES)
        return fault_set(fault, KH_ERR_MALFORMED, "a ticket of a size that is not possible");
    if (sealed.p[0] != TICKET_VERSION)
        return fault_set(fault, KH_ERR_MALFORMED, "a ticket of another version or program");
    if (!discharger_key_id(public_key, key_id))
        return fault_set(fault, KH_ERR_CRYPTO, "a digest failed");
    if (memcmp(sealed.p + 1, key_id, sizeof key_id) != 0)
        return fault_set(fault, KH_ERR_UNKNOWN, "the ticket is sealed to another key");

    struct ticket ticket = {.expires_at = 0};
    buffer_init_secret(&ticket.storage, TICKET_PLAIN_MAX);
    size_t n = box.n - crypto_box_SEALBYTES;
    uint8_t *plain = buffer_reserve(&ticket.storage, n);
    if (!plain)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    enum kh_err err = KH_OK;
    if (crypto_box_seal_open(plain, box.p, box.n, public_key, secret_key) != 0)
        err = fault_set(fault, KH_ERR_CRYPTO, "the ticket does not open: it was changed");
    buffer_advance(&ticket.storage, n);
    if (!err)
        err = read_plain(buffer_bytes(&ticket.storage), &ticket, fault);
    if (err)
        ticket_free(&ticket);
    else
        *out = ticket;
    wipe(ticket.root_key, sizeof ticket.root_key);
    return err;
}

void
ticket_free(struct ticket *ticket)
{
    buffer_free(&ticket->storage);
    wipe(ticket, sizeof *ticket);
}

bool
ticket_hash(struct bytes sealed, uint8_t out[TICKET_HASH_SIZE])
{
    return crypto_hash_sha256(out, sealed.p, sealed.n) == 0;
}
