/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/http/request_write.c broker/http/request_place.c broker/http/request_list.c
 * broker/http/request_token.c broker/http/request_token_list.c broker/http/request_token_path.c
 * broker/authority/inject.c broker/authority/inject_place.c broker/authority/inject_query.c
 * broker/authority/inject_header.c broker/authority/inject_basic.c broker/authority/inject_sigv4.c
 * broker/authority/inject_sigv4_prepare.c broker/authority/inject_hmac.c
 * broker/authority/inject_several.c
 *
 * What is judged is what is sent, with the key on it. The facts of a request are the same before
 * and after the key was put on. What was written is read again: every fact is there, in its order,
 * byte for byte; what is there and no fact is what the credential puts on a request, once; a fact
 * that is not there stood in the place of that. A signature is that of the request as it is read.
 *
 * Input: the credential and flags, a character each, a line's end, and a request as on a
 * connection. Flags: 1 escaped slashes, 2 semicolons and 4 empty segments may be in a path; 8 the
 * answer is scrubbed; 16 digests are dropped; 32 a secret with more than letters in it.
 */

#include "../../../broker/authority/credentials.h"
#include "../../../broker/authority/hmac.h"
#include "../../../broker/authority/inject.h"
#include "../../../broker/authority/secret.h"
#include "../../../broker/authority/sigv4.h"
#include "../../../broker/http/http1_write.h"
#include "../../../broker/http/request.h"
#include "../../../broker/http/request_list.h"
#include "../../../caveats/base64.h"
#include "../../../caveats/field_name.h"
#include "../fuzz.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

enum { NOW = 1767225600, FLAG_SCRUB = 8, FLAG_DIGESTS = 16, FLAG_SECRET = 32, PATH_FLAGS = 7 };

// ---- inputs ----

static const char *const words[] = {
    "GET /v1/models?limit=1&a=%20&key=kh1_AAAA&b HTTP/1.1\r",
    "GET /?&key=kh1_AAAA HTTP/1.1\r",
    "GET /?key=kh1_AAAA HTTP/1.1\r",
    "GET /botkh1_AAAA/getMe?x=[y] HTTP/1.1\r",
    "GET /a%2fb/kh1_AAAA//;c HTTP/1.1\r",
    "POST /kh1_AAAA/ HTTP/1.1\r",
    "GET /x?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=kh1_AAAA%2F20260101%2Feu-west-1%2Fs3"
    "%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=00&list-type=2 HTTP/1.1\r",
    "Host: api.example.com\r",
    "Content-Length: 5\r",
    "Connection: close, x-a\r",
    "Connection: Upgrade\r",
    "Upgrade: websocket\r",
    "X-A: b\r",
    "Authorization: Bearer kh1_AAAA\r",
    "Authorization: Basic dXNlcjpraDFfQUFBQQ==\r",
    "Authorization: AWS4-HMAC-SHA256 Credential=kh1_AAAA/20260101/eu-west-1/s3/aws4_request, "
    "SignedHeaders=host;x-a;range, Signature=00\r",
    "Proxy-Authorization: Bearer kh1_AAAA\r",
    "Keyhole-Token: kh1_AAAA\r",
    "X-Api-Key: kh1_AAAA\r",
    "X-Signature: v1=0\r",
    "Cookie: a=b; session=kh1_AAAA; c=d\r",
    "Cookie: session=old ;;a=b \t\r",
    "Cookie: session=\"kh1_AAAA\" ; c\r",
    "Sec-WebSocket-Protocol: a, key.kh1_AAAA\r",
    "Sec-WebSocket-Protocol: kh1_AAAA ,b,\r",
    "Sec-WebSocket-Extensions: permessage-deflate\r",
    "Accept-Encoding: gzip\r",
    "X-Forwarded-For: 192.0.2.1\r",
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r",
    "tracestate: a=b\r",
    "Content-MD5: AAAA\r",
    "Digest: sha-256=AAAA\r",
    "X-Amz-Date: 20260101T000000Z\r",
    "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r",
    "X-Amz-Meta-A:  b   c \r",
    "Range: bytes=0-1\r",
    "\r",
    NULL,
};

/* What stands between the parts of values. */
static const char *const marks[] = {" ",   "\t", ";", ",",  "=", "&", "/",    "\"",      "[",
                                    "%20", "%",  "+", "; ", "?", ":", "\x80", "kh1_AAAA"};

static size_t
put_mark(uint8_t *data, size_t size, size_t max, struct fuzz_random *random)
{
    const char *mark = marks[fuzz_below(random, sizeof marks / sizeof marks[0])];
    size_t n = strlen(mark), at = fuzz_below(random, (uint32_t)size + 1);

    if (size + n > max)
        return size;
    memmove(data + at + n, data + at, size - at);
    memcpy(data + at, mark, n);
    return size + n;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    struct fuzz_random random = {(uint64_t)seed * 2 + 1};

    if (size < 4 || max < 4)
        return fuzz_mutate(data, size, max, &random);
    switch (fuzz_below(&random, 8)) {
    case 0:
        data[0] = (uint8_t)('A' + fuzz_below(&random, 17));
        return size;
    case 1:
        data[1] = (uint8_t)('0' + fuzz_below(&random, 64));
        return size;
    case 2:
    case 3:
        return 3 + put_mark(data + 3, size - 3, max - 3, &random);
    default:
        return 3 + fuzz_mutate_lines(data + 3, size - 3, max - 3, seed, words);
    }
}

// ---- credentials ----

static const struct kind {
    const char *slot, *second_slot, *inject, *option, *second_option, *secret, *odd_secret;
} kinds[] = {
    {"bearer", NULL, "bearer", NULL, NULL, "sk-real.key", "s/k:r=e;a l\"&,"},
    {"header:x-api-key", NULL, "header:X-Api-Key: {secret}", NULL, NULL, "sk-real", "a=;b"},
    {"basic", "bearer", "basic", NULL, NULL, "user:real-key", "u/&:p:;x"},
    {"query:key", NULL, "query:key", NULL, NULL, "sk-real", "a&b=c%26+d e#\xc3\xa9"},
    {"cookie:session", NULL, "cookie:session", NULL, NULL, "sk-real", "a=b/+&%3b"},
    {"path", NULL, "path:bot{secret}", NULL, NULL, "12:real", "1/2?3#%2f;e"},
    {"path", NULL, "path", NULL, NULL, "12-real", "a b%00[]"},
    {"subprotocol:key.", NULL, "subprotocol:key.{secret}", NULL, NULL, "sk-real", "a.b!#$%&'*"},
    {"subprotocol", NULL, "subprotocol", NULL, NULL, "sk-real", "|~x"},
    {"aws", "bearer", "sigv4", "region=eu-west-1", "service=s3", "AKIAREAL:secretkey",
     "AKIAREAL:sec/ret+key=:session/token=="},
    {"aws", "bearer", "sigv4", "region=eu-west-1", "service=sqs", "AKIAREAL:secretkey",
     "AKIAREAL:sec/ret+key=:session/token=="},
    {"bearer", NULL, "hmac:sha256:hex:X-Signature: t={timestamp},v1={signature}",
     "sign={method}\\n{path}\\n{timestamp}", NULL, "hmac-key-real", "k k"},
    {"bearer", "cookie:session", "query:key", NULL, NULL, "sk-real", "a&b=c%26+d e"},
    {"query:key", "header:x-api-key", "cookie:session", NULL, NULL, "sk-real", "a=b/+&%3b"},
    {"cookie:session", "query:key", "header:X-Api-Key: k={secret}", NULL, NULL, "sk-real", "a;b=c"},
    {"cookie:session", "path", "several:one,two", NULL, NULL, "-", "-"},
    {"cookie:session", "bearer", "several:three,one,four", NULL, NULL, "-", "-"},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct credential *made[KINDS][2];
static struct credentials members;

static void
add_item(struct store_credential *row, enum store_list list, const char *text)
{
    if (text)
        row->item[list][row->item_count[list]++] = bytes_str(text);
}

static struct credential *
make(const char *name, const struct kind *kind, const char *secret)
{
    static struct store_credential row;
    struct credential *credential = NULL;
    struct fault fault = {0};

    row = (struct store_credential){.name = bytes_str(name), .enabled = true, .scrub = true};
    row.inject = bytes_str(kind->inject);
    add_item(&row, STORE_LIST_HOSTS, "api.example.com");
    add_item(&row, STORE_LIST_SLOTS, kind->slot);
    // A path is whole again by an injection into it alone.
    if (kind->second_slot && strcmp(kind->second_slot, "path") != 0)
        add_item(&row, STORE_LIST_SLOTS, kind->second_slot);
    add_item(&row, STORE_LIST_OPTIONS, kind->option);
    add_item(&row, STORE_LIST_OPTIONS, kind->second_option);
    if (credential_build(&row, true, &credential, &fault) != KH_OK ||
        credential_check_secret(credential, bytes_str(secret), &fault) != KH_OK ||
        secret_new(bytes_str(secret), &credential->secret, &fault) != KH_OK) {
        fprintf(stderr, "%s (%s): %s\n", kind->inject, secret, fault.detail);
        FUZZ_CHECK(!"a credential of this target is one");
    }
    return credential;
}

static const struct credential *
credential_of(size_t index, bool odd)
{
    static const struct kind one = {.slot = "bearer", .inject = "header:X-Team: {secret}"};
    static const struct kind two = {.slot = "bearer", .inject = "query:team"};
    static const struct kind three = {.slot = "bearer", .inject = "cookie:session"};
    static const struct kind four = {.slot = "bearer", .inject = "cookie:c"};
    static struct credential *item[4];

    if (members.count == 0) { // by name
        members = (struct credentials){.item = item, .count = 4, .capacity = 4};
        item[0] = make("four", &four, "team/four");
        item[1] = make("one", &one, "team-one");
        item[2] = make("three", &three, "team-three");
        item[3] = make("two", &two, "team two&");
    }
    if (made[index][odd] == NULL)
        made[index][odd] =
            make("c", &kinds[index], odd ? kinds[index].odd_secret : kinds[index].secret);
    return made[index][odd];
}

// ---- what is read again ----

static bool
parse(struct bytes in, struct http1_head *head)
{
    const char *why = NULL;
    size_t scanned = 0;

    return http1_parse_request(in, head, &scanned, &why) == HTTP1_DONE;
}

static struct request_destination
destination(struct bytes path, unsigned exceptions)
{
    return (struct request_destination){.way = WAY_HOST,
                                        .scheme = BYTES("https"),
                                        .host = BYTES("api.example.com"),
                                        .port = 443,
                                        .path_exceptions = exceptions,
                                        .path = path};
}

static const struct edit *
edit_of(const struct injection *injection, enum edit_kind kind, struct bytes name)
{
    for (size_t i = 0; i < injection->edit_count; i++)
        if (injection->edit[i].kind == kind && bytes_equal_nocase(injection->edit[i].name, name))
            return &injection->edit[i];
    return NULL;
}

static const struct edit *
edit_of_kind(const struct injection *injection, enum edit_kind kind)
{
    for (size_t i = 0; i < injection->edit_count; i++)
        if (injection->edit[i].kind == kind)
            return &injection->edit[i];
    return NULL;
}

// ---- fields ----

static bool
is_encoding(struct bytes name)
{
    return bytes_is(name, "accept-encoding") || bytes_is(name, "sec-websocket-extensions");
}

static enum edit_kind
kind_of_list(enum request_list list)
{
    return list == REQUEST_COOKIES ? EDIT_COOKIE_SET : EDIT_SUBPROTOCOL_SET;
}

/* Whether it is written otherwise than it was judged. */
static bool
is_changed(const struct injection *injection, bool scrub, struct bytes name)
{
    enum request_list list = request_list_of(name);

    return edit_of(injection, EDIT_HEADER_SET, name) ||
           edit_of(injection, EDIT_HEADER_REMOVE, name) || (scrub && is_encoding(name)) ||
           (list != REQUEST_LIST_COUNT && edit_of_kind(injection, kind_of_list(list)));
}

/* The next that nothing was done to; count: there is none. */
static size_t
next_field(const struct message_decide *facts, const struct injection *injection, bool scrub,
           size_t i)
{
    while (i < facts->header_count && is_changed(injection, scrub, facts->header[i].name))
        i++;
    return i;
}

static void
same_fields(const struct message_decide *judged, const struct message_decide *sent,
            const struct injection *injection, bool scrub)
{
    size_t i = next_field(judged, injection, scrub, 0), j = next_field(sent, injection, scrub, 0);

    while (i < judged->header_count && j < sent->header_count) {
        FUZZ_SAME(judged->header[i].name, sent->header[j].name);
        FUZZ_SAME(judged->header[i].value, sent->header[j].value);
        i = next_field(judged, injection, scrub, i + 1);
        j = next_field(sent, injection, scrub, j + 1);
    }
    FUZZ_CHECK(i == judged->header_count && j == sent->header_count);
}

static void
has_injected_fields(const struct message_decide *sent, const struct injection *injection,
                    bool scrub)
{
    for (size_t i = 0; i < injection->edit_count; i++) {
        const struct edit *edit = &injection->edit[i];
        size_t count = 0;
        for (size_t j = 0; j < sent->header_count; j++) {
            if (!bytes_equal_nocase(sent->header[j].name, edit->name))
                continue;
            count++;
            if (edit->kind == EDIT_HEADER_SET)
                FUZZ_SAME(sent->header[j].value, edit->value);
        }
        FUZZ_CHECK(edit->kind != EDIT_HEADER_SET || count == 1);
        FUZZ_CHECK(edit->kind != EDIT_HEADER_REMOVE || count == 0);
    }
    for (size_t j = 0; scrub && j < sent->header_count; j++)
        FUZZ_CHECK(!is_encoding(sent->header[j].name) ||
                   bytes_is(sent->header[j].value, "identity"));
}

// ---- items of lists ----

struct walk {
    const struct message_decide *facts;
    enum request_list list;
    size_t field, at;
};

/* The next item that says something, over all fields of that list. */
static bool
next_item(struct walk *walk, struct bytes *item)
{
    for (; walk->field < walk->facts->header_count; walk->field++, walk->at = 0) {
        const struct fact_pair *header = &walk->facts->header[walk->field];
        if (request_list_of(header->name) != walk->list)
            continue;
        while (request_list_next(&request_list_rules[walk->list], header->value, &walk->at, item)) {
            *item = bytes_trim(*item);
            if (item->n > 0)
                return true;
        }
    }
    return false;
}

/* Whether it is what the credential put there, or stood in its place. */
static bool
is_injected_item(enum request_list list, const struct injection *injection, struct bytes item)
{
    struct bytes name, text;

    request_list_read(&request_list_rules[list], item, &name, &text);
    for (size_t i = 0; i < injection->edit_count; i++) {
        const struct edit *edit = &injection->edit[i];
        if (edit->kind == kind_of_list(list) &&
            (list == REQUEST_COOKIES ? bytes_equal(name, edit->name)
                                     : bytes_equal(item, edit->value)))
            return true;
    }
    return false;
}

static bool
next_other_item(struct walk *walk, const struct injection *injection, size_t *injected,
                struct bytes *item)
{
    while (next_item(walk, item)) {
        if (!is_injected_item(walk->list, injection, *item))
            return true;
        (*injected)++;
    }
    return false;
}

static void
same_items(const struct message_decide *judged, const struct message_decide *sent,
           const struct injection *injection, enum request_list list)
{
    struct walk a = {.facts = judged, .list = list}, b = {.facts = sent, .list = list};
    struct bytes x = BYTES_EMPTY, y = BYTES_EMPTY;
    size_t before = 0, after = 0, edits = 0;

    for (size_t i = 0; i < injection->edit_count; i++)
        edits += injection->edit[i].kind == kind_of_list(list);
    if (edits == 0)
        return;
    for (;;) {
        bool more = next_other_item(&a, injection, &before, &x);
        FUZZ_CHECK(next_other_item(&b, injection, &after, &y) == more);
        if (!more)
            break;
        FUZZ_SAME(x, y);
    }
    FUZZ_CHECK(after == edits + (list == REQUEST_COOKIES ? 0 : before));
}

// ---- query and path ----

static size_t
next_pair(const struct request *request, const struct injection *injection, size_t i)
{
    while (i < request->query_count && (request->query[i].injected ||
                                        edit_of(injection, EDIT_QUERY_SET, request->query[i].name)))
        i++;
    return i;
}

static void
same_query(const struct request *judged, const struct request *sent,
           const struct injection *injection)
{
    size_t i = next_pair(judged, injection, 0), j = next_pair(sent, injection, 0);

    while (i < judged->query_count && j < sent->query_count) {
        FUZZ_SAME(judged->query[i].raw_name, sent->query[j].raw_name);
        FUZZ_SAME(judged->query[i].raw_value, sent->query[j].raw_value);
        FUZZ_SAME(judged->query[i].value, sent->query[j].value);
        FUZZ_CHECK(judged->query[i].has_value == sent->query[j].has_value);
        i = next_pair(judged, injection, i + 1);
        j = next_pair(sent, injection, j + 1);
    }
    FUZZ_CHECK(i == judged->query_count && j == sent->query_count);
    for (size_t k = 0; k < injection->edit_count; k++) {
        const struct edit *edit = &injection->edit[k];
        size_t count = 0;
        for (j = 0; edit->kind == EDIT_QUERY_SET && j < sent->query_count; j++) {
            if (!bytes_equal(sent->query[j].name, edit->name))
                continue;
            count++;
            FUZZ_SAME(sent->query[j].value, edit->value);
        }
        FUZZ_CHECK(edit->kind != EDIT_QUERY_SET || count == 1);
    }
}

static int
digit(uint8_t c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The path with the key in it again where the token stood; the key is what the credential says. */
static void
same_path(const struct request *request, struct bytes sent, const struct injection *injection)
{
    const struct edit *edit = edit_of_kind(injection, EDIT_PATH_SET);
    BUFFER_AUTO decoded = {0};
    size_t key = request->path_key, behind = key + strlen(REQUEST_KEY);

    if (edit == NULL) {
        FUZZ_SAME(request->path, sent);
        return;
    }
    struct bytes rest = bytes_from(request->path, behind);
    FUZZ_CHECK(sent.n >= key + rest.n);
    FUZZ_SAME(bytes_slice(request->path, 0, key), bytes_slice(sent, 0, key));
    FUZZ_SAME(rest, bytes_from(sent, sent.n - rest.n));
    struct bytes segment = bytes_slice(sent, key, sent.n - rest.n - key);
    FUZZ_CHECK(bytes_index(segment, '/') == segment.n && bytes_index(segment, ';') == segment.n);
    buffer_init(&decoded, 1 << 16);
    for (size_t i = 0; i < segment.n; i++) {
        bool escape = segment.p[i] == '%';
        FUZZ_CHECK(!escape || i + 2 < segment.n);
        buffer_put_byte(&decoded,
                        escape ? (uint8_t)(digit(segment.p[i + 1]) << 4 | digit(segment.p[i + 2]))
                               : segment.p[i]);
        i += escape ? 2 : 0;
    }
    FUZZ_SAME(buffer_bytes(&decoded), edit->value);
}

// ---- signatures ----

static struct bytes
field_value(const struct http1_head *head, const char *name)
{
    for (size_t i = 0; i < head->field_count; i++)
        if (bytes_equal_nocase(head->field[i].name, bytes_str(name)))
            return head->field[i].value;
    return BYTES_EMPTY;
}

static struct bytes
parameter_value(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->query_count; i++)
        if (bytes_is(request->query[i].name, name))
            return request->query[i].value;
    return BYTES_EMPTY;
}

static struct bytes
between(struct bytes text, const char *start, uint8_t end)
{
    struct bytes rest = bytes_from(text, bytes_find(text, bytes_str(start)) + strlen(start));
    return bytes_slice(rest, 0, bytes_index(rest, end));
}

/* As a service does that reads the request. */
static void
check_sigv4(const struct http1_head *head, const struct request *sent, struct bytes service,
            struct bytes secret_key)
{
    static struct fact_pair query[SIGV4_PAIRS_MAX], header[SIGV4_PAIRS_MAX];
    struct bytes authorization = field_value(head, "authorization"), list, signature, time, name;
    struct sigv4_request request = {
        .method = head->method, .path = sent->path, .query = query, .header = header};
    struct sigv4_scope scope = {.region = BYTES("eu-west-1"), .service = service};
    bool presigned = authorization.n == 0, s3 = bytes_is(service, "s3");
    char expected[SIGV4_HEX_SIZE];
    int64_t at;

    list = presigned ? parameter_value(sent, "X-Amz-SignedHeaders")
                     : between(authorization, "SignedHeaders=", ',');
    signature = presigned ? parameter_value(sent, "X-Amz-Signature")
                          : between(authorization, "Signature=", ',');
    time = presigned ? parameter_value(sent, "X-Amz-Date") : field_value(head, "x-amz-date");
    FUZZ_CHECK(sigv4_time_parse(time, &at));
    sigv4_time_print(at, scope.time);
    while (bytes_cut(&list, ';', &name))
        for (size_t i = 0; i < head->field_count; i++)
            if (bytes_equal_nocase(head->field[i].name, name))
                header[request.header_count++] = (struct fact_pair){name, head->field[i].value};
    for (size_t i = 0; i < sent->query_count; i++)
        if (!presigned || !bytes_is(sent->query[i].name, "X-Amz-Signature"))
            query[request.query_count++] =
                (struct fact_pair){sent->query[i].name, sent->query[i].value};
    request.path_form = s3 ? SIGV4_PATH_ONCE : SIGV4_PATH_TWICE;
    request.payload = field_value(head, "x-amz-content-sha256");
    if (request.payload.n == 0)
        request.payload = s3 && presigned ? BYTES("UNSIGNED-PAYLOAD") : BYTES(SIGV4_EMPTY_PAYLOAD);
    FUZZ_CHECK(sigv4_sign(&request, &scope, secret_key, expected) == KH_OK);
    FUZZ_SAME(signature, bytes_str(expected));
}

static void
check_hmac(const struct http1_head *head, struct bytes key)
{
    struct bytes field = field_value(head, "x-signature");
    struct hmac_values values = {
        .method = head->method, .path = head->path, .timestamp = between(field, "t=", ',')};
    uint8_t signature[HMAC_SIZE_MAX];
    char hex[2 * HMAC_SIZE_MAX + 1];
    size_t n = 0;

    FUZZ_CHECK(hmac_template_sign(HMAC_SHA256, key, BYTES("{method}\\n{path}\\n{timestamp}"),
                                  &values, signature, &n) == KH_OK);
    FUZZ_CHECK(bytes_to_hex(bytes_of(signature, n), hex, sizeof hex));
    FUZZ_SAME(between(field, "v1=", ','), bytes_str(hex));
}

static void
check_signature(const struct credential *credential, const struct http1_head *head,
                const struct request *sent)
{
    struct bytes secret = secret_bytes(credential->secret), access_key, secret_key;

    if (credential->route.inject_kind == INJECT_HMAC)
        check_hmac(head, secret);
    if (credential->route.inject_kind != INJECT_SIGV4)
        return;
    FUZZ_CHECK(bytes_cut(&secret, ':', &access_key) && bytes_cut(&secret, ':', &secret_key));
    check_sigv4(head, sent,
                bytes_find(credential->row.item[STORE_LIST_OPTIONS][1], BYTES("s3")) <
                        credential->row.item[STORE_LIST_OPTIONS][1].n
                    ? BYTES("s3")
                    : BYTES("sqs"),
                secret_key);
}

// ---- the whole ----

struct work {
    const struct credential *credential;
    unsigned flags;
    struct http1_head head;
    struct request request;
    struct request_token token;
    struct message_decide facts;
    struct buffer question;
    struct injection injection;
};

static void
describe(const struct request *request, const struct request_token *token, struct buffer *question,
         struct message_decide *facts)
{
    message_decide_init(facts);
    request_describe(request, facts);
    facts->token = token->text;
    facts->slot = token->slot;
    facts->slot_in_user = token->slot_in_user;
    facts->aws = token->aws;
    facts->body.has_size = facts->body.has_sha256 = true;
    FUZZ_CHECK(bytes_from_hex(BYTES(SIGV4_EMPTY_PAYLOAD), facts->body.sha256, 32));
    buffer_init(question, 1 << 20);
    message_decide_tx(facts, question);
}

static void
same_facts(const struct work *work)
{
    static struct message_decide again;
    BUFFER_AUTO question = {0};

    describe(&work->request, &work->token, &question, &again);
    FUZZ_SAME(buffer_bytes(&work->question), buffer_bytes(&question));
}

static void
read_again(struct work *work, struct bytes written)
{
    static struct http1_head head;
    static struct request sent;
    static struct message_decide facts;
    struct fault fault = {0};
    bool scrub = work->flags & FLAG_SCRUB;

    if (!parse(written, &head)) {
        // Written with a space after each colon and with the key, it may be over a limit.
        if (written.n > HTTP1_LINE_MAX - 512 || work->head.field_count > 80)
            return;
        fuzz_show("written", written);
        FUZZ_CHECK(!"what was written can be read");
    }
    FUZZ_CHECK(head.length == written.n && head.form == TARGET_ORIGIN);
    FUZZ_SAME(head.host, BYTES("api.example.com"));
    FUZZ_SAME(head.method, work->request.method);
    FUZZ_CHECK(head.content_length == work->head.content_length);
    same_path(&work->request, head.path, &work->injection);
    // What the credential puts into a path may be what is refused in a client's.
    struct request_destination to = destination(work->request.path, work->flags & PATH_FLAGS);
    enum kh_reason reason = request_build(&head, &to, &sent, &fault);
    if (reason == KH_REASON_REQUEST_MALFORMED && work->request.query_count > 120)
        return;
    FUZZ_CHECK(reason == KH_REASON_UNSET);
    FUZZ_SAME(work->request.path, sent.path);
    FUZZ_SAME(work->request.path_decoded, sent.path_decoded);
    FUZZ_SAME(work->request.upgrade, sent.upgrade);
    memset(&facts, 0, sizeof facts);
    request_describe(&sent, &facts);
    same_fields(&work->facts, &facts, &work->injection, scrub);
    has_injected_fields(&facts, &work->injection, scrub);
    for (size_t list = 0; list < REQUEST_LIST_COUNT; list++)
        same_items(&work->facts, &facts, &work->injection, (enum request_list)list);
    same_query(&work->request, &sent, &work->injection);
    check_signature(work->credential, &head, &sent);
    request_free(&sent);
}

/* A list that is changed needs a field beside the one that was judged. Whoever sends a hundred of
 * them, with what is replaced in each, gets a refusal. */
static bool
has_room(const struct request *request, size_t edits)
{
    size_t lists = 0;

    for (size_t i = 0; i < request->field_count; i++)
        lists += request_list_of(request->field[i].name) != REQUEST_LIST_COUNT;
    return request->field_count + (lists + 1) * edits <= HTTP1_FIELDS_MAX + DECISION_EDITS_MAX;
}

static void
send(struct work *work)
{
    BUFFER_AUTO written = {0};

    bool fits = has_room(&work->request, work->injection.edit_count);
    if (request_apply(&work->request, work->injection.edit, work->injection.edit_count) != KH_OK) {
        FUZZ_CHECK(!fits);
        return;
    }
    same_facts(work);
    buffer_init_secret(&written, 1 << 20);
    request_write(&work->request, work->head.body, work->head.content_length,
                  work->flags & FLAG_SCRUB, &written);
    FUZZ_CHECK(!written.failed);
    read_again(work, buffer_bytes(&written));
}

static void
judge(struct work *work)
{
    const struct route *routes[] = {&work->credential->route};
    static struct message_decide facts;
    struct fault fault = {0};

    if (request_take_token(&work->request, &work->head, routes, 1, &work->token, &fault) !=
        KH_REASON_UNSET)
        return;
    if (work->flags & FLAG_DIGESTS)
        request_drop_digests(&work->request);
    describe(&work->request, &work->token, &work->question, &facts);
    // As the authority reads them.
    if (!work->question.failed) {
        FUZZ_CHECK(message_decide_rx(buffer_bytes(&work->question), &work->facts) == KH_OK);
        struct injection_context context = {
            .request = &work->facts, .credentials = &members, .now = NOW};
        if (injection_make(work->credential, &context, &work->injection) == INJECTION_READY)
            send(work);
        injection_free(&work->injection);
    }
    buffer_free(&work->question);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct work work;
    struct bytes rest = bytes_of(data, size), recipe = fuzz_line(&rest);
    unsigned kind = (unsigned)fuzz_u8(&recipe) - 'A', flags = (unsigned)fuzz_u8(&recipe) - '0';

    work.flags = flags % 64;
    work.credential = credential_of(kind % KINDS, work.flags & FLAG_SECRET);
    if (!parse(rest, &work.head))
        return 0;
    struct request_destination to = destination(work.head.path, work.flags & PATH_FLAGS);
    if (request_build(&work.head, &to, &work.request, NULL) != KH_REASON_UNSET)
        return 0;
    // An upgrade with a body is refused before anybody is asked (tunnel_fault).
    if (work.request.upgrade.n == 0 || work.head.body == BODY_NONE)
        judge(&work);
    request_free(&work.request);
    return 0;
}
