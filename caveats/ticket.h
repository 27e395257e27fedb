/* SPDX-License-Identifier: Apache-2.0
 *
 * Tickets: the id of a third-party caveat, sealed so that one discharger alone can open it.
 *
 *     ticket    = version 1 | key id, 4 bytes
 *               | crypto_box_seal(public key of the discharger, plain)
 *     plain     = version 1 | caveat root key, 32 bytes | text16 condition
 *               | text8 broker | text8 principal | token id, 16 bytes
 *               | u64 expires at | u8 n, n text8 credentials | text8 label
 *               | u8 n, n text16 caveats | u16 how many caveats are left out
 *
 * text8, text16: length in 1 or 2 bytes, and the text; numbers are big-endian.
 *
 * Sealing needs the public key alone, so that any holder can add a hole offline. What is in it
 * beside the key and the condition is for people to read: the broker wrote it when the hole was
 * minted, a holder when it was added later, and the discharger cannot tell which.
 */
#ifndef KEYHOLE_TICKET_H
#define KEYHOLE_TICKET_H

#include "bytes.h"
#include "errors.h"
#include "token.h"

enum {
    TICKET_VERSION = 1,
    TICKET_KEY_ID_SIZE = 4,
    TICKET_PUBLIC_KEY_SIZE = 32, /* X25519 */
    TICKET_SECRET_KEY_SIZE = 32,
    TICKET_HASH_SIZE = 32,
    TICKET_CAVEATS_MAX = 16, /* shown; the others are counted */
    TICKET_PLAIN_MAX = TOKEN_CAVEAT_MAX - 1 - TICKET_KEY_ID_SIZE - 48,
    DISCHARGER_URL_MAX = 200,
    DISCHARGER_NAME_MAX = 64,
    DISCHARGER_TEXT_MAX = 256,
};

/* A discharger as others know it: where it is, and what tickets for it are sealed to. Written
 * "https://discharge.example#kd1_" and the key in base64url: one word to copy and to pin. */
struct discharger {
    char name[DISCHARGER_NAME_MAX + 1]; /* "local"; may be empty */
    char url[DISCHARGER_URL_MAX + 1];   /* scheme, host, port if not the default one; no path */
    uint8_t public_key[TICKET_PUBLIC_KEY_SIZE];
};

/* "URL#kd1_…". https, or http to localhost or a loopback address. KH_ERR_SYNTAX, KH_ERR_USAGE. */
KH_MUST_CHECK enum kh_err discharger_parse(struct bytes text, struct discharger *out,
                                           struct fault *fault);
void discharger_print(const struct discharger *discharger, struct buffer *out);
/* The URL alone: canonical origin form (lower-case host, no default port, no trailing slash), with
 * the same rule for http. */
KH_MUST_CHECK enum kh_err discharger_url_parse(struct bytes text, char out[DISCHARGER_URL_MAX + 1],
                                               struct fault *fault);
/* The first bytes of SHA-256 of the public key. */
KH_MUST_CHECK bool discharger_key_id(const uint8_t public_key[TICKET_PUBLIC_KEY_SIZE],
                                     uint8_t out[TICKET_KEY_ID_SIZE]);

/* What a ticket says. Slices point to where they came from, or, when opened, into `storage`. */
struct ticket {
    uint8_t root_key[TOKEN_KEY_SIZE]; /* of the discharge; ticket_free wipes it */
    struct bytes condition;           /* canonical text of a hole */
    struct bytes broker;              /* its name for people, 1 to 64 bytes */
    struct bytes principal;
    uint8_t token_id[TOKEN_ID_SIZE];
    int64_t expires_at; /* of the token */
    struct bytes credential[TOKEN_CREDENTIALS_MAX];
    size_t credential_count;
    struct bytes label; /* the last one, or empty */
    struct bytes caveat[TICKET_CAVEATS_MAX];
    size_t caveat_count;
    unsigned caveats_left_out;
    struct buffer storage; /* owned, secret; unset in a ticket that is to be sealed */
};

/* Append the sealed ticket. Caveats that do not fit are left out and counted. KH_ERR_TOO_LONG,
 * KH_ERR_SYNTAX (text that is not UTF-8, or has control characters), KH_ERR_CRYPTO. */
KH_MUST_CHECK enum kh_err ticket_seal(const struct ticket *ticket,
                                      const uint8_t public_key[TICKET_PUBLIC_KEY_SIZE],
                                      struct buffer *out, struct fault *fault);
/* KH_ERR_MALFORMED, KH_ERR_UNKNOWN (another key), KH_ERR_CRYPTO (does not open). The condition was
 * parsed and is canonical. On success the caller owns `*out` (ticket_free). */
KH_MUST_CHECK enum kh_err ticket_open(struct bytes sealed,
                                      const uint8_t public_key[TICKET_PUBLIC_KEY_SIZE],
                                      const uint8_t secret_key[TICKET_SECRET_KEY_SIZE],
                                      struct ticket *out, struct fault *fault);
void ticket_free(struct ticket *ticket);
/* What a token says of itself, for the ticket of a hole that is added to it: all but the root key
 * and the condition, which are left as they are. Nothing of it is verified. The broker's name is
 * the root's location, or "keyhole"; caveats are those of the root that limit requests, as written.
 * Slices point into the token and into `storage`. KH_ERR_MALFORMED: not a Keyhole token. */
KH_MUST_CHECK enum kh_err ticket_describe(const struct token *token, struct ticket *ticket,
                                          struct buffer *storage, struct fault *fault);
/* SHA-256 of the sealed form: its name in databases. */
KH_MUST_CHECK bool ticket_hash(struct bytes sealed, uint8_t out[TICKET_HASH_SIZE]);

#endif
