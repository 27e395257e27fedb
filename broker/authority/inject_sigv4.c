/* SPDX-License-Identifier: Apache-2.0
 *
 * "sigv4": the request is signed anew for AWS (and what speaks its protocol), in the form that the
 * client used. The secret key stays here; what leaves is a signature for this one request.
 */
#include "inject_internal.h"

#include "sigv4.h"

#include <string.h>

enum {
    CLOCK_WINDOW_S = 15 * 60, // what the services allow
    PRESIGNED_SECONDS_MAX = 7 * 24 * 3600,
    HOST_MAX = 512,
};

// ---- the secret: ACCESSKEYID:SECRETKEY[:SESSIONTOKEN] ----

struct aws_key {
    struct bytes access_key, secret_key, session_token;
};

static bool
read_key(struct bytes secret, struct aws_key *out)
{
    struct bytes rest = secret;

    *out = (struct aws_key){0};
    if (!bytes_cut(&rest, ':', &out->access_key) || !bytes_cut(&rest, ':', &out->secret_key) ||
        out->access_key.n == 0 || out->secret_key.n == 0)
        return false;
    out->session_token = rest;
    // They stand in a list and in a scope, where these would end them.
    return bytes_index(rest, ':') == rest.n && bytes_index(secret, ' ') == secret.n &&
           bytes_index(out->access_key, '/') == out->access_key.n &&
           bytes_index(out->access_key, ',') == out->access_key.n;
}

static enum kh_err
check_secret(const struct credential *credential, struct bytes secret, struct fault *fault)
{
    struct aws_key key;

    (void)credential;
    if (!read_key(secret, &key))
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

// ---- what is signed for ----

// The secret's own scope is what its operator said, and else the client's word: a signature for
// another region or service than the credential's would be a way around both.
static enum injection_result
choose(struct inject_work *work, const char *name, struct bytes of_client, struct bytes *out)
{
    *out = credential_option(work->credential, name);
    if (out->n == 0)
        *out = of_client;
    if (out->n == 0)
        return inject_refuse(work,
                             "the %s is not known: neither the client's signature nor the "
                             "credential's option says it",
                             name);
    if (of_client.n > 0 && !bytes_equal(*out, of_client))
        return inject_refuse(work, "it is signed for the %s %.*s, and this credential is for %.*s",
                             name, BYTES_ARG(of_client), BYTES_ARG(*out));
    return INJECTION_READY;
}

// Services whose paths are names of the customers' own, and are signed as they are.
static bool
is_s3(struct bytes service)
{
    static const char *const names[] = {"s3", "s3-object-lambda", "s3-outposts", "s3express"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_is(service, names[i]))
            return true;
    }
    return false;
}

static struct bytes
service_of(const struct credential *credential, const struct message_decide *request)
{
    struct bytes service = credential_option(credential, "service");
    return service.n > 0 ? service : request->aws.service;
}

// The only value of that field; empty without one. False: there are several.
static bool
only_header(const struct message_decide *request, const char *name, struct bytes *out)
{
    size_t count = 0;

    *out = BYTES_EMPTY;
    for (size_t i = 0; i < request->header_count; i++) {
        if (bytes_is(request->header[i].name, name)) {
            *out = request->header[i].value;
            count++;
        }
    }
    return count <= 1;
}

// ---- the body's hash ----

static struct injection_needs
needs(const struct credential *credential, const struct injection_context *context)
{
    const struct message_decide *request = context->request;
    struct bytes declared;
    bool once = only_header(request, "x-amz-content-sha256", &declared);

    return (struct injection_needs){.sha256 = once && declared.n == 0 &&
                                              !request->body.has_sha256 &&
                                              !is_s3(service_of(credential, request))};
}

static bool
is_hash(struct bytes text)
{
    uint8_t hash[32];
    return bytes_from_hex(text, hash, sizeof hash);
}

struct signing {
    struct aws_key key;
    struct sigv4_scope scope;
    struct sigv4_request request;
    struct fact_pair query[SIGV4_PAIRS_MAX], header[SIGV4_PAIRS_MAX];
    char payload[SIGV4_HEX_SIZE], signature[SIGV4_HEX_SIZE];
    bool set_payload, set_time;
    struct buffer text; // what header and query point into
};

static enum injection_result
declared_payload(struct inject_work *work, struct bytes declared, struct bytes *out)
{
    *out = declared;
    if (is_hash(declared) || bytes_is(declared, "UNSIGNED-PAYLOAD") ||
        bytes_is(declared, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"))
        return INJECTION_READY;
    if (bytes_starts(declared, BYTES("STREAMING-")))
        return inject_refuse(work,
                             "its body is signed in chunks, which would all have to be signed "
                             "anew; let the client send an unsigned payload over TLS, or hash the "
                             "body as a whole");
    return inject_refuse(work, "x-amz-content-sha256 is neither a hash nor UNSIGNED-PAYLOAD");
}

static enum injection_result
set_payload(struct inject_work *work, struct signing *s)
{
    const struct message_decide *request = work->context->request;
    bool s3 = is_s3(s->scope.service);
    struct bytes declared;

    if (!only_header(request, "x-amz-content-sha256", &declared))
        return inject_refuse(work, "there is more than one x-amz-content-sha256");
    if (declared.n > 0)
        return declared_payload(work, declared, &s->request.payload);
    s->request.payload = BYTES("UNSIGNED-PAYLOAD");
    // A presigned URL of S3 says nothing of the body, and S3 wants to be told else.
    if (s3 && request->aws.presigned)
        return INJECTION_READY;
    s->set_payload = s3;
    if (!request->body.has_sha256)
        return s3 ? INJECTION_READY : INJECTION_FAILED;
    if (!bytes_to_hex(bytes_of(request->body.sha256, sizeof request->body.sha256), s->payload,
                      sizeof s->payload))
        return INJECTION_FAILED;
    s->request.payload = bytes_str(s->payload);
    return INJECTION_READY;
}

// ---- when ----

static enum injection_result
presigned_time(struct inject_work *work, struct signing *s)
{
    const struct message_aws *aws = &work->context->request->aws;
    int64_t at, now = work->context->now;
    uint64_t seconds;

    if (!sigv4_time_parse(aws->date, &at) || !bytes_to_u64(aws->expires, &seconds) ||
        seconds == 0 || seconds > PRESIGNED_SECONDS_MAX)
        return inject_refuse(work, "X-Amz-Date or X-Amz-Expires is not that of a presigned URL");
    if (at > now + CLOCK_WINDOW_S)
        return inject_refuse(work, "the presigned URL is not valid yet");
    if (at + (int64_t)seconds <= now)
        return inject_refuse(work, "the presigned URL has expired");
    sigv4_time_print(at, s->scope.time);
    return INJECTION_READY;
}

// The client's own, as long as the services would take it: others than its Authorization may
// depend on it.
static enum injection_result
set_time(struct inject_work *work, struct signing *s)
{
    struct bytes date;
    int64_t at, now = work->context->now;

    if (work->context->request->aws.presigned)
        return presigned_time(work, s);
    if (!only_header(work->context->request, "x-amz-date", &date))
        return inject_refuse(work, "there is more than one x-amz-date");
    s->set_time =
        !sigv4_time_parse(date, &at) || at < now - CLOCK_WINDOW_S || at > now + CLOCK_WINDOW_S;
    sigv4_time_print(s->set_time ? now : at, s->scope.time);
    return INJECTION_READY;
}

// ---- the headers ----

// Written by the broker alone, or set below.
static bool
is_never_signed(struct bytes name)
{
    static const char *const names[] = {
        "accept-encoding", "authorization",        "content-length", "x-amz-content-sha256",
        "x-amz-date",      "x-amz-security-token", "host",           "x-amzn-trace-id",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_is(name, names[i]))
            return true;
    }
    return false;
}

static bool
is_listed(struct bytes list, struct bytes name)
{
    struct bytes rest = list, item;

    while (bytes_cut(&rest, ';', &item)) {
        if (bytes_equal_nocase(item, name))
            return true;
    }
    return false;
}

// All of AWS's own must be signed (S3), and what says how the body is read; else what the client
// has signed.
static bool
is_signed(const struct message_decide *request, struct bytes name)
{
    if (is_never_signed(name))
        return false;
    return bytes_starts(name, BYTES("x-amz-")) || is_listed(request->aws.signed_headers, name) ||
           (!request->aws.presigned &&
            (bytes_is(name, "content-type") || bytes_is(name, "content-md5")));
}

static void
add_header(struct signing *s, struct bytes name, struct bytes value)
{
    // One more than can be signed: sigv4_sign refuses.
    if (s->request.header_count < SIGV4_PAIRS_MAX)
        s->header[s->request.header_count] = (struct fact_pair){name, value};
    s->request.header_count++;
}

static struct bytes
keep(struct signing *s, size_t place)
{
    return bytes_from(buffer_bytes(&s->text), place);
}

// As request_write writes it.
static struct bytes
put_host(struct signing *s, const struct message_decide *request)
{
    bool v6 = bytes_index(request->host, ':') < request->host.n;
    size_t place = s->text.n;

    buffer_put_str(&s->text, v6 ? "[" : "");
    buffer_put(&s->text, request->host);
    buffer_put_str(&s->text, v6 ? "]" : "");
    if (request->port != (bytes_is(request->scheme, "https") ? 443 : 80))
        buffer_printf(&s->text, ":%u", request->port);
    return keep(s, place);
}

static void
set_headers(struct inject_work *work, struct signing *s)
{
    const struct message_decide *request = work->context->request;
    struct bytes declared;

    add_header(s, BYTES("host"), put_host(s, request));
    for (size_t i = 0; i < request->header_count; i++) {
        if (is_signed(request, request->header[i].name))
            add_header(s, request->header[i].name, request->header[i].value);
    }
    bool has_payload = only_header(request, "x-amz-content-sha256", &declared) && declared.n > 0;
    if (has_payload || s->set_payload)
        add_header(s, BYTES("x-amz-content-sha256"), s->request.payload);
    if (request->aws.presigned)
        return;
    add_header(s, BYTES("x-amz-date"), bytes_str(s->scope.time));
    if (s->key.session_token.n > 0)
        add_header(s, BYTES("x-amz-security-token"), s->key.session_token);
}

// ---- the two forms ----

static void
add_query(struct signing *s, const char *name, struct bytes value)
{
    if (s->request.query_count < SIGV4_PAIRS_MAX)
        s->query[s->request.query_count] = (struct fact_pair){bytes_str(name), value};
    s->request.query_count++;
}

// In the reverse of the usual order: each is put where the token stood, before the last.
static void
set_presigned_query(struct inject_work *work, struct signing *s)
{
    const struct message_aws *aws = &work->context->request->aws;
    size_t place = s->text.n;

    sigv4_put_signed_headers(&s->request, &s->text);
    add_query(s, "X-Amz-SignedHeaders", keep(s, place));
    if (s->key.session_token.n > 0)
        add_query(s, "X-Amz-Security-Token", s->key.session_token);
    add_query(s, "X-Amz-Expires", aws->expires);
    add_query(s, "X-Amz-Date", bytes_str(s->scope.time));
    place = s->text.n;
    sigv4_put_credential(&s->scope, s->key.access_key, &s->text);
    add_query(s, "X-Amz-Credential", keep(s, place));
    add_query(s, "X-Amz-Algorithm", BYTES(SIGV4_ALGORITHM));
}

static void
edit_text(struct inject_work *work, enum edit_kind kind, struct bytes name, struct bytes value)
{
    size_t place = inject_place(work);

    inject_put(work, value);
    inject_edit(work, kind, name, inject_since(work, place));
}

static void
edit_query(struct inject_work *work, const struct signing *s)
{
    edit_text(work, EDIT_QUERY_SET, BYTES("X-Amz-Signature"), bytes_str(s->signature));
    for (size_t i = work->context->request->query_count; i < s->request.query_count; i++)
        edit_text(work, EDIT_QUERY_SET, s->query[i].name, s->query[i].value);
}

static void
edit_authorization(struct inject_work *work, const struct signing *s)
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
edit_headers(struct inject_work *work, const struct signing *s)
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

static enum injection_result
prepare(struct inject_work *work, struct signing *s)
{
    const struct message_decide *request = work->context->request;
    enum injection_result result;

    if (!read_key(work->secret, &s->key))
        return INJECTION_FAILED;
    if ((result = choose(work, "region", request->aws.region, &s->scope.region)) !=
            INJECTION_READY ||
        (result = choose(work, "service", request->aws.service, &s->scope.service)) !=
            INJECTION_READY ||
        (result = set_time(work, s)) != INJECTION_READY ||
        (result = set_payload(work, s)) != INJECTION_READY)
        return result;
    s->request.method = request->method;
    s->request.path = request->path_encoded;
    s->request.path_form = is_s3(s->scope.service) ? SIGV4_PATH_ONCE : SIGV4_PATH_TWICE;
    s->request.query = s->query;
    s->request.header = s->header;
    s->request.query_count = request->query_count;
    memcpy(s->query, request->query, request->query_count * sizeof s->query[0]);
    set_headers(work, s);
    if (request->aws.presigned)
        set_presigned_query(work, s);
    return s->text.failed ? INJECTION_FAILED : INJECTION_READY;
}

static void
edit(struct inject_work *work, const struct signing *s)
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
    struct signing s = {.set_time = false};

    buffer_init(&s.text, HOST_MAX + 8 * INJECT_LINE_SECRET_MAX);
    if (!buffer_reserve(&s.text, HOST_MAX + 8 * INJECT_LINE_SECRET_MAX))
        return INJECTION_FAILED;
    enum injection_result result = prepare(work, &s);
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
    struct aws_key key;

    if (!read_key(previous, &key))
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
