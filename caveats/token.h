/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens: strict reading and canonical writing of macaroons, minting, attenuation, verification.
 *
 * token_library.c is the only caller of libmacaroons, and hands it nothing that was not scanned
 * here first: libmacaroons 0.3.0 overflows, loops or aborts on hostile input
 * (tests/unit/caveats/test_token_crash.c).
 *
 *     text    = [vendor-prefix] "kh1_" base64url( V2(root) V2(discharge)* )
 *     V2(x)   the macaroon V2 binary format; several follow one another
 *
 * Macaroons: Birgisson et al., NDSS 2014.
 */
#ifndef KEYHOLE_TOKEN_H
#define KEYHOLE_TOKEN_H

#include "bytes.h"
#include "errors.h"

#define TOKEN_MARK "kh1_"

enum {
    TOKEN_TEXT_MAX = 8192, /* characters, vendor prefix included */
    TOKEN_PREFIX_MAX = 64, /* characters before the mark */
    TOKEN_DISCHARGES_MAX = 8,
    TOKEN_DEPTH_MAX = 3,    /* a discharge of a discharge of a discharge */
    TOKEN_CAVEATS_MAX = 64, /* in all macaroons of the token together */
    TOKEN_IDENTIFIER_MAX = 255,
    TOKEN_CAVEAT_MAX = 1024, /* also of a ticket, and so of a discharge's identifier */
    TOKEN_LOCATION_MAX = 255,
    TOKEN_VID_SIZE = 72, /* nonce 24, MAC 16, key 32: anything else aborts libmacaroons */
    TOKEN_SIGNATURE_SIZE = 32,
    TOKEN_KEY_SIZE = 32,
    TOKEN_ID_SIZE = 16,
    LINEAGE_ID_SIZE = 16,
    TOKEN_CREDENTIALS_MAX = 8, /* names in one identifier */
};

struct token_caveat {
    struct bytes id;       /* a caveat's text, or a ticket */
    struct bytes vid;      /* empty for a first-party caveat */
    struct bytes location; /* of a third-party caveat; not authenticated */
};

struct macaroon_view {
    struct bytes location, identifier, signature;
    const struct token_caveat *caveat;
    size_t caveat_count;
    int parent;     /* index of the macaroon whose hole it fills; -1 for the root */
    unsigned depth; /* 0 for the root */
};

/* A scanned token. Slices point into `raw`, which it owns. Nothing in it is authenticated before
 * token_verify returned KH_OK. */
struct token {
    struct bytes prefix; /* the vendor prefix as it was sent; points into `raw` */
    struct buffer raw;
    struct macaroon_view macaroon[1 + TOKEN_DISCHARGES_MAX]; /* [0] is the root */
    size_t macaroon_count;
    struct token_caveat caveat[TOKEN_CAVEATS_MAX];
    size_t caveat_count;
};

/* What the mint wrote into the root identifier. Slices point into the identifier. */
struct token_identity {
    uint32_t key_id;
    uint8_t token_id[TOKEN_ID_SIZE];
    int64_t issued_at, expires_at; /* seconds since 1970; expires_at > issued_at */
    unsigned minted_caveats;       /* how many of the root's caveats the mint wrote */
    struct bytes principal;        /* 1 to 64 bytes */
    struct bytes credential[TOKEN_CREDENTIALS_MAX]; /* 1 to 64 bytes each */
    size_t credential_count;                        /* at least 1 */
};

/*
 * Scan text (step 1 to 3 of the order that keeps libmacaroons safe): base64url, V2 structure,
 * discharge graph. KH_ERR_MALFORMED or KH_ERR_GRAPH; a fault says where. An open hole is no error
 * here: see token_open_holes. On success the caller owns `*out` (token_free).
 */
KH_MUST_CHECK enum kh_err token_scan(struct bytes text, struct token **out, struct fault *fault);
void token_free(struct token **token);

/* Whether text looks like a token, that is, has the mark: such text is never passed upstream. */
bool token_is_shaped(struct bytes text);
/* Whether two such texts are one token, whatever stands before their marks. */
bool token_is_same(struct bytes a, struct bytes b);

/* Third-party caveats without a discharge; up to `cap` are stored in `out`. Returns the number. */
size_t token_open_holes(const struct token *token, const struct token_caveat **out, size_t cap);

KH_MUST_CHECK enum kh_err token_identity_read(const struct token *token, struct token_identity *out,
                                              struct fault *fault);

/* The lineage ids along the root's chain: [0] as it left macaroon_create, [i] after i caveats.
 * Needs no key for the last one alone: token_lineage_last. */
void token_lineage_last(const struct token *token, uint8_t out[LINEAGE_ID_SIZE]);

/* A verified token: every condition of every macaroon, to be parsed and judged. */
struct token_condition {
    struct bytes text; /* points into the token */
    unsigned macaroon; /* 0 root, else index of the discharge */
    unsigned index;    /* of the caveat in its macaroon */
};

struct token_verified {
    struct token_condition condition[TOKEN_CAVEATS_MAX];
    size_t condition_count;
    uint8_t lineage[TOKEN_CAVEATS_MAX + 1][LINEAGE_ID_SIZE];
    size_t lineage_count; /* root's caveats + 1 */
};

/*
 * Steps 4 to 6: verify the chain with libmacaroons, and again with our own HMAC chain; both must
 * agree. Discharges must be bound, either to the lineage by a `parent` caveat or the classic way.
 *
 * The root is authenticated before anything is said about its discharges:
 *
 *   KH_ERR_SIGNATURE   the root does not verify
 *   KH_ERR_GRAPH       a hole is open (token_open_holes), or a discharge does not verify, or is
 *                      neither bound nor has a parent caveat of this lineage
 *   KH_ERR_MEMORY, KH_ERR_CRYPTO
 */
KH_MUST_CHECK enum kh_err token_verify(const struct token *token, const uint8_t key[TOKEN_KEY_SIZE],
                                       struct token_verified *out, struct fault *fault);

/* Authenticate the root alone, by our own chain: who holds it, and which lineages it has. For
 * revoking, which may be done with a hole still open; it is no permission for anything else.
 * `out` has the root's conditions only. KH_ERR_SIGNATURE, KH_ERR_CRYPTO. */
KH_MUST_CHECK enum kh_err token_verify_root(const struct token *token,
                                            const uint8_t key[TOKEN_KEY_SIZE],
                                            struct token_verified *out, struct fault *fault);

/* Whether that lineage id occurs in the root's chain at `from` or later. */
bool token_verified_has_lineage(const struct token_verified *verified, size_t from,
                                const uint8_t lineage[LINEAGE_ID_SIZE]);

/*
 * Mint: a root macaroon with the given caveats (already checked with caveat_parse by the caller).
 * `identity->minted_caveats` is set from `count`. Text is appended to `out`.
 */
KH_MUST_CHECK enum kh_err token_mint(const struct token_identity *identity,
                                     const uint8_t key[TOKEN_KEY_SIZE], struct bytes location,
                                     const struct bytes *caveat, size_t count, struct buffer *out,
                                     struct fault *fault);

/*
 * Attenuate: needs no key. `caveat` must be well-formed (caveat_parse). Discharges and the vendor
 * prefix are kept. Text is appended to `out`.
 */
KH_MUST_CHECK enum kh_err token_attenuate(const struct token *token, const struct bytes *caveat,
                                          size_t count, struct buffer *out, struct fault *fault);

/*
 * Add a hole: the caveat `hole = "…"` that says what it demands, and after it the third-party
 * caveat with that ticket and the discharger's location. Needs no key of the broker. `root_key` is
 * the one inside the ticket. Text is appended to `out`.
 */
KH_MUST_CHECK enum kh_err token_add_hole(const struct token *token, struct bytes condition,
                                         const uint8_t root_key[TOKEN_KEY_SIZE],
                                         struct bytes ticket, struct bytes location,
                                         struct buffer *out, struct fault *fault);

/* The same at the mint: caveats and holes in the order given, all counted as minted. */
struct token_minted_caveat {
    struct bytes text;       /* a first-party caveat; or, of a hole, its condition */
    const uint8_t *root_key; /* NULL: first-party. TOKEN_KEY_SIZE bytes */
    struct bytes ticket, location;
};
KH_MUST_CHECK enum kh_err
token_mint_with_holes(const struct token_identity *identity, const uint8_t key[TOKEN_KEY_SIZE],
                      struct bytes location, const struct token_minted_caveat *caveat, size_t count,
                      struct buffer *out, struct fault *fault);

/* A discharge macaroon: identifier is the ticket, key the caveat's root key. V2 binary is appended
 * to `out`. */
KH_MUST_CHECK enum kh_err token_discharge_make(struct bytes ticket,
                                               const uint8_t root_key[TOKEN_KEY_SIZE],
                                               struct bytes location, const struct bytes *caveat,
                                               size_t count, struct buffer *out,
                                               struct fault *fault);

/* A scanned discharge, before it is put into a token: for looking at its caveats. */
struct token_discharge {
    struct bytes raw; /* V2 binary; borrowed */
    struct macaroon_view macaroon;
    struct token_caveat caveat[TOKEN_CAVEATS_MAX];
};
KH_MUST_CHECK enum kh_err token_discharge_scan(struct bytes raw, struct token_discharge *out,
                                               struct fault *fault);
/* Bind a discharge (V2 binary) the classic way, to the signature of that token as it is; V2 binary
 * is appended. For one without a `parent`. KH_ERR_MALFORMED, KH_ERR_CRYPTO. */
KH_MUST_CHECK enum kh_err token_discharge_bind(const struct token *token, struct bytes raw,
                                               struct buffer *out, struct fault *fault);
/* Put discharges (V2 binary, one macaroon each) behind the token's own. The whole is scanned: the
 * graph must be right. Text is appended to `out`. */
KH_MUST_CHECK enum kh_err token_add_discharges(const struct token *token,
                                               const struct bytes *discharge, size_t count,
                                               struct buffer *out, struct fault *fault);

/* The token without that discharge (1 to macaroon_count - 1) and those that fill its holes. Text is
 * appended to `out`. */
KH_MUST_CHECK enum kh_err token_drop_discharge(const struct token *token, size_t index,
                                               struct buffer *out, struct fault *fault);

/* Canonical text of what was scanned, discharges included; `prefix` may be empty. */
void token_print(const struct token *token, struct bytes prefix, struct buffer *out);

#endif
