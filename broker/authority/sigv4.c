/* SPDX-License-Identifier: Apache-2.0
 *
 * From a request to its canonical form, the string to sign, and the signature.
 */
#include "sigv4.h"

#include "../../caveats/path.h"
#include "../../caveats/timestamp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CANONICAL_MAX = 1 << 20, HASH_SIZE = 32 };

// ---- time ----

bool
sigv4_time_parse(struct bytes text, int64_t *out)
{
    char rfc3339[TIMESTAMP_SIZE];

    if (text.n != SIGV4_TIME_SIZE - 1 || text.p[8] != 'T' || text.p[15] != 'Z')
        return false;
    const char *t = (const char *)text.p;
    snprintf(rfc3339, sizeof rfc3339, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", t, t + 4, t + 6, t + 9,
             t + 11, t + 13);
    return timestamp_parse(bytes_str(rfc3339), out);
}

void
sigv4_time_print(int64_t seconds, char out[SIGV4_TIME_SIZE])
{
    char t[TIMESTAMP_SIZE];

    timestamp_print(seconds, t);
    snprintf(out, SIGV4_TIME_SIZE, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", t, t + 5, t + 8, t + 11, t + 14,
             t + 17);
}

// ---- the path ----

static void
put_escaped(struct buffer *out, struct bytes text, bool keep_slash)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '/' && keep_slash)
            buffer_put_byte(out, '/');
        else
            form_encode(bytes_slice(text, i, 1), out);
    }
}

// '+' is nothing special in a path.
static void
put_decoded(struct buffer *out, struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        int high = text.p[i] == '%' && i + 2 < text.n ? bytes_hex_digit(text.p[i + 1]) : -1;
        int low = high >= 0 ? bytes_hex_digit(text.p[i + 2]) : -1;
        if (low >= 0)
            i += 2;
        buffer_put_byte(out, low >= 0 ? (uint8_t)(high << 4 | low) : text.p[i]);
    }
}

static void
drop_segment(struct buffer *out)
{
    while (out->n > 0 && out->p[--out->n] != '/')
        continue;
}

// RFC 3986 section 5.2.4, and empty segments are one.
static void
put_resolved(struct buffer *out, struct bytes path)
{
    struct bytes rest = path, segment;

    while (bytes_cut(&rest, '/', &segment)) {
        if (bytes_is(segment, ".."))
            drop_segment(out);
        if (segment.n == 0 || bytes_is(segment, ".") || bytes_is(segment, ".."))
            continue;
        buffer_put_byte(out, '/');
        buffer_put(out, segment);
    }
    bool open = bytes_ends(path, BYTES("/")) || bytes_ends(path, BYTES("/.")) ||
                bytes_ends(path, BYTES("/.."));
    if (out->n == 0 || open)
        buffer_put_byte(out, '/');
}

static void
put_path(const struct sigv4_request *request, struct buffer *out)
{
    BUFFER_AUTO path;

    buffer_init(&path, CANONICAL_MAX);
    if (request->path_form == SIGV4_PATH_ONCE)
        put_decoded(&path, request->path);
    else
        put_resolved(&path, request->path);
    out->failed |= path.failed;
    put_escaped(out, buffer_bytes(&path), true);
}

// ---- pairs ----

struct pair {
    struct bytes name, value;
    size_t at; // where it stood: equal ones keep their order
};

static int
compare_query(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = bytes_compare(x->name, y->name);

    return order ? order : bytes_compare(x->value, y->value);
}

static int
compare_header(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = bytes_compare(x->name, y->name);

    if (order == 0)
        order = x->at < y->at ? -1 : x->at > y->at;
    return order;
}

static struct bytes
keep_escaped(struct buffer *text, struct bytes value)
{
    size_t start = text->n;

    form_encode(value, text);
    return bytes_from(buffer_bytes(text), start);
}

static size_t
encoded_size(const struct sigv4_request *request)
{
    size_t n = 1;

    for (size_t i = 0; i < request->query_count; i++)
        n += 3 * (request->query[i].name.n + request->query[i].value.n);
    return n;
}

// Sorted by what is encoded; a parameter without a value has an empty one.
static void
put_query(const struct sigv4_request *request, struct buffer *out)
{
    struct pair pair[SIGV4_PAIRS_MAX];
    size_t count = 0;
    BUFFER_AUTO text;

    buffer_init_secret(&text, CANONICAL_MAX); // a session token is among them
    if (request->query_count > SIGV4_PAIRS_MAX || !buffer_reserve(&text, encoded_size(request))) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < request->query_count; i++) {
        const struct fact_pair *given = &request->query[i];
        if (given->name.n == 0 && given->value.n == 0) // "a&&b"
            continue;
        pair[count].name = keep_escaped(&text, given->name);
        pair[count++].value = keep_escaped(&text, given->value);
    }
    qsort(pair, count, sizeof pair[0], compare_query);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_put_byte(out, '&');
        buffer_put(out, pair[i].name);
        buffer_put_byte(out, '=');
        buffer_put(out, pair[i].value);
    }
}

static size_t
sort_headers(const struct sigv4_request *request, struct pair *pair, struct buffer *out)
{
    if (request->header_count > SIGV4_PAIRS_MAX) {
        out->failed = true;
        return 0;
    }
    for (size_t i = 0; i < request->header_count; i++)
        pair[i] = (struct pair){request->header[i].name, request->header[i].value, i};
    qsort(pair, request->header_count, sizeof *pair, compare_header);
    return request->header_count;
}

// Trimmed, and runs of spaces are one.
static void
put_value(struct buffer *out, struct bytes value)
{
    struct bytes text = bytes_trim(value);

    for (size_t i = 0; i < text.n; i++) {
        bool space = text.p[i] == ' ';
        if (!space || text.p[i - 1] != ' ')
            buffer_put_byte(out, text.p[i]);
    }
}

static void
put_headers(const struct sigv4_request *request, struct buffer *out)
{
    struct pair pair[SIGV4_PAIRS_MAX];
    size_t count = sort_headers(request, pair, out);

    for (size_t i = 0; i < count; i++) {
        bool again = i > 0 && bytes_equal(pair[i].name, pair[i - 1].name);
        bool more = i + 1 < count && bytes_equal(pair[i].name, pair[i + 1].name);
        if (!again) {
            buffer_put(out, pair[i].name);
            buffer_put_byte(out, ':');
        }
        put_value(out, pair[i].value);
        buffer_put_byte(out, more ? ',' : '\n');
    }
}

void
sigv4_put_signed_headers(const struct sigv4_request *request, struct buffer *out)
{
    struct pair pair[SIGV4_PAIRS_MAX];
    size_t count = sort_headers(request, pair, out);

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && bytes_equal(pair[i].name, pair[i - 1].name))
            continue;
        if (i > 0)
            buffer_put_byte(out, ';');
        buffer_put(out, pair[i].name);
    }
}

// ---- what is signed ----

void
sigv4_put_scope(const struct sigv4_scope *scope, struct buffer *out)
{
    buffer_put(out, bytes_of(scope->time, 8));
    buffer_put_byte(out, '/');
    buffer_put(out, scope->region);
    buffer_put_byte(out, '/');
    buffer_put(out, scope->service);
    buffer_put_str(out, "/aws4_request");
}

void
sigv4_put_credential(const struct sigv4_scope *scope, struct bytes access_key, struct buffer *out)
{
    buffer_put(out, access_key);
    buffer_put_byte(out, '/');
    sigv4_put_scope(scope, out);
}

void
sigv4_put_canonical(const struct sigv4_request *request, struct buffer *out)
{
    buffer_put(out, request->method);
    buffer_put_byte(out, '\n');
    put_path(request, out);
    buffer_put_byte(out, '\n');
    put_query(request, out);
    buffer_put_byte(out, '\n');
    put_headers(request, out);
    buffer_put_byte(out, '\n');
    sigv4_put_signed_headers(request, out);
    buffer_put_byte(out, '\n');
    buffer_put(out, request->payload);
}

enum kh_err
sigv4_put_string_to_sign(const struct sigv4_scope *scope, struct bytes canonical,
                         struct buffer *out)
{
    uint8_t hash[HASH_SIZE];
    char hex[2 * HASH_SIZE + 1];

    if (EVP_Digest(canonical.p, canonical.n, hash, NULL, EVP_sha256(), NULL) != 1 ||
        !bytes_to_hex(bytes_of(hash, sizeof hash), hex, sizeof hex))
        return KH_ERR_CRYPTO;
    buffer_put_str(out, SIGV4_ALGORITHM "\n");
    buffer_put_str(out, scope->time);
    buffer_put_byte(out, '\n');
    sigv4_put_scope(scope, out);
    buffer_put_byte(out, '\n');
    buffer_put_str(out, hex);
    return out->failed ? KH_ERR_MEMORY : KH_OK;
}

// ---- the signature ----

static bool
hmac(const uint8_t *key, size_t key_n, struct bytes text, uint8_t out[HASH_SIZE])
{
    return HMAC(EVP_sha256(), key, (int)key_n, text.p, text.n, out, NULL) != NULL;
}

static bool
signing_key(const struct sigv4_scope *scope, struct bytes secret_key, uint8_t key[HASH_SIZE])
{
    BUFFER_AUTO first;

    buffer_init_secret(&first, secret_key.n + 8);
    buffer_put_str(&first, "AWS4");
    buffer_put(&first, secret_key);
    return !first.failed && hmac(first.p, first.n, bytes_of(scope->time, 8), key) &&
           hmac(key, HASH_SIZE, scope->region, key) && hmac(key, HASH_SIZE, scope->service, key) &&
           hmac(key, HASH_SIZE, BYTES("aws4_request"), key);
}

enum kh_err
sigv4_sign(const struct sigv4_request *request, const struct sigv4_scope *scope,
           struct bytes secret_key, char out[SIGV4_HEX_SIZE])
{
    uint8_t key[HASH_SIZE], signature[HASH_SIZE];
    BUFFER_AUTO canonical, text;

    buffer_init_secret(&canonical, CANONICAL_MAX);
    buffer_init(&text, 1024);
    sigv4_put_canonical(request, &canonical);
    if (canonical.failed)
        return KH_ERR_MEMORY;
    enum kh_err err = sigv4_put_string_to_sign(scope, buffer_bytes(&canonical), &text);
    if (!err && (!signing_key(scope, secret_key, key) ||
                 !hmac(key, sizeof key, buffer_bytes(&text), signature) ||
                 !bytes_to_hex(bytes_of(signature, sizeof signature), out, SIGV4_HEX_SIZE)))
        err = KH_ERR_CRYPTO;
    wipe(key, sizeof key);
    return err;
}
