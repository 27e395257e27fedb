/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: caveats/path.c caveats/host.c caveats/form.c caveats/pattern.c caveats/request_text.c
 *
 * The canonical form of a path, a host and a form is its own canonical form, and says the same
 * decoded; an exception more refuses nothing more; a path matches itself and `**`; nothing that
 * another program could read as a dot segment comes through.
 *
 * Input: a byte of exceptions, and a text.
 */

#include "../../../caveats/path.h"
#include "../../../caveats/request_text.h"
#include "../fuzz.h"

enum { EXCEPTIONS = PATH_ALLOW_ESCAPED_SLASH | PATH_ALLOW_SEMICOLON | PATH_ALLOW_EMPTY_SEGMENT };

static bool
canonical(struct bytes path, unsigned exceptions, struct buffer *encoded, struct buffer *decoded)
{
    struct fault fault = {0};
    buffer_init(encoded, 1 << 17);
    buffer_init(decoded, 1 << 17);
    enum kh_err err = path_canonical(path, exceptions, encoded, decoded, &fault);
    FUZZ_CHECK(err == KH_OK || err == KH_ERR_SYNTAX);
    FUZZ_CHECK(err == KH_OK || fault.detail[0] != '\0');
    return err == KH_OK;
}

static void
no_dot_segments(struct bytes path)
{
    struct bytes segment;
    while (bytes_cut(&path, '/', &segment)) {
        FUZZ_CHECK(!bytes_is(segment, ".") && !bytes_is(segment, ".."));
        FUZZ_CHECK(bytes_index(segment, '\\') == segment.n);
        FUZZ_CHECK(bytes_index(segment, '\0') == segment.n);
    }
}

static void
try_path(struct bytes path, unsigned exceptions)
{
    BUFFER_AUTO encoded = {0};
    BUFFER_AUTO decoded = {0};
    BUFFER_AUTO encoded_again = {0};
    BUFFER_AUTO decoded_again = {0};
    bool fine = canonical(path, exceptions, &encoded, &decoded);
    bool with_all = canonical(path, EXCEPTIONS, &encoded_again, &decoded_again);

    FUZZ_CHECK(!fine || with_all);
    if (!fine)
        return;
    buffer_free(&encoded_again);
    buffer_free(&decoded_again);
    FUZZ_CHECK(encoded.n > 0 && encoded.p[0] == '/');
    FUZZ_CHECK(canonical(buffer_bytes(&encoded), exceptions, &encoded_again, &decoded_again));
    FUZZ_SAME(buffer_bytes(&encoded), buffer_bytes(&encoded_again));
    FUZZ_SAME(buffer_bytes(&decoded), buffer_bytes(&decoded_again));
    no_dot_segments(buffer_bytes(&decoded));
    FUZZ_CHECK(path_pattern_matches(BYTES("/**"), buffer_bytes(&decoded), NULL));
    if (bytes_index(buffer_bytes(&decoded), '*') == decoded.n &&
        path_pattern_check(buffer_bytes(&decoded), NULL) == KH_OK)
        FUZZ_CHECK(path_pattern_matches(buffer_bytes(&decoded), buffer_bytes(&decoded), NULL));
}

static void
try_host(struct bytes text)
{
    BUFFER_AUTO host = {0};
    BUFFER_AUTO again = {0};
    uint16_t port = 0;

    buffer_init(&host, 1024);
    buffer_init(&again, 1024);
    if (host_canonical(text, &host) == KH_OK) {
        FUZZ_CHECK(host.n > 0);
        FUZZ_CHECK(host_is_canonical(buffer_bytes(&host)));
        FUZZ_CHECK(host_canonical(buffer_bytes(&host), &again) == KH_OK);
        FUZZ_SAME(buffer_bytes(&host), buffer_bytes(&again));
        FUZZ_CHECK(host_pattern_check(buffer_bytes(&host)));
        FUZZ_CHECK(host_pattern_matches(buffer_bytes(&host), buffer_bytes(&host)));
    } else {
        FUZZ_CHECK(host.n == 0);
        FUZZ_CHECK(!host_is_canonical(text));
    }
    buffer_clear(&again);
    if (authority_split(text, &again, &port) == KH_OK)
        FUZZ_CHECK(host_is_canonical(buffer_bytes(&again)));
}

static void
try_form(struct bytes text)
{
    BUFFER_AUTO decoded = {0};
    BUFFER_AUTO encoded = {0};
    BUFFER_AUTO decoded_again = {0};

    buffer_init(&decoded, 1 << 17);
    buffer_init(&encoded, 1 << 19);
    buffer_init(&decoded_again, 1 << 17);
    if (form_decode(text, &decoded) != KH_OK)
        return;
    form_encode(buffer_bytes(&decoded), &encoded);
    FUZZ_CHECK(form_decode(buffer_bytes(&encoded), &decoded_again) == KH_OK);
    FUZZ_SAME(buffer_bytes(&decoded), buffer_bytes(&decoded_again));
}

/* Patterns: the text up to the first newline against what follows. */
static void
try_patterns(struct bytes text)
{
    struct bytes pattern = fuzz_line(&text);
    uint64_t steps = 0;
    if (path_pattern_check(pattern, NULL) == KH_OK) {
        (void)path_pattern_matches(pattern, text, &steps);
        FUZZ_CHECK(steps <= 4 * (pattern.n + 1) * (text.n + 1) + 64);
    }
    steps = 0;
    (void)text_pattern_matches(pattern, text, &steps);
    FUZZ_CHECK(steps <= 4 * (pattern.n + 1) * (text.n + 1) + 64);
    if (host_pattern_check(pattern))
        (void)host_pattern_matches(pattern, text);
}

static void
try_line(struct bytes text, unsigned exceptions)
{
    struct request_text request;
    memset(&request, 0, sizeof request);
    if (request_text_read(text, exceptions, &request, NULL) == KH_OK) {
        FUZZ_CHECK(host_is_canonical(request.facts.host));
        FUZZ_CHECK(request.facts.port != 0);
        no_dot_segments(request.facts.path);
    }
    request_text_free(&request);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    unsigned exceptions = fuzz_u8(&text) & EXCEPTIONS;
    try_path(text, exceptions);
    try_host(text);
    try_form(text);
    try_patterns(text);
    try_line(text, exceptions);
    return 0;
}
