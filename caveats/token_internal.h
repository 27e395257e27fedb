/* SPDX-License-Identifier: Apache-2.0
 *
 * What the token_*.c files share. Nobody else includes this.
 */
#ifndef KEYHOLE_TOKEN_INTERNAL_H
#define KEYHOLE_TOKEN_INTERNAL_H

#include <openssl/evp.h>

#include "token.h"

/* ---- token_codec.c ---- */

/* V2 binary; and V1 packets, the only form that libmacaroons 0.3.0 reads. */
void token_write_v2(const struct macaroon_view *macaroon, struct buffer *out);
void token_write_v1(const struct macaroon_view *macaroon, struct buffer *out);
/* The text of the root and its discharges. */
void token_write_text(const struct macaroon_view *macaroon, size_t count, struct bytes prefix,
                      struct buffer *out);

/* ---- token_identity.c ---- */

KH_MUST_CHECK enum kh_err token_identity_write(const struct token_identity *identity,
                                               struct buffer *out, struct fault *fault);

/* ---- token_chain.c: the chain of signatures, with no library but OpenSSL and libsodium ---- */

/* HMAC-SHA256 with an algorithm that is fetched once: implicit fetches are most of its cost. */
struct token_hmac {
    EVP_MD *md;
    EVP_MD_CTX *context;
};

KH_MUST_CHECK bool token_hmac_init(struct token_hmac *h);
void token_hmac_fini(struct token_hmac *h);

/* All return false only when OpenSSL fails. */
KH_MUST_CHECK bool token_chain_root_key(struct token_hmac *h, const uint8_t key[TOKEN_KEY_SIZE],
                                        uint8_t out[TOKEN_KEY_SIZE]);
KH_MUST_CHECK bool token_chain_start(struct token_hmac *h, const uint8_t key[TOKEN_KEY_SIZE],
                                     struct bytes identifier,
                                     uint8_t signature[TOKEN_SIGNATURE_SIZE]);
KH_MUST_CHECK bool token_chain_step(struct token_hmac *h, const struct token_caveat *caveat,
                                    uint8_t signature[TOKEN_SIGNATURE_SIZE]);
/* The signature of a discharge that is bound the classic way to a root's signature. */
KH_MUST_CHECK bool token_chain_bind(struct token_hmac *h, const uint8_t root[TOKEN_SIGNATURE_SIZE],
                                    const uint8_t discharge[TOKEN_SIGNATURE_SIZE],
                                    uint8_t out[TOKEN_SIGNATURE_SIZE]);
KH_MUST_CHECK bool token_chain_lineage(struct token_hmac *h,
                                       const uint8_t signature[TOKEN_SIGNATURE_SIZE],
                                       uint8_t out[LINEAGE_ID_SIZE]);
/* The caveat root key inside a vid, sealed with the signature before the caveat. */
KH_MUST_CHECK bool token_chain_open(struct bytes vid, const uint8_t signature[TOKEN_SIGNATURE_SIZE],
                                    uint8_t out[TOKEN_KEY_SIZE]);

/* ---- token_library.c: the only caller of libmacaroons ---- */

/*
 * macaroon_verify over a token that was scanned, whose graph was checked and whose holes are all
 * filled. `is_bound[i]` says that discharge i is bound the classic way already; the others are
 * bound here. `condition_count` is how many first-party caveats there must be.
 */
KH_MUST_CHECK enum kh_err token_library_verify(const struct token *token,
                                               const uint8_t key[TOKEN_KEY_SIZE],
                                               const bool *is_bound, size_t condition_count,
                                               struct fault *fault);
KH_MUST_CHECK enum kh_err token_library_mint(const struct macaroon_view *macaroon,
                                             const uint8_t key[TOKEN_KEY_SIZE],
                                             uint8_t signature[TOKEN_SIGNATURE_SIZE],
                                             struct fault *fault);

#endif
