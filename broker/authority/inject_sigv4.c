/* SPDX-License-Identifier: Apache-2.0
 *
 * "sigv4": the request is signed anew for AWS (and what speaks its protocol), in the form that the
 * client used. The secret key stays here; what leaves is a signature for this one request.
 */
#include "inject_sigv4.h"

enum { HOST_MAX = 512 };

// ---- the secret: ACCESSKEYID:SECRETKEY[:SESSIONTOKEN] ----

static enum kh_err
check_secret(const struct credential *credential, struct bytes secret, struct fault *fault)
{
    struct inject_sigv4_key key;

    (void)credential;
    if (!inject_sigv4_read_key(secret, &key))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "for sigv4 the secret is ACCESSKEYID:SECRETKEY, or "
                         "ACCESSKEYID:SECRETKEY:SESSIONTOKEN");
    return KH_OK;
}

// ---- the credential ----

static enum kh_err
parse(struct credential *credential, struct bytes text, struct fault *fault)
{
    (void)text;
    return inject_keep(credential, INJECT_SIGV4, BYTES("authorization"), BYTES("sigv4"), fault);
}

static void
slot(struct bytes text, struct buffer *out)
{
    (void)text;
    buffer_put_str(out, "aws");
}

static enum kh_err
check(const struct credential *credential, struct fault *fault)
{
    struct bytes region = credential_option(credential, "region");
    struct bytes service = credential_option(credential, "service");

    if (bytes_index(region, '/') < region.n || bytes_index(service, '/') < service.n)
        return fault_set(fault, KH_ERR_SYNTAX, "options: region and service have no '/'");
    for (size_t i = 0; i < credential->route.slot_count; i++) {
        if (credential->route.slot[i].kind == SLOT_AWS)
            return KH_OK;
    }
    if (region.n == 0 || service.n == 0)
        return fault_set(fault, KH_ERR_USAGE,
                         "options: give region and service: without the slot aws no client says "
                         "them");
    return KH_OK;
}

static struct bytes
service_of(const struct credential *credential, const struct message_decide *request)
{
    struct bytes service = credential_option(credential, "service");
    return service.n > 0 ? service : request->aws.service;
}

// ---- the body's hash ----

static struct injection_needs
needs(const struct credential *credential, const struct injection_context *context)
{
    const struct message_decide *request = context->request;
    struct bytes declared;
    bool once = inject_sigv4_only_header(request, "x-amz-content-sha256", &declared);

    return (struct injection_needs){.sha256 = once && declared.n == 0 &&
                                              !request->body.has_sha256 &&
                                              !inject_sigv4_is_s3(service_of(credential, request))};
}

// ---- the two forms ----

static void
edit_text(struct inject_work *work, enum edit_kind kind, struct bytes name, struct bytes value)
{
    size_t place = inject_place(work);

    inject_put(work, value);
    inject_edit(work, kind, name, inject_since(work, place));
}

static void
edit_query(struct inject_work *work, const struct inject_sigv4 *s)
{
    edit_text(work, EDIT_QUERY_SET, BYTES("X-Amz-Signature"), bytes_str(s->signature));
    for (size_t i = work->context->request->query_count; i < s->request.query_count; i++)
        edit_text(work, EDIT_QUERY_SET, s->query[i].name, s->query[i].value);
}

static void
edit_authorization(struct inject_work *work, const struct inject_sigv4 *s)
{
    struct buffer *text = &work->out->text;
    size_t place = inject_place(work);

    buffer_put_str(text, SIGV4_ALGORITHM " Credential=");
    sigv4_put_credential(&s->scope, s->key.access_key, text);
    buffer_put_str(text, ", SignedHeaders=");
    sigv4_put_signed_headers(&s->request, text);
    buffer_put_str(text, ", Signature=");
    buffer_put_str(text, s->signature);
    inject_edit(work, EDIT_HEADER_SET, BYTES("authorization"), inject_since(work, place));
}

static void
edit_headers(struct inject_work *work, const struct inject_sigv4 *s)
{
    edit_authorization(work, s);
    if (s->set_time)
        edit_text(work, EDIT_HEADER_SET, BYTES("x-amz-date"), bytes_str(s->scope.time));
    if (s->key.session_token.n > 0)
        edit_text(work, EDIT_HEADER_SET, BYTES("x-amz-security-token"), s->key.session_token);
    else
        edit_text(work, EDIT_HEADER_REMOVE, BYTES("x-amz-security-token"), BYTES_EMPTY);
}

// ---- the whole ----

static void
edit(struct inject_work *work, const struct inject_sigv4 *s)
{
    if (work->context->request->aws.presigned)
        edit_query(work, s);
    else
        edit_headers(work, s);
    if (s->set_payload)
        edit_text(work, EDIT_HEADER_SET, BYTES("x-amz-content-sha256"), s->request.payload);
    // A signature serves whoever has it until it expires, for a presigned URL up to a week.
    inject_scrub_text(work, bytes_str(s->signature));
    inject_scrub_text(work, s->key.access_key);
    inject_scrub_text(work, s->key.session_token);
}

_Static_assert((int)DECIDE_PAIRS_MAX + 8 <= (int)SIGV4_PAIRS_MAX, "a request and its signature");

static enum injection_result
make(struct inject_work *work)
{
    struct inject_sigv4 s = {.set_time = false};

    buffer_init(&s.text, HOST_MAX + 8 * INJECT_LINE_SECRET_MAX);
    if (!buffer_reserve(&s.text, HOST_MAX + 8 * INJECT_LINE_SECRET_MAX))
        return INJECTION_FAILED;
    enum injection_result result = inject_sigv4_prepare(work, &s);
    if (result == INJECTION_READY &&
        sigv4_sign(&s.request, &s.scope, s.key.secret_key, s.signature))
        result = INJECTION_FAILED;
    if (result == INJECTION_READY)
        edit(work, &s);
    buffer_free(&s.text);
    wipe(&s, sizeof s);
    return result;
}

static unsigned
covers(const struct credential *credential)
{
    (void)credential;
    return INJECT_OF_PATH | INJECT_OF_QUERY | INJECT_OF_BODY;
}

// The secret key never left.
static void
scrub_previous(struct inject_work *work, struct bytes previous)
{
    struct inject_sigv4_key key;

    if (!inject_sigv4_read_key(previous, &key))
        return;
    inject_scrub_text(work, key.access_key);
    inject_scrub_text(work, key.session_token);
}

const struct inject_rules inject_sigv4_rules = {
    .kind = INJECT_SIGV4,
    .word = "sigv4",
    .form = "sigv4",
    .parse = parse,
    .slot = slot,
    .check = check,
    .check_secret = check_secret,
    .needs = needs,
    .make = make,
    .covers = covers,
    .scrub_previous = scrub_previous,
};
