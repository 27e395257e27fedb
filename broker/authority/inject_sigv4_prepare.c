/* SPDX-License-Identifier: Apache-2.0
 *
 * A request as it will be sent, in the form that is signed.
 */
#include "inject_sigv4.h"

#include <string.h>

enum {
    CLOCK_WINDOW_S = 15 * 60, // what the services allow
    PRESIGNED_SECONDS_MAX = 7 * 24 * 3600,
};

// ---- the secret ----

bool
inject_sigv4_read_key(struct bytes secret, struct inject_sigv4_key *out)
{
    struct bytes rest = secret;

    *out = (struct inject_sigv4_key){0};
    if (!bytes_cut(&rest, ':', &out->access_key) || !bytes_cut(&rest, ':', &out->secret_key) ||
        out->access_key.n == 0 || out->secret_key.n == 0)
        return false;
    out->session_token = rest;
    // They stand in a list and in a scope, where these would end them.
    return bytes_index(rest, ':') == rest.n && bytes_index(secret, ' ') == secret.n &&
           bytes_index(out->access_key, '/') == out->access_key.n &&
           bytes_index(out->access_key, ',') == out->access_key.n;
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

bool
inject_sigv4_is_s3(struct bytes service)
{
    static const char *const names[] = {"s3", "s3-object-lambda", "s3-outposts", "s3express"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_is(service, names[i]))
            return true;
    }
    return false;
}

bool
inject_sigv4_only_header(const struct message_decide *request, const char *name, struct bytes *out)
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

// ---- the body ----

static bool
is_hash(struct bytes text)
{
    uint8_t hash[32];
    return bytes_from_hex(text, hash, sizeof hash);
}

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
set_payload(struct inject_work *work, struct inject_sigv4 *s)
{
    const struct message_decide *request = work->context->request;
    bool s3 = inject_sigv4_is_s3(s->scope.service);
    struct bytes declared;

    if (!inject_sigv4_only_header(request, "x-amz-content-sha256", &declared))
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
presigned_time(struct inject_work *work, struct inject_sigv4 *s)
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
set_time(struct inject_work *work, struct inject_sigv4 *s)
{
    struct bytes date;
    int64_t at, now = work->context->now;

    if (work->context->request->aws.presigned)
        return presigned_time(work, s);
    if (!inject_sigv4_only_header(work->context->request, "x-amz-date", &date))
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
add_header(struct inject_sigv4 *s, struct bytes name, struct bytes value)
{
    // One more than can be signed: sigv4_sign refuses.
    if (s->request.header_count < SIGV4_PAIRS_MAX)
        s->header[s->request.header_count] = (struct fact_pair){name, value};
    s->request.header_count++;
}

static struct bytes
keep(struct inject_sigv4 *s, size_t place)
{
    return bytes_from(buffer_bytes(&s->text), place);
}

// As request_write writes it.
static struct bytes
put_host(struct inject_sigv4 *s, const struct message_decide *request)
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
set_headers(struct inject_work *work, struct inject_sigv4 *s)
{
    const struct message_decide *request = work->context->request;
    struct bytes declared;

    add_header(s, BYTES("host"), put_host(s, request));
    for (size_t i = 0; i < request->header_count; i++) {
        if (is_signed(request, request->header[i].name))
            add_header(s, request->header[i].name, request->header[i].value);
    }
    bool has_payload =
        inject_sigv4_only_header(request, "x-amz-content-sha256", &declared) && declared.n > 0;
    if (has_payload || s->set_payload)
        add_header(s, BYTES("x-amz-content-sha256"), s->request.payload);
    if (request->aws.presigned)
        return;
    add_header(s, BYTES("x-amz-date"), bytes_str(s->scope.time));
    if (s->key.session_token.n > 0)
        add_header(s, BYTES("x-amz-security-token"), s->key.session_token);
}

// ---- the presigned form ----

static void
add_query(struct inject_sigv4 *s, const char *name, struct bytes value)
{
    if (s->request.query_count < SIGV4_PAIRS_MAX)
        s->query[s->request.query_count] = (struct fact_pair){bytes_str(name), value};
    s->request.query_count++;
}

// In the reverse of the usual order: each is put where the token stood, before the last.
static void
set_presigned_query(struct inject_work *work, struct inject_sigv4 *s)
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

// ---- the whole ----

enum injection_result
inject_sigv4_prepare(struct inject_work *work, struct inject_sigv4 *s)
{
    const struct message_decide *request = work->context->request;
    enum injection_result result;

    if (!inject_sigv4_read_key(work->secret, &s->key))
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
    s->request.path_form =
        inject_sigv4_is_s3(s->scope.service) ? SIGV4_PATH_ONCE : SIGV4_PATH_TWICE;
    s->request.query = s->query;
    s->request.header = s->header;
    s->request.query_count = request->query_count;
    memcpy(s->query, request->query, request->query_count * sizeof s->query[0]);
    set_headers(work, s);
    if (request->aws.presigned)
        set_presigned_query(work, s);
    return s->text.failed ? INJECTION_FAILED : INJECTION_READY;
}
