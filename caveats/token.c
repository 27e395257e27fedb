/* SPDX-License-Identifier: Apache-2.0 */
/* Scanned tokens: what can be asked of one without any key. */

#include "token.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void
token_free(struct token **token)
{
    if (!*token)
        return;
    buffer_free(&(*token)->raw);
    free(*token);
    *token = NULL;
}

bool
token_is_shaped(struct bytes text)
{
    return bytes_find(text, BYTES(TOKEN_MARK)) < text.n;
}

bool
token_is_same(struct bytes a, struct bytes b)
{
    struct bytes mark = BYTES(TOKEN_MARK);

    a = bytes_from(a, bytes_find(a, mark));
    b = bytes_from(b, bytes_find(b, mark));
    return a.n > 0 && bytes_equal_secret(a, b);
}

static bool
is_filled(const struct token *token, struct bytes ticket)
{
    for (size_t i = 1; i < token->macaroon_count; i++) {
        if (bytes_equal(token->macaroon[i].identifier, ticket))
            return true;
    }
    return false;
}

size_t
token_open_holes(const struct token *token, const struct token_caveat **out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < token->caveat_count; i++) {
        const struct token_caveat *caveat = &token->caveat[i];
        if (!caveat->vid.n || is_filled(token, caveat->id))
            continue;
        if (n < cap)
            out[n] = caveat;
        n++;
    }
    return n;
}

void
token_lineage_last(const struct token *token, uint8_t out[LINEAGE_ID_SIZE])
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, token->macaroon[0].signature.p, token->macaroon[0].signature.n);
    memcpy(out, digest, LINEAGE_ID_SIZE);
}
