/* SPDX-License-Identifier: Apache-2.0
 *
 * Injections: header, basic, query; and what each kind demands of a secret.
 */
#include "inject.h"

#include "../../caveats/base64.h"

#include <string.h>

// ---- what a secret must be ----

enum kh_err
credential_check_secret(const struct credential *credential, struct bytes secret,
                        struct fault *fault)
{
    const struct route *route = &credential->route;
    bool query = route->inject_kind == INJECT_QUERY;

    if (secret.n == 0)
        return fault_set(fault, KH_ERR_USAGE, "the secret is empty");
    if (secret.n > CREDENTIAL_SECRET_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the secret is longer than %d bytes",
                         CREDENTIAL_SECRET_MAX);
    for (size_t i = 0; i < secret.n; i++) {
        if (secret.p[i] < 0x20 || secret.p[i] == 0x7f)
            return fault_set(fault, KH_ERR_SYNTAX,
                             "the secret has a control character in it (a line break?)");
        if (secret.p[i] >= 0x80 && !query)
            return fault_set(fault, KH_ERR_SYNTAX,
                             "the secret has a character in it that a header cannot carry");
    }
    if (secret.p[0] == ' ' || secret.p[secret.n - 1] == ' ')
        return fault_set(fault, KH_ERR_SYNTAX, "the secret begins or ends with a space");
    if (query && !bytes_is_utf8(secret))
        return fault_set(fault, KH_ERR_SYNTAX, "the secret is no UTF-8");
    bool has_user = credential->preset && credential->preset->basic_user[0];
    if (route->inject_kind == INJECT_BASIC && !has_user && bytes_index(secret, ':') == secret.n)
        return fault_set(fault, KH_ERR_SYNTAX,
                         "for basic the secret is USER:PASSWORD; one of them may be empty");
    return KH_OK;
}

// ---- texts ----

// Slices are made at the end: the buffer moves while it grows.
struct part {
    size_t start, n;
};

struct work {
    struct injection *out;
    struct bytes secret;
    struct part value;
    struct part scrub[DECISION_SECRETS_MAX];
    size_t scrub_count;
};

static struct part
part_end(const struct work *work, size_t start)
{
    return (struct part){.start = start, .n = work->out->text.n - start};
}

static void
scrub_add(struct work *work, struct part part)
{
    // Shorter texts occur in every answer by chance.
    if (part.n >= INJECTION_SCRUB_MIN && work->scrub_count < DECISION_SECRETS_MAX)
        work->scrub[work->scrub_count++] = part;
}

static void
put_scrub(struct work *work, struct bytes text)
{
    size_t start = work->out->text.n;

    buffer_put(&work->out->text, text);
    scrub_add(work, part_end(work, start));
}

static void
make_header(struct work *work, struct bytes template)
{
    struct buffer *text = &work->out->text;
    size_t start = text->n;

    while (template.n > 0) {
        size_t mark = bytes_find(template, BYTES(CREDENTIAL_SECRET_MARK));
        buffer_put(text, bytes_slice(template, 0, mark));
        if (mark < template.n)
            buffer_put(text, work->secret);
        template = bytes_from(template, mark + strlen(CREDENTIAL_SECRET_MARK));
    }
    work->value = part_end(work, start);
    put_scrub(work, work->secret);
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

// `pair` is user:password. The key is the password, or the user where there is no password to
// speak of (Stripe).
static void
make_basic(struct work *work, struct bytes pair)
{
    struct buffer *text = &work->out->text;
    size_t colon = bytes_index(pair, ':');
    struct bytes user = bytes_slice(pair, 0, colon), password = bytes_from(pair, colon + 1);
    size_t start = text->n;

    buffer_put_str(text, "Basic ");
    base64_encode(BASE64_STANDARD, pair, text);
    work->value = part_end(work, start);
    scrub_add(work, (struct part){.start = start + 6, .n = work->value.n - 6});
    put_scrub(work, work->secret);
    if (password.n >= INJECTION_SCRUB_MIN && !is_filler(password))
        put_scrub(work, password);
    else if (!is_filler(user))
        put_scrub(work, user);
}

static void
make_basic_with_user(struct work *work, const char *user)
{
    BUFFER_AUTO pair;

    buffer_init_secret(&pair, CREDENTIAL_SECRET_MAX + 256);
    buffer_put_str(&pair, user);
    buffer_put_byte(&pair, ':');
    buffer_put(&pair, work->secret);
    if (pair.failed)
        work->out->text.failed = true;
    else
        make_basic(work, buffer_bytes(&pair));
}

static void
make_query(struct work *work)
{
    size_t start = work->out->text.n;

    buffer_put(&work->out->text, work->secret);
    work->value = part_end(work, start);
    scrub_add(work, work->value);
}

// A service that takes its key in another form over Basic gets it in the form that the client used.
static const char *
basic_user_for(const struct credential *credential, const struct slot *slot)
{
    const char *user = credential->preset ? credential->preset->basic_user : "";
    bool in_kind = credential->route.inject_kind == INJECT_HEADER && slot->kind == SLOT_BASIC &&
                   bytes_is(credential->route.inject_name, "authorization");
    bool alone =
        credential->route.inject_kind == INJECT_BASIC &&
        bytes_index(secret_bytes(credential->secret), ':') == secret_bytes(credential->secret).n;

    return user[0] && (in_kind || alone) ? user : NULL;
}

static void
finish(const struct work *work, enum edit_kind kind, struct bytes name, bool scrub)
{
    struct injection *out = work->out;
    struct bytes text = buffer_bytes(&out->text);

    out->edit[0] = (struct edit){
        .kind = kind, .name = name, .value = bytes_slice(text, work->value.start, work->value.n)};
    out->edit_count = 1;
    for (size_t i = 0; scrub && i < work->scrub_count; i++) {
        struct bytes secret = bytes_slice(text, work->scrub[i].start, work->scrub[i].n);
        bool known = false;
        for (size_t j = 0; j < out->secret_count; j++)
            known = known || bytes_equal(out->secret[j], secret);
        if (!known)
            out->secret[out->secret_count++] = secret;
    }
}

enum kh_err
injection_make(const struct credential *credential, const struct slot *slot, struct injection *out)
{
    struct work work = {.out = out, .secret = secret_bytes(credential->secret)};
    const struct route *route = &credential->route;
    const char *basic_user;

    memset(out, 0, sizeof *out);
    buffer_init_secret(&out->text, INJECTION_TEXT_MAX);
    if (work.secret.n == 0)
        return KH_ERR_INTERNAL;
    enum edit_kind kind = EDIT_HEADER_SET;
    if ((basic_user = basic_user_for(credential, slot))) {
        make_basic_with_user(&work, basic_user);
    } else if (route->inject_kind == INJECT_HEADER) {
        make_header(&work, credential->inject_template);
    } else if (route->inject_kind == INJECT_BASIC) {
        make_basic(&work, work.secret);
    } else if (route->inject_kind == INJECT_QUERY) {
        kind = EDIT_QUERY_SET;
        make_query(&work);
    } else {
        return KH_ERR_INTERNAL;
    }
    if (out->text.failed)
        return KH_ERR_MEMORY;
    finish(&work, kind, route->inject_name, route->scrub);
    return KH_OK;
}

void
injection_free(struct injection *injection)
{
    buffer_free(&injection->text);
    injection->edit_count = injection->secret_count = 0;
}
