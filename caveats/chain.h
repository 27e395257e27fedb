/* SPDX-License-Identifier: Apache-2.0
 *
 * What a token's own bytes and its root key say, and nothing else: who it was minted for, its
 * lineages, its caveats, parsed. No request, clock, revocation or rule has a part in it, so that it
 * can be kept: verifying costs more than all the rest of a decision. Decisions are never kept.
 */
#ifndef KEYHOLE_CHAIN_H
#define KEYHOLE_CHAIN_H

#include "caveat.h"
#include "token.h"

enum { CHAIN_HOLES_MAX = TOKEN_DISCHARGES_MAX };

/* Shared by counted references; nobody changes it once it is in a cache. */
struct chain {
    struct token *token; /* NULL when the text was none */
    /* Zeroed unless the root was authenticated. With a hole open, or a discharge that is not
     * right, `verified` has the root's conditions alone. */
    struct token_identity identity;
    struct token_verified verified;
    bool has_counter; /* some caveat counts */
    /* What the minted holes demand, canonical: only these count for the policy. */
    struct bytes hole[CHAIN_HOLES_MAX]; /* in `hole_text` */
    size_t hole_count;
    struct buffer hole_text;
    bool whole; /* all of it verified, and every caveat is understood and stands where it may */
    unsigned references;
    size_t caveat_count; /* as many as conditions that were verified */
    /* By condition; NULL where it is not understood. Last, and set as far as that says: what no
     * token has is memory that nobody touches. */
    struct caveat *caveat[TOKEN_CAVEATS_MAX];
};

struct chain *chain_new(void); /* one reference; NULL: no memory */
/* `verified` was set: room for as many caveats, none of which is understood yet. */
void chain_expect_caveats(struct chain *chain);
struct chain *chain_hold(struct chain *chain);
void chain_release(struct chain **chain);

/*
 * Whole chains by the token's text, every byte of it: that is all that a scan looks at. Found
 * before anything is decoded or hashed. The one that was not asked for longest makes room. Empty it
 * whenever a root key goes or comes.
 */
struct chain_cache;

KH_MUST_CHECK enum kh_err chain_cache_new(size_t capacity, struct chain_cache **out);
void chain_cache_free(struct chain_cache **cache);
void chain_cache_clear(struct chain_cache *cache);
size_t chain_cache_count(const struct chain_cache *cache);

/* A reference for the caller; NULL: not there. */
struct chain *chain_cache_find(struct chain_cache *cache, struct bytes text);
/* One that is whole; others are left out. Without memory nothing is kept. */
void chain_cache_put(struct chain_cache *cache, struct bytes text, struct chain *chain);

#endif
