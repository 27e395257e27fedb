/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of an attestation. YubiKeys from firmware 5.7.4 on send the leaf alone, so what stands
 * between it and the root comes from the directory. */
#include "chain.h"

#include "certificate.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum {
    INTERMEDIATES_MAX = 3, // Yubico's longest chain has two
    // 112 bits: RSA of 2048, P-256, SHA-256. The roots of 2014 have that much.
    SECURITY_LEVEL = 2,
};

static STACK_OF(X509) * untrusted_collect(const struct webauthn_trust *trust, STACK_OF(X509) * sent)
{
    STACK_OF(X509) *all = sk_X509_dup(trust->intermediates);
    for (int i = 0; all != NULL && sent != NULL && i < sk_X509_num(sent); i++) {
        if (sk_X509_push(all, sk_X509_value(sent, i)) <= 0) {
            sk_X509_free(all);
            return NULL;
        }
    }
    return all;
}

// Certificates are judged at this moment, not at the one when they were made. Real leaves and roots
// live until 2050, 2060 or 9999; a maker who lets one expire means that.
static void
parameters_set(X509_STORE_CTX *context, int64_t now)
{
    X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_depth(parameters, INTERMEDIATES_MAX);
    X509_VERIFY_PARAM_set_auth_level(parameters, SECURITY_LEVEL);
    X509_VERIFY_PARAM_set_time(parameters, (time_t)now);
    (void)X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_ANY);
}

static bool
root_take(X509_STORE_CTX *context, X509 *leaf, struct chain *out, char why[WHY_MAX])
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);
    int count = sk_X509_num(chain);
    uint8_t sha256[32];
    if (count < 2)
        return why_not(why, "a root cannot be an authenticator");
    X509 *root = sk_X509_value(chain, count - 1);
    if (!certificate_sha256(root, sha256))
        return why_not(why, "the root has no fingerprint");
    struct chain is = {.yubico = yubico_root_find(sha256)};
    certificate_subject(root, is.root, sizeof(is.root));
    if (is.yubico != NULL && is.yubico->shared && !certificate_is_authenticator(leaf))
        return why_not(why, "%s vouches for more than authenticators, and this is none",
                       is.yubico->name);
    *out = is;
    return true;
}

static void
path_failed(X509_STORE_CTX *context, char why[WHY_MAX])
{
    char subject[96] = "";
    X509 *at = X509_STORE_CTX_get_current_cert(context);
    if (at != NULL)
        certificate_subject(at, subject, sizeof(subject));
    snprintf(why, WHY_MAX, "%s: %s",
             X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)), subject);
}

bool
chain_follow(const struct webauthn_trust *trust, X509 *leaf, STACK_OF(X509) * sent, int64_t now,
             struct chain *out, char why[WHY_MAX])
{
    if (trust == NULL || trust->root_count == 0)
        return why_not(why, "there are no roots here");
    bool trusted = false;
    STACK_OF(X509) *untrusted = untrusted_collect(trust, sent);
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    snprintf(why, WHY_MAX, "no memory for it");
    if (untrusted != NULL && context != NULL &&
        X509_STORE_CTX_init(context, trust->roots, leaf, untrusted) == 1) {
        parameters_set(context, now);
        if (X509_verify_cert(context) == 1)
            trusted = root_take(context, leaf, out, why);
        else
            path_failed(context, why);
    }
    X509_STORE_CTX_free(context);
    sk_X509_free(untrusted);
    return trusted;
}
