/* SPDX-License-Identifier: Apache-2.0
 *
 * "several:NAME,NAME": what other credentials put on a request, put together. Each must be there,
 * enabled, and allow the host itself: a set is no way around the wall of its members.
 */
#include "inject_internal.h"

#include "credentials.h"

enum { SEVERAL_MAX = 8 };

// ---- texts ----

static enum kh_err
check_names(struct bytes text, struct fault *fault)
{
    struct bytes rest = text, name, name_before[SEVERAL_MAX];
    size_t count = 0;

    while (bytes_cut(&rest, ',', &name)) {
        if (!credential_name_check(name))
            return fault_set(fault, KH_ERR_SYNTAX,
                             "several takes names of credentials: "
                             "several:NAME,NAME");
        if (count == SEVERAL_MAX)
            return fault_set(fault, KH_ERR_TOO_LONG, "there are more than %d", SEVERAL_MAX);
        for (size_t i = 0; i < count; i++) {
            if (bytes_equal(name_before[i], name))
                return fault_set(fault, KH_ERR_EXISTS, "%.*s is given twice", BYTES_ARG(name));
        }
        name_before[count++] = name;
    }
    if (count < 2 || bytes_ends(text, BYTES(",")))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "several takes names of credentials: "
                         "several:NAME,NAME");
    return KH_OK;
}

static enum kh_err
parse(struct credential *credential, struct bytes text, struct fault *fault)
{
    BUFFER_AUTO canonical;

    buffer_init(&canonical, SEVERAL_MAX * (CREDENTIAL_NAME_MAX + 1) + 16);
    enum kh_err err = check_names(text, fault);
    if (err)
        return err;
    buffer_put_str(&canonical, "several:");
    buffer_put(&canonical, text);
    if (credential_keep(credential, text, &credential->inject_template))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return inject_keep_built(credential, INJECT_SEVERAL, BYTES_EMPTY, &canonical, fault);
}

static enum kh_err
check_secret(const struct credential *credential, struct bytes secret, struct fault *fault)
{
    (void)credential;
    if (!bytes_is(secret, "-"))
        return fault_set(fault, KH_ERR_USAGE,
                         "the secret: a set has none of its own, its members have: give \"-\"");
    return KH_OK;
}

// ---- its members ----

static const struct credential *
find(const struct injection_context *context, struct bytes name)
{
    return context->credentials ? credentials_find(context->credentials, name) : NULL;
}

static struct injection_needs
needs(const struct credential *credential, const struct injection_context *context)
{
    struct injection_needs all = {.sha256 = false};
    struct bytes rest = credential->inject_template, name;

    while (bytes_cut(&rest, ',', &name)) {
        const struct credential *member = find(context, name);
        if (member == NULL || member->route.inject_kind == INJECT_SEVERAL)
            continue;
        struct injection_needs one = injection_needs(member, context);
        all.sha256 |= one.sha256;
        all.content |= one.content;
    }
    return all;
}

bool
injection_members_are_enabled(const struct credential *credential,
                              const struct injection_context *context)
{
    struct bytes rest = credential->inject_template, name;

    if (credential->route.inject_kind != INJECT_SEVERAL)
        return true;
    while (bytes_cut(&rest, ',', &name)) {
        const struct credential *member = find(context, name);
        if (member == NULL || !member->row.enabled)
            return false;
    }
    return true;
}

bool
injection_members_allow_host(const struct credential *credential,
                             const struct injection_context *context)
{
    const struct message_decide *request = context->request;
    struct bytes rest = credential->inject_template, name;

    if (credential->route.inject_kind != INJECT_SEVERAL)
        return true;
    while (bytes_cut(&rest, ',', &name)) {
        const struct credential *member = find(context, name);
        if (member == NULL ||
            !credential_allows_host(member, request->scheme, request->host, request->port))
            return false;
    }
    return true;
}

bool
injection_has_member(const struct credential *credential, struct bytes name)
{
    struct bytes rest = credential->inject_template, member;

    if (credential->route.inject_kind != INJECT_SEVERAL)
        return false;
    while (bytes_cut(&rest, ',', &member)) {
        if (bytes_equal(member, name))
            return true;
    }
    return false;
}

static enum kh_err
check_pair(const struct credential *signer, const struct credential *writer, struct fault *fault)
{
    static const struct {
        enum inject_part_of part;
        const char *name;
    } parts[] = {{INJECT_OF_PATH, "path"}, {INJECT_OF_QUERY, "query"}, {INJECT_OF_BODY, "body"}};
    const struct inject_rules *signs = inject_rules_of(signer), *writes = inject_rules_of(writer);

    if (signs == NULL || writes == NULL || signs->covers == NULL)
        return KH_OK;
    unsigned both = signs->covers(signer) & writes->writes;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (both & parts[i].part)
            return fault_set(fault, KH_ERR_USAGE,
                             "inject: %.*s signs the %s, and %.*s puts its key there: the "
                             "signature would not be of what is sent",
                             BYTES_ARG(signer->row.name), parts[i].name,
                             BYTES_ARG(writer->row.name));
    }
    return KH_OK;
}

enum kh_err
injection_check_members(const struct credential *credential, const struct credentials *credentials,
                        struct fault *fault)
{
    const struct injection_context context = {.credentials = credentials};
    const struct credential *member[SEVERAL_MAX];
    struct bytes rest = credential->inject_template, name;
    size_t count = 0;

    if (credential->route.inject_kind != INJECT_SEVERAL)
        return KH_OK;
    while (count < SEVERAL_MAX && bytes_cut(&rest, ',', &name)) {
        if ((member[count] = find(&context, name)) != NULL)
            count++;
    }
    for (size_t i = 0; i < count * count; i++) {
        enum kh_err err = check_pair(member[i / count], member[i % count], fault);
        if (err)
            return err;
    }
    return KH_OK;
}

static enum injection_result
unavailable(struct inject_work *work, enum kh_reason reason, struct bytes name, const char *why)
{
    (void)inject_refuse(work, "%.*s, which is one of %.*s, %s", BYTES_ARG(name),
                        BYTES_ARG(work->credential->row.name), why);
    work->out->reason = reason;
    return INJECTION_UNAVAILABLE;
}

static enum injection_result
add(struct inject_work *work, struct bytes name)
{
    const struct message_decide *request = work->context->request;
    const struct credential *member = find(work->context, name);
    struct inject_work one = *work;

    if (member == NULL)
        return unavailable(work, KH_REASON_CREDENTIAL_UNKNOWN, name, "is not there");
    if (!member->row.enabled)
        return unavailable(work, KH_REASON_CREDENTIAL_DISABLED, name, "is disabled");
    if (!credential_allows_host(member, request->scheme, request->host, request->port))
        return unavailable(work, KH_REASON_HOST_NOT_ALLOWED, name, "does not allow this host");
    if (member->route.inject_kind == INJECT_SEVERAL)
        return unavailable(work, KH_REASON_INTERNAL, name, "is a set itself");
    one.credential = member;
    one.secret = secret_bytes(member->secret);
    if (one.secret.n == 0)
        return INJECTION_FAILED;
    enum injection_result result = inject_make_one(&one);
    if (result != INJECTION_READY)
        return result;
    one.credential = work->credential;
    one.secret = work->secret;
    *work = one;
    return INJECTION_READY;
}

// Two that write the same would leave it to chance which one is sent.
static bool
collide(const struct inject_work *work)
{
    for (size_t i = 0; i < work->edit_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (work->edit[i].kind == work->edit[j].kind &&
                bytes_equal_nocase(work->edit[i].name, work->edit[j].name))
                return true;
        }
    }
    return false;
}

static enum injection_result
make(struct inject_work *work)
{
    struct bytes rest = work->credential->inject_template, name;
    struct fault fault = {0};

    if (injection_check_members(work->credential, work->context->credentials, &fault))
        return inject_refuse(work, "%.200s", fault.detail);
    while (bytes_cut(&rest, ',', &name)) {
        enum injection_result result = add(work, name);
        if (result != INJECTION_READY)
            return result;
    }
    if (collide(work))
        return inject_refuse(work, "two credentials of %.*s write the same place",
                             BYTES_ARG(work->credential->row.name));
    return INJECTION_READY;
}

const struct inject_rules inject_several_rules = {
    .kind = INJECT_SEVERAL,
    .word = "several",
    .form = "several:NAME,NAME",
    .named = true,
    .parse = parse,
    .check_secret = check_secret,
    .needs = needs,
    .make = make,
};
