/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of an injection in the making: edits, and what is scrubbed, are parts of one secret
 * buffer until all of it is there.
 */
#include "inject_internal.h"

#include "../../caveats/base64.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

size_t
inject_place(const struct inject_work *work)
{
    return work->out->text.n;
}

struct inject_part
inject_since(const struct inject_work *work, size_t place)
{
    return (struct inject_part){.start = place, .n = work->out->text.n - place};
}

void
inject_put(struct inject_work *work, struct bytes text)
{
    buffer_put(&work->out->text, text);
}

void
inject_put_template(struct inject_work *work, struct bytes template, const char *mark,
                    struct bytes value)
{
    while (template.n > 0) {
        size_t at = bytes_find(template, bytes_str(mark));
        inject_put(work, bytes_slice(template, 0, at));
        if (at < template.n)
            inject_put(work, value);
        template = bytes_from(template, at + strlen(mark));
    }
}

void
inject_edit(struct inject_work *work, enum edit_kind kind, struct bytes name,
            struct inject_part value)
{
    if (work->edit_count == DECISION_EDITS_MAX) {
        work->overfull = true;
        return;
    }
    work->edit[work->edit_count].kind = kind;
    work->edit[work->edit_count].name = name;
    work->edit[work->edit_count++].value = value;
}

void
inject_scrub(struct inject_work *work, struct inject_part part)
{
    // Shorter texts occur in every answer by chance.
    if (part.n < INJECTION_SCRUB_MIN)
        return;
    // Better no request than an answer that is not searched.
    if (work->scrub_count == DECISION_SECRETS_MAX)
        work->overfull = true;
    else
        work->scrub[work->scrub_count++] = part;
}

void
inject_scrub_text(struct inject_work *work, struct bytes text)
{
    size_t place = inject_place(work);

    inject_put(work, text);
    inject_scrub(work, inject_since(work, place));
}

// What services put where a user or a password has no meaning.
static bool
is_filler(struct bytes text)
{
    static const char *const filler[] = {"x-oauth-basic", "x-access-token", "oauth2",  "__token__",
                                         "token",         "user",           "hf_user", "api"};

    for (size_t i = 0; i < sizeof filler / sizeof filler[0]; i++) {
        if (bytes_is(text, filler[i]))
            return true;
    }
    return false;
}

void
inject_scrub_whole(struct inject_work *work, struct bytes previous)
{
    inject_scrub_text(work, previous);
}

// The key is the password, or the user where there is no password to speak of (Stripe).
void
inject_scrub_pair(struct inject_work *work, struct bytes pair)
{
    size_t colon = bytes_index(pair, ':');
    struct bytes user = bytes_slice(pair, 0, colon), password = bytes_from(pair, colon + 1);

    if (password.n >= INJECTION_SCRUB_MIN && !is_filler(password))
        inject_scrub_text(work, password);
    else if (!is_filler(user))
        inject_scrub_text(work, user);
}

void
inject_put_basic(struct inject_work *work, struct bytes pair)
{
    size_t place = inject_place(work);

    inject_put(work, BYTES("Basic "));
    base64_encode(BASE64_STANDARD, pair, &work->out->text);
    struct inject_part value = inject_since(work, place);
    inject_edit(work, EDIT_HEADER_SET, BYTES("authorization"), value);
    inject_scrub(work, (struct inject_part){.start = place + 6, .n = value.n - 6});
    inject_scrub_text(work, work->secret);
    inject_scrub_pair(work, pair);
}

enum injection_result
inject_refuse(struct inject_work *work, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(work->out->refusal, sizeof work->out->refusal, format, arguments);
    va_end(arguments);
    return INJECTION_REFUSED;
}

enum injection_result
inject_finish(struct inject_work *work)
{
    struct injection *out = work->out;
    struct bytes text = buffer_bytes(&out->text);

    if (out->text.failed || work->overfull)
        return INJECTION_FAILED;
    for (size_t i = 0; i < work->edit_count; i++)
        out->edit[i] = (struct edit){
            .kind = work->edit[i].kind,
            .name = work->edit[i].name,
            .value = bytes_slice(text, work->edit[i].value.start, work->edit[i].value.n)};
    out->edit_count = work->edit_count;
    for (size_t i = 0; work->credential->route.scrub && i < work->scrub_count; i++) {
        struct bytes secret = bytes_slice(text, work->scrub[i].start, work->scrub[i].n);
        bool known = false;
        for (size_t j = 0; j < out->secret_count; j++)
            known = known || bytes_equal(out->secret[j], secret);
        if (!known)
            out->secret[out->secret_count++] = secret;
    }
    return INJECTION_READY;
}
