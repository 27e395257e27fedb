/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking a template, and feeding its pieces to the HMAC one by one: a body is not copied for it.
 */
#include "hmac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <string.h>

static const char *const digests[HMAC_ALGORITHM_COUNT] = {
    [HMAC_SHA256] = "SHA2-256",
    [HMAC_SHA512] = "SHA2-512",
};

bool
hmac_algorithm_find(struct bytes name, enum hmac_algorithm *out)
{
    bool known = bytes_is(name, "sha256") || bytes_is(name, "sha512");

    if (known)
        *out = bytes_is(name, "sha256") ? HMAC_SHA256 : HMAC_SHA512;
    return known;
}

// ---- templates ----

static const struct mark {
    const char *text;
    size_t value; // in struct hmac_values
} marks[] = {
    {"{body}", offsetof(struct hmac_values, body)},
    {"{method}", offsetof(struct hmac_values, method)},
    {"{path}", offsetof(struct hmac_values, path)},
    {"{timestamp}", offsetof(struct hmac_values, timestamp)},
};

enum { MARKS = sizeof marks / sizeof marks[0] };

struct piece {
    struct bytes text; // literal, when there is no mark
    const struct mark *mark;
};

static const struct mark *
mark_at(struct bytes text)
{
    for (size_t i = 0; i < MARKS; i++) {
        if (bytes_starts(text, bytes_str(marks[i].text)))
            return &marks[i];
    }
    return NULL;
}

static bool
cut_escape(struct bytes *rest, struct piece *out)
{
    static const struct {
        uint8_t letter;
        const char *text;
    } escapes[] = {{'n', "\n"}, {'\\', "\\"}};

    for (size_t i = 0; rest->n > 1 && i < sizeof escapes / sizeof escapes[0]; i++) {
        if (rest->p[1] == escapes[i].letter) {
            out->text = bytes_str(escapes[i].text);
            *rest = bytes_from(*rest, 2);
            return true;
        }
    }
    return false;
}

// Cut the next piece off; false when what stands there is none.
static bool
cut_piece(struct bytes *rest, struct piece *out)
{
    size_t n = 0;

    *out = (struct piece){.mark = mark_at(*rest)};
    if (out->mark) {
        *rest = bytes_from(*rest, strlen(out->mark->text));
        return true;
    }
    if (rest->p[0] == '\\')
        return cut_escape(rest, out);
    while (n < rest->n && rest->p[n] != '{' && rest->p[n] != '\\')
        n++;
    out->text = bytes_slice(*rest, 0, n);
    *rest = bytes_from(*rest, n);
    return n > 0;
}

enum kh_err
hmac_template_read(struct bytes template, struct hmac_marks *out, struct fault *fault)
{
    struct hmac_marks found = {0};
    struct bytes rest = template;

    while (rest.n > 0) {
        struct piece piece;
        if (!cut_piece(&rest, &piece))
            return fault_set(fault, KH_ERR_SYNTAX,
                             "at \"%.*s\": there are {body}, {method}, {path} and {timestamp}, "
                             "\\n and \\\\",
                             rest.n > 20 ? 20 : (int)rest.n, (const char *)rest.p);
        if (piece.mark && piece.mark->value == offsetof(struct hmac_values, body))
            found.body = true;
        if (piece.mark && piece.mark->value == offsetof(struct hmac_values, path))
            found.path = true;
        if (piece.mark && piece.mark->value == offsetof(struct hmac_values, timestamp))
            found.timestamp = true;
    }
    *out = found;
    return KH_OK;
}

// ---- signing ----

static bool
feed(EVP_MAC_CTX *mac, struct bytes template, const struct hmac_values *values)
{
    struct bytes rest = template;

    while (rest.n > 0) {
        struct piece piece;
        struct bytes text;
        if (!cut_piece(&rest, &piece))
            return false;
        text = piece.text;
        if (piece.mark)
            memcpy(&text, (const uint8_t *)values + piece.mark->value, sizeof text);
        if (text.n > 0 && EVP_MAC_update(mac, text.p, text.n) != 1)
            return false;
    }
    return true;
}

enum kh_err
hmac_template_sign(enum hmac_algorithm algorithm, struct bytes key, struct bytes template,
                   const struct hmac_values *values, uint8_t *out, size_t *n)
{
    static EVP_MAC *hmac; // fetched once: fetching costs more than signing
    char digest[16];

    if ((unsigned)algorithm >= HMAC_ALGORITHM_COUNT || digests[algorithm] == NULL || key.n == 0)
        return KH_ERR_CRYPTO;
    memcpy(digest, digests[algorithm], strlen(digests[algorithm]) + 1);
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    if (hmac == NULL)
        hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    bool fine = mac && EVP_MAC_init(mac, key.p, key.n, parameters) == 1 &&
                feed(mac, template, values) && EVP_MAC_final(mac, out, n, HMAC_SIZE_MAX) == 1;
    EVP_MAC_CTX_free(mac);
    return fine ? KH_OK : KH_ERR_CRYPTO;
}
