/* SPDX-License-Identifier: Apache-2.0
 *
 * "header:NAME: template": the secret in a header.
 */
#include "inject_internal.h"

#include <string.h>

// "NAME: template", or "NAME" alone for "{secret}".
static void
cut(struct bytes text, struct bytes *name, struct bytes *template)
{
    size_t colon = bytes_index(text, ':');

    *name = bytes_slice(text, 0, colon);
    *template =
        colon < text.n ? bytes_trim(bytes_from(text, colon + 1)) : BYTES(CREDENTIAL_SECRET_MARK);
}

static enum kh_err
parse(struct credential *credential, struct bytes text, struct fault *fault)
{
    struct bytes name, template;
    BUFFER_AUTO lower, canonical;

    buffer_init(&lower, CREDENTIAL_FIELD_MAX + 1);
    buffer_init(&canonical, CREDENTIAL_FIELD_MAX + INJECT_TEMPLATE_MAX + 16);
    cut(text, &name, &template);
    enum kh_err err = credential_field_name(name, &lower, fault);
    if (!err)
        err = inject_check_template(template, CREDENTIAL_SECRET_MARK, fault);
    if (err)
        return err;
    buffer_put_str(&canonical, "header:");
    buffer_put(&canonical, name);
    buffer_put_str(&canonical, ": ");
    buffer_put(&canonical, template);
    if (credential_keep(credential, template, &credential->inject_template))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return inject_keep_built(credential, INJECT_HEADER, buffer_bytes(&lower), &canonical, fault);
}

static void
slot(struct bytes text, struct buffer *out)
{
    struct bytes name, template;

    cut(text, &name, &template);
    if (bytes_equal_nocase(name, BYTES("authorization")) &&
        bytes_starts(template, BYTES("Bearer "))) {
        buffer_put_str(out, "bearer");
    } else {
        buffer_put_str(out, "header:");
        buffer_put(out, name);
    }
}

// A service that takes its key over Basic as well (git over HTTPS) gets it in the form that the
// client used.
static bool
make_basic(struct inject_work *work)
{
    const struct preset *preset = work->credential->preset;
    BUFFER_AUTO pair;

    buffer_init_secret(&pair, CREDENTIAL_SECRET_MAX + 256);
    if (preset == NULL || preset->basic_user[0] == '\0' ||
        work->context->request->slot.kind != SLOT_BASIC ||
        !bytes_is(work->credential->route.inject_name, "authorization"))
        return false;
    buffer_put_str(&pair, preset->basic_user);
    buffer_put_byte(&pair, ':');
    buffer_put(&pair, work->secret);
    inject_put_basic(work, buffer_bytes(&pair));
    return true;
}

static enum injection_result
make(struct inject_work *work)
{
    if (make_basic(work))
        return INJECTION_READY;
    size_t place = inject_place(work);
    inject_put_template(work, work->credential->inject_template, CREDENTIAL_SECRET_MARK,
                        work->secret);
    inject_edit(work, EDIT_HEADER_SET, work->credential->route.inject_name,
                inject_since(work, place));
    inject_scrub_text(work, work->secret);
    return INJECTION_READY;
}

const struct inject_rules inject_header_rules = {
    .kind = INJECT_HEADER,
    .word = "header",
    .form = "\"header:NAME: template with " CREDENTIAL_SECRET_MARK "\"",
    .named = true,
    .parse = parse,
    .slot = slot,
    .make = make,
    .scrub_previous = inject_scrub_whole,
};
