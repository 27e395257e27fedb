/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the client share: tokens under a known key, and runs of the whole program
 * without a process.
 */
#ifndef KEYHOLE_CLIENT_TEST_H
#define KEYHOLE_CLIENT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../caveats/base64.h"
#include "../../../caveats/token.h"
#include "../../../client/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEST_KEY_ID = 7, TEST_ARGUMENTS_MAX = 64 };
#define TEST_ISSUED  INT64_C(1795000000) /* 2026-11-18T11:06:40Z */
#define TEST_EXPIRES (TEST_ISSUED + 12 * 3600)
#define TEST_NOW     (TEST_ISSUED + 600)

static const uint8_t test_key[TOKEN_KEY_SIZE] = "an example key for tests only!!";

/* What cmocka cannot show (its messages end at 1,024 bytes): the whole text in which something was
 * missing. */
static inline void
assert_contained(const char *text, const char *part, bool expected, const char *file, int line)
{
    if ((strstr(text, part) != NULL) == expected)
        return;
    fprintf(stderr, "'%s' %s in:\n%s\n", part, expected ? "is not" : "must not be", text);
    _assert_true(0, expected ? "contains" : "lacks", file, line);
}
#define assert_contains(text, part) assert_contained(text, part, true, __FILE__, __LINE__)
#define assert_lacks(text, part)    assert_contained(text, part, false, __FILE__, __LINE__)
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        enum kh_err err_ = (call);                                                                 \
        if (err_ != KH_OK)                                                                         \
            fail_msg("%s: %s: %s", #call, kh_err_code(err_), fault.detail);                        \
    } while (0)

/* A token of alice's for openai and github with these caveats, as text; free() it. */
static inline char *
test_mint_at(int64_t issued_at, int64_t expires_at, const char *const *caveat)
{
    struct fault fault = {.err = KH_OK};
    struct token_identity identity = {
        .key_id = TEST_KEY_ID,
        .token_id = "0123456789abcde",
        .issued_at = issued_at,
        .expires_at = expires_at,
        .principal = BYTES("alice"),
        .credential = {BYTES("openai"), BYTES("github")},
        .credential_count = 2,
    };
    struct bytes text[TOKEN_CAVEATS_MAX];
    size_t count = 0;
    for (; caveat[count] != NULL; count++)
        text[count] = bytes_str(caveat[count]);
    BUFFER_AUTO out;
    buffer_init(&out, TOKEN_TEXT_MAX);
    assert_ok(
        token_mint(&identity, test_key, BYTES("http://127.0.0.1:8437"), text, count, &out, &fault));
    return strdup(buffer_text(&out));
}
#define test_mint(...) test_mint_at(TEST_ISSUED, TEST_EXPIRES, (const char *const[]){__VA_ARGS__})
/* One that is good now, whenever now is. */
#define test_mint_fresh(...)                                                                       \
    test_mint_at(time(NULL), time(NULL) + 12 * 3600, (const char *const[]){__VA_ARGS__})

static inline struct token *
test_scan(const char *text)
{
    struct fault fault = {.err = KH_OK};
    struct token *token = NULL;
    assert_ok(token_scan(bytes_str(text), &token, &fault));
    return token;
}

/* Macaroons written by hand, for what cannot be minted: holes, discharges, damage. Signatures are
 * not right, and nobody but a broker can know. */
struct test_caveat {
    const char *id, *location; /* a location makes it a hole */
};

static inline void
test_put_field(struct buffer *out, uint8_t type, struct bytes value)
{
    buffer_put_byte(out, type);
    if (value.n >= 128)
        buffer_put_byte(out, (uint8_t)(value.n & 127) | 128);
    buffer_put_byte(out, (uint8_t)(value.n >= 128 ? value.n >> 7 : value.n));
    buffer_put(out, value);
}

/* `caveat` ends with a NULL id. */
static inline void
test_put_macaroon(struct buffer *out, struct bytes location, struct bytes identifier,
                  const struct test_caveat *caveat)
{
    static const uint8_t vid[TOKEN_VID_SIZE] = {1}, signature[TOKEN_SIGNATURE_SIZE] = {2};
    buffer_put_byte(out, 2);
    if (location.n > 0)
        test_put_field(out, 1, location);
    test_put_field(out, 2, identifier);
    buffer_put_byte(out, 0);
    for (; caveat->id != NULL; caveat++) {
        if (caveat->location != NULL)
            test_put_field(out, 1, bytes_str(caveat->location));
        test_put_field(out, 2, bytes_str(caveat->id));
        if (caveat->location != NULL)
            test_put_field(out, 4, bytes_of(vid, sizeof vid));
        buffer_put_byte(out, 0);
    }
    buffer_put_byte(out, 0);
    test_put_field(out, 6, bytes_of(signature, sizeof signature));
}

static inline struct token *
test_scan_raw(const struct buffer *raw)
{
    struct fault fault = {.err = KH_OK};
    struct token *token = NULL;
    BUFFER_AUTO text;
    buffer_init(&text, TOKEN_TEXT_MAX);
    buffer_put_str(&text, TOKEN_MARK);
    base64_encode(BASE64_URL, buffer_bytes(raw), &text);
    assert_ok(token_scan(buffer_bytes(&text), &token, &fault));
    return token;
}

/* Minted with `minted`, then two holes by a holder (the first filled by a discharge) among others.
 */
static inline struct token *
test_token_with_holes(void)
{
    static const struct test_caveat root[] = {
        {"method in GET, POST", NULL},
        {"label = ci", NULL},
        {"label = \"agent 2\"", NULL},
        {"time < 2026-11-18T11:30:00Z", NULL},
        {"hole = \"user = alice and factor = yubikey for 8h\"", NULL},
        {"ticket-1", "https://discharger.example"},
        {"ticket-2", "https://other.example"},
        {"colour = blue", NULL},
        {NULL, NULL},
    };
    static const struct test_caveat discharge[] = {
        {"time < 2026-11-18T19:00:00Z", NULL},
        {"label = \"factor yubikey\"", NULL},
        {"parent = 00112233445566778899aabbccddeeff", NULL},
        {NULL, NULL},
    };
    char *minted = test_mint("method = GET", "label = ci", NULL);
    struct token *token = test_scan(minted);
    BUFFER_AUTO raw;
    buffer_init(&raw, TOKEN_TEXT_MAX);
    test_put_macaroon(&raw, token->macaroon[0].location, token->macaroon[0].identifier, root);
    test_put_macaroon(&raw, BYTES_EMPTY, BYTES("ticket-1"), discharge);
    token_free(&token);
    free(minted);
    return test_scan_raw(&raw);
}

struct test_run {
    int status;
    char *out, *err; /* owned */
};

/* `keyhole` with these arguments (ends with NULL) and this standard input. */
static inline struct test_run
test_run_with(const char *input, const char *const *argument)
{
    struct test_run run = {0};
    char *argv[TEST_ARGUMENTS_MAX] = {NULL};
    int argc = 0;
    size_t out_size, err_size;
    argv[argc++] = strdup("keyhole");
    for (; *argument != NULL; argument++)
        argv[argc++] = strdup(*argument);
    FILE *in = tmpfile();
    FILE *out = open_memstream(&run.out, &out_size);
    FILE *err = open_memstream(&run.err, &err_size);
    assert_non_null(in);
    assert_non_null(out);
    assert_non_null(err);
    fputs(input, in);
    rewind(in);
    run.status = keyhole_main(argc, argv, in, out, err);
    fclose(in);
    fclose(out);
    fclose(err);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return run;
}
#define test_run_input(input, ...) test_run_with(input, (const char *const[]){__VA_ARGS__, NULL})
#define test_run(...)              test_run_input("", __VA_ARGS__)

static inline void
test_run_free(struct test_run *run)
{
    free(run->out);
    free(run->err);
    *run = (struct test_run){0};
}

#define assert_status(run, expected)                                                               \
    do {                                                                                           \
        if ((run).status != (expected))                                                            \
            fail_msg("exit status %d, expected %d; stdout:\n%s\nstderr:\n%s", (run).status,        \
                     (expected), (run).out, (run).err);                                            \
    } while (0)

/* Commands read these: each test says what is set. */
static inline int
test_clear_environment(void **state)
{
    (void)state;
    unsetenv("KEYHOLE_TOKEN");
    unsetenv("KEYHOLE_BROKER");
    unsetenv("KEYHOLE_CA");
    unsetenv("KEYHOLE_DISCHARGER");
    unsetenv("NO_COLOR");
    return 0;
}

#endif
