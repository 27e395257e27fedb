/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verification: our own chain of signatures first, then libmacaroons, and both must agree.
 *
 * The root is authenticated before anything is said about its discharges: a forged token learns
 * nothing about holes.
 */

#include <string.h>

#include "token_internal.h"

enum { MACAROONS_MAX = 1 + TOKEN_DISCHARGES_MAX };

struct verifier {
    const struct token *token;
    struct token_hmac hmac;
    struct token_verified *out;
    struct fault *fault;
    uint8_t key[MACAROONS_MAX][TOKEN_KEY_SIZE]; /* derived; of a discharge: from the vid */
    bool has_key[MACAROONS_MAX];
    size_t queue[MACAROONS_MAX], queued; /* holders stand before what fills their holes */
    size_t hole[MACAROONS_MAX];          /* the root's caveat that a discharge leads back to */
    bool is_bound[MACAROONS_MAX];
};

static enum kh_err
crypto_fault(struct verifier *v)
{
    return fault_set(v->fault, KH_ERR_CRYPTO, "a digest failed");
}

static enum kh_err
discharge_fault(struct verifier *v, size_t i, const char *what)
{
    return fault_set(v->fault, KH_ERR_GRAPH, "discharge %zu %s", i, what);
}

static size_t
discharge_of(const struct token *token, struct bytes ticket)
{
    size_t i = 1;
    while (i < token->macaroon_count && !bytes_equal(token->macaroon[i].identifier, ticket))
        i++;
    return i;
}

/* Take the discharge's key out of the vid. A vid that does not open is told later, when the
 * holder's own chain was found to be right. */
static void
open_hole(struct verifier *v, size_t holder, size_t index,
          const uint8_t signature[TOKEN_SIGNATURE_SIZE])
{
    const struct token_caveat *caveat = &v->token->macaroon[holder].caveat[index];
    size_t i = discharge_of(v->token, caveat->id);
    if (i == v->token->macaroon_count)
        return; /* open */
    v->has_key[i] = token_chain_open(caveat->vid, signature, v->key[i]);
    v->hole[i] = holder == 0 ? index : v->hole[holder];
    v->queue[v->queued++] = i;
}

static void
add_condition(struct verifier *v, size_t macaroon, size_t index)
{
    v->out->condition[v->out->condition_count++] = (struct token_condition){
        .text = v->token->macaroon[macaroon].caveat[index].id,
        .macaroon = (unsigned)macaroon,
        .index = (unsigned)index,
    };
}

static bool
add_lineage(struct verifier *v, size_t macaroon, const uint8_t signature[TOKEN_SIGNATURE_SIZE])
{
    return macaroon != 0 ||
           token_chain_lineage(&v->hmac, signature, v->out->lineage[v->out->lineage_count++]);
}

/* Walk one macaroon from its key to its last signature. */
static bool
walk(struct verifier *v, size_t i, uint8_t signature[TOKEN_SIGNATURE_SIZE])
{
    const struct macaroon_view *m = &v->token->macaroon[i];
    bool fine = token_chain_start(&v->hmac, v->key[i], m->identifier, signature) &&
                add_lineage(v, i, signature);
    for (size_t k = 0; fine && k < m->caveat_count; k++) {
        if (m->caveat[k].vid.n)
            open_hole(v, i, k, signature);
        else
            add_condition(v, i, k);
        fine = token_chain_step(&v->hmac, &m->caveat[k], signature) && add_lineage(v, i, signature);
    }
    return fine;
}

static bool
is_signature(struct verifier *v, size_t i, const uint8_t signature[TOKEN_SIGNATURE_SIZE])
{
    return bytes_equal_secret(v->token->macaroon[i].signature,
                              bytes_of(signature, TOKEN_SIGNATURE_SIZE));
}

static enum kh_err
verify_root(struct verifier *v, const uint8_t key[TOKEN_KEY_SIZE])
{
    uint8_t signature[TOKEN_SIGNATURE_SIZE];
    v->has_key[0] = token_chain_root_key(&v->hmac, key, v->key[0]);
    v->queue[v->queued++] = 0;
    bool walked = v->has_key[0] && walk(v, 0, signature);
    bool is_ours = walked && is_signature(v, 0, signature);
    wipe(signature, sizeof signature);
    if (!walked)
        return crypto_fault(v);
    return is_ours ? KH_OK
                   : fault_set(v->fault, KH_ERR_SIGNATURE, "the token's signature does not verify");
}

static enum kh_err
verify_discharge(struct verifier *v, size_t i)
{
    uint8_t signature[TOKEN_SIGNATURE_SIZE], bound[TOKEN_SIGNATURE_SIZE];
    if (!v->has_key[i])
        return discharge_fault(v, i, "fills a hole whose key cannot be opened");
    bool walked = walk(v, i, signature);
    bool is_unbound = walked && is_signature(v, i, signature);
    if (walked && !is_unbound) {
        walked = token_chain_bind(&v->hmac, v->token->macaroon[0].signature.p, signature, bound);
        v->is_bound[i] = walked && is_signature(v, i, bound);
    }
    wipe(signature, sizeof signature);
    wipe(bound, sizeof bound);
    if (!walked)
        return crypto_fault(v);
    return is_unbound || v->is_bound[i] ? KH_OK : discharge_fault(v, i, "does not verify");
}

/* `parent = <lineage id>`, as a discharger writes it. Other spellings bind nothing. */
static bool
parent_read(struct bytes text, uint8_t out[LINEAGE_ID_SIZE])
{
    struct bytes key = BYTES("parent = ");
    char again[2 * LINEAGE_ID_SIZE + 1];
    struct bytes hex = bytes_from(text, key.n);
    return bytes_starts(text, key) && bytes_from_hex(hex, out, LINEAGE_ID_SIZE) &&
           bytes_to_hex(bytes_of(out, LINEAGE_ID_SIZE), again, sizeof again) &&
           bytes_is(hex, again);
}

/* A parent is the token with the hole in it, or a descendant of that, up to the one presented. */
static enum kh_err
check_parents(struct verifier *v, size_t i)
{
    bool has_parent = false;
    for (size_t k = 0; k < v->out->condition_count; k++) {
        uint8_t parent[LINEAGE_ID_SIZE];
        const struct token_condition *c = &v->out->condition[k];
        if (c->macaroon != i || !parent_read(c->text, parent))
            continue;
        if (!token_verified_has_lineage(v->out, v->hole[i] + 1, parent))
            return discharge_fault(v, i, "was made for another token");
        has_parent = true;
    }
    return has_parent || v->is_bound[i] ? KH_OK
                                        : discharge_fault(v, i, "is not bound to any token");
}

static enum kh_err
verify_discharges(struct verifier *v)
{
    if (token_open_holes(v->token, NULL, 0) > 0)
        return fault_set(v->fault, KH_ERR_GRAPH, "the token has an open hole");
    enum kh_err err = KH_OK;
    for (size_t n = 1; !err && n < v->queued; n++)
        err = verify_discharge(v, v->queue[n]);
    if (!err && v->queued != v->token->macaroon_count)
        err = fault_set(v->fault, KH_ERR_INTERNAL, "a discharge was not reached");
    for (size_t i = 1; !err && i < v->token->macaroon_count; i++)
        err = check_parents(v, i);
    return err;
}

/* As far as it is set. */
static void
copy_verified(struct token_verified *to, const struct token_verified *from)
{
    to->condition_count = from->condition_count;
    to->lineage_count = from->lineage_count;
    memcpy(to->condition, from->condition, from->condition_count * sizeof from->condition[0]);
    memcpy(to->lineage, from->lineage, from->lineage_count * sizeof from->lineage[0]);
}

static enum kh_err
verify(const struct token *token, const uint8_t key[TOKEN_KEY_SIZE], bool root_alone,
       struct token_verified *out, struct fault *fault)
{
    KH_UNFILLED struct token_verified verified;
    struct verifier v = {.token = token, .out = &verified, .fault = fault};
    verified.condition_count = 0;
    verified.lineage_count = 0;
    if (!token_hmac_init(&v.hmac))
        return crypto_fault(&v);
    enum kh_err err = verify_root(&v, key);
    if (!err && !root_alone)
        err = verify_discharges(&v);
    if (!err && !root_alone)
        err = token_library_verify(token, key, v.is_bound, verified.condition_count, fault);
    wipe(v.key, sizeof v.key);
    token_hmac_fini(&v.hmac);
    if (!err)
        copy_verified(out, &verified);
    return err;
}

enum kh_err
token_verify(const struct token *token, const uint8_t key[TOKEN_KEY_SIZE],
             struct token_verified *out, struct fault *fault)
{
    return verify(token, key, false, out, fault);
}

enum kh_err
token_verify_root(const struct token *token, const uint8_t key[TOKEN_KEY_SIZE],
                  struct token_verified *out, struct fault *fault)
{
    return verify(token, key, true, out, fault);
}

bool
token_verified_has_lineage(const struct token_verified *verified, size_t from,
                           const uint8_t lineage[LINEAGE_ID_SIZE])
{
    for (size_t i = from; i < verified->lineage_count; i++) {
        if (memcmp(verified->lineage[i], lineage, LINEAGE_ID_SIZE) == 0)
            return true;
    }
    return false;
}
