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

/* ---- token_write.c: a macaroon that grows at its end ---- */

struct token_writer {
    struct token_hmac hmac;
    struct token_caveat caveat[TOKEN_CAVEATS_MAX];
    size_t count, limit; /* of caveats; those of the token's discharges count too */
    uint8_t signature[TOKEN_SIGNATURE_SIZE];
    struct {
        uint8_t vid[TOKEN_VID_SIZE];
        uint8_t text[TOKEN_CAVEAT_MAX]; /* hole = "..." */
    } hole[TOKEN_DISCHARGES_MAX];
    size_t hole_count;
};

/* With caveats copied from `view` (may be NULL) and its signature. KH_ERR_CRYPTO. The writer is not
 * to be copied: caveats point into it. */
KH_MUST_CHECK enum kh_err token_writer_init(struct token_writer *w,
                                            const struct macaroon_view *view, size_t elsewhere,
                                            struct fault *fault);
void token_writer_fini(struct token_writer *w);
/* A first-party caveat; the text is borrowed. KH_ERR_RANGE, KH_ERR_TOO_LONG, KH_ERR_CRYPTO. */
KH_MUST_CHECK enum kh_err token_writer_add(struct token_writer *w, struct bytes text,
                                           struct fault *fault);
/* What a hole demands, and the third-party caveat after it. */
KH_MUST_CHECK enum kh_err token_writer_add_hole(struct token_writer *w,
                                                const struct token_minted_caveat *hole,
                                                struct fault *fault);
/* As a macaroon; valid as long as the writer is not touched. */
struct macaroon_view token_writer_view(const struct token_writer *w, struct bytes location,
                                       struct bytes identifier);

KH_MUST_CHECK enum kh_err token_check_location(struct bytes location, struct fault *fault);
KH_MUST_CHECK enum kh_err token_check_caveats(const struct bytes *caveat, size_t count,
                                              struct fault *fault);
/* Sign a macaroon without holes, by libmacaroons and by our own chain: both must agree. `signature`
 * becomes the macaroon's. */
KH_MUST_CHECK enum kh_err token_sign(struct macaroon_view *macaroon,
                                     const uint8_t key[TOKEN_KEY_SIZE],
                                     uint8_t signature[TOKEN_SIGNATURE_SIZE], struct fault *fault);
/* Whether its signature is what our own chain says. */
KH_MUST_CHECK enum kh_err token_check_signature(const struct macaroon_view *macaroon,
                                                const uint8_t key[TOKEN_KEY_SIZE],
                                                struct fault *fault);
/* Append the text of a token, or nothing. */
KH_MUST_CHECK enum kh_err token_put_text(const struct macaroon_view *macaroon, size_t count,
                                         struct bytes prefix, struct buffer *out,
                                         struct fault *fault);

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
