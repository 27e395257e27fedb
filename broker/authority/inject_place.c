/* SPDX-License-Identifier: Apache-2.0
 *
 * The secret in a part of something: "cookie:NAME", "path[:template]", "field:NAME",
 * "subprotocol[:template]".
 * The proxy knows where the token stood, and encodes for that place.
 */
#include "inject_internal.h"

#include <string.h>

// ---- texts ----

static enum kh_err
parse_cookie(struct credential *credential, struct bytes text, struct fault *fault)
{
    BUFFER_AUTO canonical;

    buffer_init(&canonical, CREDENTIAL_FIELD_MAX + 16);
    buffer_put_str(&canonical, "cookie:");
    enum kh_err err = credential_cookie_name(text, &canonical, fault);
    return err ? err : inject_keep_built(credential, INJECT_COOKIE, text, &canonical, fault);
}

static void
slot_cookie(struct bytes text, struct buffer *out)
{
    buffer_put_str(out, "cookie:");
    buffer_put(out, text);
}

static enum kh_err
parse_field(struct credential *credential, struct bytes text, struct fault *fault)
{
    BUFFER_AUTO canonical;

    buffer_init(&canonical, CREDENTIAL_FIELD_MAX + 16);
    buffer_put_str(&canonical, "field:");
    enum kh_err err = credential_body_field(text, &canonical, fault);
    return err ? err : inject_keep_built(credential, INJECT_FIELD, text, &canonical, fault);
}

static void
slot_field(struct bytes text, struct buffer *out)
{
    buffer_put_str(out, "field:");
    buffer_put(out, text);
}

// "word" or "word:template"; the bare word is the canonical form of "{secret}".
static enum kh_err
parse_template(struct credential *credential, enum inject_kind kind, const char *word,
               struct bytes text, struct fault *fault)
{
    struct bytes template = text.n > 0 ? text : BYTES(CREDENTIAL_SECRET_MARK);
    BUFFER_AUTO canonical;

    buffer_init(&canonical, INJECT_TEMPLATE_MAX + 32);
    enum kh_err err = inject_check_template(template, CREDENTIAL_SECRET_MARK, fault);
    if (err)
        return err;
    buffer_put_str(&canonical, word);
    if (!bytes_is(template, CREDENTIAL_SECRET_MARK)) {
        buffer_put_byte(&canonical, ':');
        buffer_put(&canonical, template);
    }
    if (credential_keep(credential, template, &credential->inject_template))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return inject_keep_built(credential, kind, BYTES_EMPTY, &canonical, fault);
}

static enum kh_err
parse_path(struct credential *credential, struct bytes text, struct fault *fault)
{
    if (bytes_index(text, '/') < text.n)
        return fault_set(fault, KH_ERR_SYNTAX, "the template is one segment: no '/' in it");
    return parse_template(credential, INJECT_PATH, "path", text, fault);
}

static enum kh_err
parse_subprotocol(struct credential *credential, struct bytes text, struct fault *fault)
{
    return parse_template(credential, INJECT_SUBPROTOCOL, "subprotocol", text, fault);
}

static void
slot_path(struct bytes text, struct buffer *out)
{
    (void)text;
    buffer_put_str(out, "path");
}

static void
slot_subprotocol(struct bytes text, struct buffer *out)
{
    struct bytes prefix = bytes_slice(text, 0, bytes_find(text, BYTES(CREDENTIAL_SECRET_MARK)));

    buffer_put_str(out, "subprotocol");
    buffer_put_str(out, prefix.n > 0 ? ":" : "");
    buffer_put(out, prefix);
}

// ---- what the secret must be ----

static enum kh_err
check_cookie(const struct credential *credential, struct bytes secret, struct fault *fault)
{
    (void)credential;
    for (size_t i = 0; i < secret.n; i++) {
        if (secret.p[i] == ' ' || strchr("\",;\\", secret.p[i]) != NULL)
            return fault_set(fault, KH_ERR_SYNTAX,
                             "the secret has a character in it that a cookie cannot carry");
    }
    return KH_OK;
}

static enum kh_err
check_segment(const struct credential *credential, struct bytes secret, struct fault *fault)
{
    (void)credential;
    if (bytes_is(secret, ".") || bytes_is(secret, ".."))
        return fault_set(fault, KH_ERR_SYNTAX, "the secret cannot be a segment of a path");
    return KH_OK;
}

// RFC 6455 section 4.1: the items are tokens of RFC 9110.
static enum kh_err
check_subprotocol(const struct credential *credential, struct bytes secret, struct fault *fault)
{
    BUFFER_AUTO ignored;

    (void)credential;
    buffer_init_secret(&ignored, CREDENTIAL_SECRET_MAX);
    for (size_t at = 0; at < secret.n; at += CREDENTIAL_FIELD_MAX) { // a name is no longer
        struct bytes part = bytes_slice(secret, at, CREDENTIAL_FIELD_MAX);
        if (credential_cookie_name(part, &ignored, fault))
            return fault_set(fault, KH_ERR_SYNTAX,
                             "the secret has a character in it that a subprotocol cannot carry");
    }
    return KH_OK;
}

// ---- the injection ----

static enum injection_result
make_cookie(struct inject_work *work)
{
    size_t place = inject_place(work);

    inject_put(work, work->secret);
    inject_edit(work, EDIT_COOKIE_SET, work->credential->route.inject_name,
                inject_since(work, place));
    inject_scrub(work, inject_since(work, place));
    return INJECTION_READY;
}

// The whole of it as well: what comes back is what the client sent, its prefix once.
static enum injection_result
make_template(struct inject_work *work, enum edit_kind kind, enum slot_kind slot, const char *where)
{
    size_t place = inject_place(work);

    if (work->context->request->slot.kind != slot) {
        (void)inject_refuse(work, "the token has to stand in %s: the key goes in its place", where);
        return INJECTION_MISPLACED;
    }
    inject_put_template(work, work->credential->inject_template, CREDENTIAL_SECRET_MARK,
                        work->secret);
    inject_edit(work, kind, BYTES_EMPTY, inject_since(work, place));
    inject_scrub(work, inject_since(work, place));
    inject_scrub_text(work, work->secret);
    return INJECTION_READY;
}

static enum injection_result
make_field(struct inject_work *work)
{
    const struct slot *slot = &work->context->request->slot;
    size_t place = inject_place(work);

    if (slot->kind != SLOT_FIELD || !bytes_equal(slot->name, work->credential->route.inject_name)) {
        (void)inject_refuse(work,
                            "the token has to stand in the body's field %.*s: the key goes in "
                            "its place",
                            BYTES_ARG(work->credential->route.inject_name));
        return INJECTION_MISPLACED;
    }
    inject_put(work, work->secret);
    inject_edit(work, EDIT_FIELD_SET, work->credential->route.inject_name,
                inject_since(work, place));
    inject_scrub(work, inject_since(work, place));
    return INJECTION_READY;
}

static enum injection_result
make_path(struct inject_work *work)
{
    return make_template(work, EDIT_PATH_SET, SLOT_PATH, "the path");
}

static enum injection_result
make_subprotocol(struct inject_work *work)
{
    return make_template(work, EDIT_SUBPROTOCOL_SET, SLOT_SUBPROTOCOL, "Sec-WebSocket-Protocol");
}

const struct inject_rules inject_cookie_rules = {
    .kind = INJECT_COOKIE,
    .word = "cookie",
    .form = "cookie:NAME",
    .named = true,
    .parse = parse_cookie,
    .slot = slot_cookie,
    .check_secret = check_cookie,
    .make = make_cookie,
    .scrub_previous = inject_scrub_whole,
};

const struct inject_rules inject_path_rules = {
    .kind = INJECT_PATH,
    .word = "path",
    .form = "path[:template]",
    .named = true,
    .may_be_bare = true,
    .parse = parse_path,
    .slot = slot_path,
    .check_secret = check_segment,
    .make = make_path,
    .writes = INJECT_OF_PATH,
    .scrub_previous = inject_scrub_whole,
};

const struct inject_rules inject_subprotocol_rules = {
    .kind = INJECT_SUBPROTOCOL,
    .word = "subprotocol",
    .form = "subprotocol[:template]",
    .named = true,
    .may_be_bare = true,
    .parse = parse_subprotocol,
    .slot = slot_subprotocol,
    .check_secret = check_subprotocol,
    .make = make_subprotocol,
    .scrub_previous = inject_scrub_whole,
};

const struct inject_rules inject_field_rules = {
    .kind = INJECT_FIELD,
    .word = "field",
    .form = "field:NAME",
    .named = true,
    .secret_utf8 = true,
    .parse = parse_field,
    .slot = slot_field,
    .make = make_field,
    .writes = INJECT_OF_BODY,
    .scrub_previous = inject_scrub_whole,
};
