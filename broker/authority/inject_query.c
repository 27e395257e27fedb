/* SPDX-License-Identifier: Apache-2.0
 *
 * "query:NAME": the secret in a parameter, which the proxy encodes.
 */
#include "inject_internal.h"

static enum kh_err
parse(struct credential *credential, struct bytes text, struct fault *fault)
{
    BUFFER_AUTO canonical;

    buffer_init(&canonical, CREDENTIAL_FIELD_MAX + 16);
    buffer_put_str(&canonical, "query:");
    enum kh_err err = credential_parameter_name(text, &canonical, fault);
    return err ? err : inject_keep_built(credential, INJECT_QUERY, text, &canonical, fault);
}

static void
slot(struct bytes text, struct buffer *out)
{
    buffer_put_str(out, "query:");
    buffer_put(out, text);
}

static enum injection_result
make(struct inject_work *work)
{
    size_t place = inject_place(work);

    inject_put(work, work->secret);
    inject_edit(work, EDIT_QUERY_SET, work->credential->route.inject_name,
                inject_since(work, place));
    inject_scrub(work, inject_since(work, place));
    return INJECTION_READY;
}

const struct inject_rules inject_query_rules = {
    .kind = INJECT_QUERY,
    .word = "query",
    .form = "query:NAME",
    .named = true,
    .secret_utf8 = true,
    .parse = parse,
    .slot = slot,
    .make = make,
    .writes = INJECT_OF_QUERY,
    .scrub_previous = inject_scrub_whole,
};
