/* SPDX-License-Identifier: Apache-2.0
 *
 * What the authority's tests share: a directory of their own, a broker's state in it, and a look at
 * what it left behind.
 */
#ifndef KEYHOLE_TEST_FIXTURE_H
#define KEYHOLE_TEST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../broker/authority/admin.h"
#include "../../../broker/authority/authority.h"
#include "../../../broker/authority/state.h"

#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIXTURE_NOW    INT64_C(1793000000) /* 2026-10-26T06:13:20Z */
#define FIXTURE_SECRET "sk-canary-5f2e9b7a41c8d03e"

/* Prints what was wrong before it fails. */
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        struct fault fault_ = {0};                                                                 \
        struct fault *fault = &fault_;                                                             \
        enum kh_err err_ = (call);                                                                 \
        if (err_)                                                                                  \
            print_error("%s: %s (%s)\n", #call, fault->detail, kh_err_code(err_));                 \
        assert_int_equal(err_, KH_OK);                                                             \
    } while (0)

/* Fails with that error, and says something that contains `text`. */
#define assert_fault(call, expected, text)                                                         \
    do {                                                                                           \
        struct fault fault_ = {0};                                                                 \
        struct fault *fault = &fault_;                                                             \
        enum kh_err err_ = (call);                                                                 \
        if (err_ != (expected) || strstr(fault->detail, (text)) == NULL)                           \
            print_error("%s: %s: \"%s\", not %s with \"%s\"\n", #call, kh_err_code(err_),          \
                        fault->detail, kh_err_code(expected), (text));                             \
        assert_int_equal(err_, (expected));                                                        \
        assert_non_null(strstr(fault->detail, (text)));                                            \
    } while (0)

static const struct master_key_cost fixture_cost = {.operations = 1, .memory = 8192};

static char fixture_base[64];

static inline int
fixture_remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int
fixture_setup(void **state)
{
    (void)state;
    snprintf(fixture_base, sizeof fixture_base, "/tmp/keyhole-unit-XXXXXX");
    return mkdtemp(fixture_base) ? 0 : -1;
}

static inline int
fixture_teardown(void **state)
{
    (void)state;
    return nftw(fixture_base, fixture_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* In the test's directory; valid until the eighth call after it. */
static inline const char *
fixture_path(const char *name)
{
    static char path[8][256];
    static unsigned next;
    char *p = path[next++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", fixture_base, name);
    return p;
}

static inline struct bytes
fixture_read(const char *path, struct buffer *out)
{
    int fd = open(path, O_RDONLY);
    buffer_init(out, 1 << 26);
    for (;;) {
        uint8_t *room = buffer_reserve(out, 65536);
        ssize_t n = fd >= 0 && room ? read(fd, room, 65536) : 0;
        if (n <= 0)
            break;
        buffer_advance(out, (size_t)n);
    }
    if (fd >= 0)
        close(fd);
    return buffer_bytes(out);
}

static inline void
fixture_write(const char *path, struct bytes data)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data.n ? data.p : (const uint8_t *)"", data.n), (ssize_t)data.n);
    close(fd);
}

static struct bytes fixture_needle;
static char fixture_found[256];

static inline int
fixture_search_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    struct buffer data;
    (void)st;
    (void)ftw;
    if (type == FTW_F) {
        struct bytes whole = fixture_read(path, &data);
        if (bytes_find(whole, fixture_needle) < whole.n)
            snprintf(fixture_found, sizeof fixture_found, "%s", path);
        buffer_free(&data);
    }
    return 0;
}

/* No file below the test's directory has these bytes in it. */
static inline void
assert_nowhere(const char *needle)
{
    fixture_needle = bytes_str(needle);
    fixture_found[0] = '\0';
    assert_int_equal(nftw(fixture_base, fixture_search_entry, 16, FTW_PHYS), 0);
    if (fixture_found[0])
        print_error("\"%s\" stands in %s\n", needle, fixture_found);
    assert_string_equal(fixture_found, "");
}

/* ---- a broker's state ---- */

static inline struct master_key_source
fixture_source(void)
{
    static char directory[256];
    snprintf(directory, sizeof directory, "%s/state", fixture_base);
    return (struct master_key_source){.directory = directory};
}

static inline void
fixture_create(void)
{
    struct master_key_source source = fixture_source();
    struct wall_clock clock = clock_manual(FIXTURE_NOW);
    assert_ok(state_create(&source, fixture_cost, &clock, fault));
}

static inline void
fixture_open(struct authority *authority)
{
    struct master_key_source source = fixture_source();
    assert_ok(authority_open(authority, &source, clock_manual(FIXTURE_NOW), fault));
}

/* ---- the admin protocol ---- */

/* The answer; json_decref. */
static inline json_t *
fixture_ask(struct authority *authority, const char *request)
{
    BUFFER_AUTO out;
    json_error_t error;
    buffer_init(&out, 1 << 24);
    admin_answer(authority, bytes_str(request), &out);
    json_t *answer = json_loadb((const char *)out.p, out.n, JSON_REJECT_DUPLICATES, &error);
    if (answer == NULL)
        print_error("%s: %.*s\n", error.text, (int)out.n, (const char *)out.p);
    assert_non_null(answer);
    assert_int_equal(out.p[out.n - 1], '\n');
    assert_int_equal(bytes_index(buffer_bytes(&out), '\n'), out.n - 1);
    return answer;
}

/* The result of a request that must go well; json_decref. */
static inline json_t *
fixture_do(struct authority *authority, const char *request)
{
    json_t *answer = fixture_ask(authority, request);
    json_t *result = json_incref(json_object_get(answer, "result"));
    if (!json_is_true(json_object_get(answer, "ok")))
        print_error("%s\n  -> %s\n", request,
                    json_string_value(json_object_get(answer, "message")));
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    return result;
}

static inline void
fixture_refused(struct authority *authority, const char *request, const char *code,
                const char *text)
{
    json_t *answer = fixture_ask(authority, request);
    const char *got = json_string_value(json_object_get(answer, "code"));
    const char *message = json_string_value(json_object_get(answer, "message"));
    assert_true(json_is_false(json_object_get(answer, "ok")));
    if (got == NULL || message == NULL || strcmp(got, code) || !strstr(message, text))
        print_error("%s\n  -> %s: %s\n  not %s with \"%s\"\n", request, got, message, code, text);
    assert_string_equal(got, code);
    assert_non_null(strstr(message, text));
    json_decref(answer);
}

static inline void
fixture_add_openai(struct authority *authority)
{
    json_decref(fixture_do(authority,
                           "{\"command\": \"credential.add\", \"name\": \"openai\", \"preset\": "
                           "\"openai\", \"secret\": \"" FIXTURE_SECRET "\"}"));
}

/* A token; free() it. */
static inline char *
fixture_mint(struct authority *authority, const char *more)
{
    char request[2048];
    snprintf(request, sizeof request,
             "{\"command\": \"mint\", \"credentials\": [\"openai\"], \"lifetime_s\": 3600%s}",
             more);
    json_t *result = fixture_do(authority, request);
    char *token = strdup(json_string_value(json_object_get(result, "token")));
    json_decref(result);
    return token;
}

#define fixture_test(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

#endif
