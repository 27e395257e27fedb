/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets are overwritten before they are freed: afterwards the heap is searched for them. */
#include "library_test.h"

#include "../../../caveats/base64.h"
#include "../heap.h"
#include "../memcheck.h"

#include <stdio.h>
#include <unistd.h>

// Of a broker that is gone. Nothing that was minted here would do: whoever mints leaves traces.
static const char text[] =
    "kh1_AgEHa2V5aG9sZQIxAQAAAAHnxUtBw0Y_UwSf1iNLjEOsAAAAAGsCed0AAAAAawKH7QEFYWxpY2UB"
    "A29uZQACE21ldGhvZCBpbiBHRVQsIFBPU1QAAAYghPNorTDhk691LTE091KF1pqlIcPjKzIxqucTarnY"
    "CnM";

enum { NEEDLE = 40, NEEDLES_MAX = 16, CHUNK = 1 << 16 };

// The ends of tokens, where the signature is; not as they are, or they would be found here.
static struct {
    uint8_t hidden[NEEDLE];
} needle[NEEDLES_MAX];
static size_t needles;

static void
remember(const char *token, size_t n)
{
    assert_true(n > NEEDLE && needles < NEEDLES_MAX);
    for (size_t i = 0; i < NEEDLE; i++)
        needle[needles].hidden[i] = (uint8_t)token[n - NEEDLE + i] ^ 0x5a;
    needles++;
}

// The signature itself, too.
static void
remember_decoded(const char *token, size_t n)
{
    BUFFER_AUTO raw;
    buffer_init_secret(&raw, KEYHOLE_TOKEN_MAX);
    assert_true(base64_decode(BASE64_URL, bytes_of(token, n), &raw));
    remember((const char *)raw.p, raw.n);
}

static bool
is_needle(const uint8_t *p, size_t which)
{
    for (size_t i = 0; i < NEEDLE; i++)
        if ((p[i] ^ 0x5a) != needle[which].hidden[i])
            return false;
    return true;
}

static size_t
search(const uint8_t *p, size_t n)
{
    size_t found = 0;
    for (size_t at = 0; at + NEEDLE <= n; at++)
        for (size_t i = 0; i < needles; i++)
            found += is_needle(p + at, i);
    return found;
}

static struct keyhole_token *
use(struct keyhole_token *token)
{
    static const char *const caveat[] = {"method = GET", "path ~ /v1/**"};
    struct keyhole_token *narrow = NULL;
    struct keyhole_attenuation *attenuation = NULL;
    struct keyhole_request *request = NULL;
    struct keyhole_judgement *judgement = NULL;
    char *given = NULL;
    size_t size = 0;
    ASSERT_GOOD(keyhole_attenuation_new(&attenuation, NULL));
    ASSERT_GOOD(keyhole_attenuation_add_label(attenuation, "agent", NULL));
    ASSERT_GOOD(keyhole_attenuation_set_prefix(attenuation, "sk-", NULL));
    struct keyhole_token *labelled = NULL;
    ASSERT_GOOD(keyhole_token_attenuate(token, attenuation, &labelled, NULL));
    keyhole_attenuation_free(attenuation);
    ASSERT_GOOD(keyhole_token_narrow(labelled, caveat, 2, &narrow, NULL));
    for (int format = KEYHOLE_FORMAT_KEYHOLE; format <= KEYHOLE_FORMAT_JSON; format++) {
        struct keyhole_token *again = NULL;
        ASSERT_GOOD(keyhole_token_encode(narrow, (enum keyhole_format)format, &given, &size, NULL));
        remember(given, size);
        if (format == KEYHOLE_FORMAT_V2)
            remember_decoded(given, size);
        ASSERT_GOOD(keyhole_token_parse(given, size, &again, NULL));
        keyhole_token_free(again);
        keyhole_free(given);
    }
    ASSERT_GOOD(keyhole_token_json(narrow, KEYHOLE_NOW, &given, NULL));
    keyhole_free(given);
    ASSERT_GOOD(keyhole_request_new("GET", "https://a.example/v1/x", &request, NULL));
    ASSERT_GOOD(keyhole_judge(narrow, request, &judgement, NULL));
    keyhole_judgement_free(judgement);
    keyhole_request_free(request);
    keyhole_token_free(labelled);
    return narrow;
}

static void
test_nothing_is_left(void **state)
{
    (void)state;
    struct keyhole_token *token = NULL;
    char *given = NULL;
#if defined(__SANITIZE_ADDRESS__)
    skip(); // its allocator keeps what is freed elsewhere
#endif
    memcheck_cannot("has another heap than the one that is searched");
    needles = 0;
    remember(text, sizeof text - 1);
    ASSERT_GOOD(keyhole_token_parse(text, KEYHOLE_WHOLE, &token, NULL));
    struct keyhole_token *narrow = use(token);
    // The search finds what is there.
    ASSERT_GOOD(keyhole_token_encode(token, KEYHOLE_FORMAT_KEYHOLE, &given, NULL, NULL));
    assert_true(heap_search(search) > 0);
    keyhole_free(given);
    keyhole_token_free(narrow);
    keyhole_token_free(token);
    // Errors, and what failed half-way, leave nothing either.
    token = NULL;
    static const char *const bad[] = {"method = GET", "what = ever"};
    struct keyhole_error error;
    ASSERT_GOOD(keyhole_token_parse(text, KEYHOLE_WHOLE, &token, NULL));
    struct keyhole_token *none = NULL;
    ASSERT_STATUS(keyhole_token_narrow(token, bad, 2, &none, &error), KEYHOLE_ERROR_UNKNOWN);
    keyhole_token_free(token);
    ASSERT_STATUS(keyhole_token_parse(text, sizeof text - 2, &none, &error),
                  KEYHOLE_ERROR_MALFORMED);
    size_t left = heap_search(search);
    if (left > 0)
        fail_msg("tokens are left in freed memory: %zu times", left);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_left),
    };
    return cmocka_run_group_tests_name("library/wipe", tests, NULL, NULL);
}
