/* SPDX-License-Identifier: Apache-2.0
 *
 * "basic": the secret is USER:PASSWORD.
 */
#include "inject_internal.h"

#include <string.h>

static enum kh_err
parse(struct credential *credential, struct bytes text, struct fault *fault)
{
    (void)text;
    return inject_keep(credential, INJECT_BASIC, BYTES("authorization"), BYTES("basic"), fault);
}

static void
slot(struct bytes text, struct buffer *out)
{
    (void)text;
    buffer_put_str(out, "basic");
}

static enum kh_err
check_secret(const struct credential *credential, struct bytes secret, struct fault *fault)
{
    bool has_user = credential->preset && credential->preset->basic_user[0];

    if (!has_user && bytes_index(secret, ':') == secret.n)
        return fault_set(fault, KH_ERR_SYNTAX,
                         "for basic the secret is USER:PASSWORD; one of them may be empty");
    return KH_OK;
}

static enum injection_result
make(struct inject_work *work)
{
    BUFFER_AUTO pair;

    buffer_init_secret(&pair, CREDENTIAL_SECRET_MAX + 256);
    if (bytes_index(work->secret, ':') == work->secret.n) { // the preset knows the user
        buffer_put_str(&pair, work->credential->preset->basic_user);
        buffer_put_byte(&pair, ':');
    }
    buffer_put(&pair, work->secret);
    if (pair.failed)
        return INJECTION_FAILED;
    inject_put_basic(work, buffer_bytes(&pair));
    return INJECTION_READY;
}

// Base64 is looked into by whoever searches; a secret without a user is the password.
static void
scrub_previous(struct inject_work *work, struct bytes previous)
{
    inject_scrub_text(work, previous);
    if (bytes_index(previous, ':') < previous.n)
        inject_scrub_pair(work, previous);
}

const struct inject_rules inject_basic_rules = {
    .kind = INJECT_BASIC,
    .word = "basic",
    .form = "basic",
    .parse = parse,
    .slot = slot,
    .check_secret = check_secret,
    .make = make,
    .scrub_previous = scrub_previous,
};
