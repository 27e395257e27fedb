/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only caller of libmacaroons.
 *
 * It is given V1 text that was written here from a scanned token, never a byte that a peer sent.
 * What it computes stays on its heap and stack when it is done (keys, signatures): it has no way to
 * wipe them. Ours are wiped.
 */

#include <macaroons.h>
#include <string.h>

#include "base64.h"
#include "token_internal.h"

enum { LIBRARY_TEXT_MAX = 32768 }; /* V1 of the largest token that the scan lets through */

static enum kh_err
library_fault(struct fault *fault, enum macaroon_returncode code, const char *what)
{
    return code == MACAROON_OUT_OF_MEMORY
               ? fault_set(fault, KH_ERR_MEMORY, "memory is used up")
               : fault_set(fault, KH_ERR_CRYPTO, "libmacaroons: %s failed (%d)", what, (int)code);
}

static struct macaroon *
load(const struct macaroon_view *view, enum macaroon_returncode *code)
{
    BUFFER_AUTO packets;
    BUFFER_AUTO text;
    buffer_init_secret(&packets, LIBRARY_TEXT_MAX);
    buffer_init_secret(&text, LIBRARY_TEXT_MAX);
    token_write_v1(view, &packets);
    base64_encode(BASE64_URL, buffer_bytes(&packets), &text);
    const char *v1 = buffer_text(&text);
    if (packets.failed || text.failed) {
        *code = MACAROON_OUT_OF_MEMORY;
        return NULL;
    }
    return macaroon_deserialize(v1, code);
}

/* Accept and count: nothing is judged before the chain is known to be ours. */
static int
count_condition(void *count, const unsigned char *predicate, size_t n)
{
    (void)predicate;
    (void)n;
    ++*(size_t *)count;
    return 0; /* satisfied */
}

static enum kh_err
verify_loaded(struct macaroon **macaroon, size_t count, const uint8_t key[TOKEN_KEY_SIZE],
              size_t condition_count, struct fault *fault)
{
    enum macaroon_returncode code = MACAROON_SUCCESS;
    size_t conditions = 0;
    struct macaroon_verifier *verifier = macaroon_verifier_create();
    if (!verifier)
        return library_fault(fault, MACAROON_OUT_OF_MEMORY, "macaroon_verifier_create");
    enum kh_err err = KH_OK;
    if (macaroon_verifier_satisfy_general(verifier, count_condition, &conditions, &code) != 0)
        err = library_fault(fault, code, "macaroon_verifier_satisfy_general");
    else if (macaroon_verify(verifier, macaroon[0], key, TOKEN_KEY_SIZE, macaroon + 1, count - 1,
                             &code) != 0)
        // A good token is good when there is memory again: its holder must not throw it away.
        err = code == MACAROON_OUT_OF_MEMORY
                  ? library_fault(fault, code, "macaroon_verify")
                  : fault_set(fault, KH_ERR_SIGNATURE, "libmacaroons does not verify the chain");
    else if (conditions != condition_count)
        err = fault_set(fault, KH_ERR_SIGNATURE, "libmacaroons saw other caveats");
    macaroon_verifier_destroy(verifier);
    return err;
}

static enum kh_err
load_all(const struct token *token, const bool *is_bound, struct macaroon **macaroon,
         struct fault *fault)
{
    enum macaroon_returncode code = MACAROON_SUCCESS;
    for (size_t i = 0; i < token->macaroon_count; i++) {
        macaroon[i] = load(&token->macaroon[i], &code);
        if (!macaroon[i])
            return library_fault(fault, code, "macaroon_deserialize");
        if (i == 0 || is_bound[i])
            continue;
        struct macaroon *bound = macaroon_prepare_for_request(macaroon[0], macaroon[i], &code);
        if (!bound)
            return library_fault(fault, code, "macaroon_prepare_for_request");
        macaroon_destroy(macaroon[i]);
        macaroon[i] = bound;
    }
    return KH_OK;
}

enum kh_err
token_library_verify(const struct token *token, const uint8_t key[TOKEN_KEY_SIZE],
                     const bool *is_bound, size_t condition_count, struct fault *fault)
{
    struct macaroon *macaroon[1 + TOKEN_DISCHARGES_MAX] = {NULL};
    enum kh_err err = load_all(token, is_bound, macaroon, fault);
    if (!err)
        err = verify_loaded(macaroon, token->macaroon_count, key, condition_count, fault);
    for (size_t i = 0; i < token->macaroon_count; i++) {
        if (macaroon[i])
            macaroon_destroy(macaroon[i]);
    }
    return err;
}

static struct macaroon *
add_caveats(struct macaroon *macaroon, const struct macaroon_view *view,
            enum macaroon_returncode *code)
{
    for (size_t i = 0; macaroon && i < view->caveat_count; i++) {
        struct bytes text = view->caveat[i].id;
        struct macaroon *next = macaroon_add_first_party_caveat(macaroon, text.p, text.n, code);
        macaroon_destroy(macaroon);
        macaroon = next;
    }
    return macaroon;
}

enum kh_err
token_library_mint(const struct macaroon_view *view, const uint8_t key[TOKEN_KEY_SIZE],
                   uint8_t signature[TOKEN_SIGNATURE_SIZE], struct fault *fault)
{
    enum macaroon_returncode code = MACAROON_SUCCESS;
    const uint8_t *text = NULL;
    size_t n = 0;
    struct macaroon *macaroon =
        macaroon_create(view->location.p, view->location.n, key, TOKEN_KEY_SIZE, view->identifier.p,
                        view->identifier.n, &code);
    macaroon = add_caveats(macaroon, view, &code);
    if (!macaroon)
        return library_fault(fault, code, "minting");
    macaroon_signature(macaroon, &text, &n);
    bool fine = n == TOKEN_SIGNATURE_SIZE;
    if (fine)
        memcpy(signature, text, n);
    macaroon_destroy(macaroon);
    return fine ? KH_OK : library_fault(fault, code, "macaroon_signature");
}
