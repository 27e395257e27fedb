/* SPDX-License-Identifier: Apache-2.0
 *
 * The kinds of injections: which there are, how their texts are told apart, what every secret must
 * be, and the way from a credential to the edits.
 */
#include "inject_internal.h"

#include "access.h"
#include "grace.h"

#include <string.h>

static const struct inject_rules *const table[] = {
    &inject_header_rules, &inject_basic_rules,       &inject_query_rules, &inject_cookie_rules,
    &inject_path_rules,   &inject_subprotocol_rules, &inject_field_rules, &inject_sigv4_rules,
    &inject_oauth2_rules, &inject_jwt_rules,         &inject_hmac_rules,  &inject_several_rules,
    &inject_mtls_rules,
};

enum { COUNT = sizeof table / sizeof table[0] };
enum { TEXT_KEEP = 4096 }; // what signs a body is larger

const struct inject_rules *
inject_rules_of(const struct credential *credential)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (table[i]->kind == credential->route.inject_kind)
            return table[i];
    }
    return NULL;
}

// ---- texts ----

// A word that stands for a whole injection.
static struct bytes
without_alias(struct bytes text)
{
    return bytes_is(text, "bearer") ? BYTES("header:Authorization: Bearer " CREDENTIAL_SECRET_MARK)
                                    : text;
}

static const struct inject_rules *
find(struct bytes text, struct bytes *rest)
{
    size_t colon = bytes_index(text, ':');

    *rest = bytes_from(text, colon + 1);
    for (size_t i = 0; i < COUNT; i++) {
        const struct inject_rules *rules = table[i];
        if (!bytes_is(bytes_slice(text, 0, colon), rules->word))
            continue;
        bool fits = colon < text.n ? rules->named : !rules->named || rules->may_be_bare;
        return fits ? rules : NULL;
    }
    return NULL;
}

enum kh_err
credential_set_inject(struct credential *credential, struct bytes text, struct fault *fault)
{
    struct bytes rest;
    const struct inject_rules *rules = find(without_alias(text), &rest);
    BUFFER_AUTO forms;

    buffer_init(&forms, 1024);
    if (rules)
        return rules->parse(credential, rest, fault);
    buffer_put_str(&forms, "bearer");
    for (size_t i = 0; i < COUNT; i++)
        buffer_printf(&forms, "%s%s", i + 1 < COUNT ? ", " : " or ", table[i]->form);
    return fault_set(fault, KH_ERR_UNKNOWN, "an injection is %s", buffer_text(&forms));
}

void
credential_slot_for_inject(struct bytes inject, struct buffer *out)
{
    struct bytes rest;
    const struct inject_rules *rules = find(without_alias(inject), &rest);

    if (rules && rules->slot)
        rules->slot(rest, out);
}

enum kh_err
inject_keep(struct credential *credential, enum inject_kind kind, struct bytes name,
            struct bytes canonical, struct fault *fault)
{
    credential->route.inject_kind = kind;
    if (credential_keep(credential, name, &credential->route.inject_name) ||
        credential_keep(credential, canonical, &credential->row.inject))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return KH_OK;
}

enum kh_err
inject_keep_built(struct credential *credential, enum inject_kind kind, struct bytes name,
                  const struct buffer *canonical, struct fault *fault)
{
    return canonical->failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up")
                             : inject_keep(credential, kind, name, buffer_bytes(canonical), fault);
}

enum kh_err
inject_check_template(struct bytes template, const char *mark, struct fault *fault)
{
    if (bytes_find(template, bytes_str(mark)) == template.n)
        return fault_set(fault, KH_ERR_SYNTAX, "the template has no %s", mark);
    if (template.n > INJECT_TEMPLATE_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the template is longer than %d",
                         INJECT_TEMPLATE_MAX);
    for (size_t i = 0; i < template.n; i++) {
        if (template.p[i] < 0x20 || template.p[i] > 0x7e)
            return fault_set(fault, KH_ERR_SYNTAX, "a template is printable ASCII");
    }
    return KH_OK;
}

// ---- what a credential and its secret must be ----

enum kh_err
credential_check_inject(const struct credential *credential, struct fault *fault)
{
    const struct inject_rules *rules = inject_rules_of(credential);

    if (rules == NULL)
        return fault_set(fault, KH_ERR_USAGE, "inject: say how the secret is put on the request");
    enum kh_err err = credential_check_options(credential, fault);
    return err || rules->check == NULL ? err : rules->check(credential, fault);
}

static enum kh_err
check_characters(const struct inject_rules *rules, struct bytes secret, struct fault *fault)
{
    for (size_t i = 0; i < secret.n; i++) {
        uint8_t c = secret.p[i];
        bool in_line = c == '\n' || c == '\r' || c == '\t';
        if ((c < 0x20 && !(rules->secret_lines && in_line)) || c == 0x7f)
            return fault_set(fault, KH_ERR_SYNTAX,
                             "the secret has a control character in it (a line break?)");
        if (c >= 0x80 && !rules->secret_utf8)
            return fault_set(fault, KH_ERR_SYNTAX,
                             "the secret has a character in it that a header cannot carry");
    }
    if (!rules->secret_lines && (secret.p[0] == ' ' || secret.p[secret.n - 1] == ' '))
        return fault_set(fault, KH_ERR_SYNTAX, "the secret begins or ends with a space");
    if (rules->secret_utf8 && !bytes_is_utf8(secret))
        return fault_set(fault, KH_ERR_SYNTAX, "the secret is no UTF-8");
    return KH_OK;
}

enum kh_err
credential_check_secret(const struct credential *credential, struct bytes secret,
                        struct fault *fault)
{
    const struct inject_rules *rules = inject_rules_of(credential);

    if (rules == NULL)
        return fault_set(fault, KH_ERR_INTERNAL, "it has no injection");
    size_t max = rules->secret_max ? rules->secret_max : INJECT_LINE_SECRET_MAX;
    if (secret.n == 0)
        return fault_set(fault, KH_ERR_USAGE, "the secret is empty");
    if (secret.n > max)
        return fault_set(fault, KH_ERR_TOO_LONG, "the secret is longer than %zu bytes", max);
    enum kh_err err = check_characters(rules, secret, fault);
    return err || rules->check_secret == NULL ? err
                                              : rules->check_secret(credential, secret, fault);
}

// ---- the injection ----

struct injection_needs
injection_needs(const struct credential *credential, const struct injection_context *context)
{
    const struct inject_rules *rules = inject_rules_of(credential);

    return rules && rules->needs ? rules->needs(credential, context) : (struct injection_needs){0};
}

// In its grace the secret before is one still, and so is what was got with it.
static void
scrub_previous(struct inject_work *work, const struct inject_rules *rules)
{
    const struct credential *credential = work->credential;
    int64_t now = work->context->now;
    struct bytes previous = grace_secret(credential, now);

    if (previous.n > 0 && rules->scrub_previous)
        rules->scrub_previous(work, previous);
    for (unsigned i = 0; i < ACCESS_EARLIER_MAX; i++)
        inject_scrub_text(work, access_earlier(credential->access, i, now));
}

enum injection_result
inject_make_one(struct inject_work *work)
{
    const struct inject_rules *rules = inject_rules_of(work->credential);

    if (rules == NULL || work->secret.n == 0)
        return INJECTION_FAILED;
    enum injection_result result = rules->make(work);
    if (result == INJECTION_READY)
        scrub_previous(work, rules);
    return result;
}

void
injection_init(struct injection *injection)
{
    memset(injection, 0, offsetof(struct injection, edit));
    buffer_init_secret(&injection->text, INJECTION_TEXT_MAX);
    injection->refusal[0] = '\0';
}

void
injection_clear(struct injection *injection)
{
    struct buffer *text = &injection->text;

    if (text->max == 0 || text->cap > TEXT_KEEP) {
        buffer_free(text);
        injection_init(injection);
        return;
    }
    buffer_clear(text);
    injection->edit_count = injection->secret_count = 0;
    injection->reason = KH_REASON_UNSET;
    injection->waits = injection->due = NULL;
    injection->refusal[0] = '\0';
}

enum injection_result
injection_make_again(const struct credential *credential, const struct injection_context *context,
                     struct injection *out)
{
    KH_UNFILLED struct inject_work work;

    injection_clear(out);
    memset(&work, 0, offsetof(struct inject_work, edit));
    work.credential = credential;
    work.context = context;
    work.secret = secret_bytes(credential->secret);
    work.out = out;
    enum injection_result result = inject_make_one(&work);
    return result == INJECTION_READY ? inject_finish(&work) : result;
}

enum injection_result
injection_make(const struct credential *credential, const struct injection_context *context,
               struct injection *out)
{
    injection_init(out);
    return injection_make_again(credential, context, out);
}

void
injection_free(struct injection *injection)
{
    buffer_free(&injection->text);
    injection->edit_count = injection->secret_count = 0;
}
