/* SPDX-License-Identifier: Apache-2.0 */
/* audit verify against logs made by hand: good, cut, edited, torn, reordered. */
#include "support.h"

#include "../../../broker/operator/audit_chain.h"

#include <openssl/sha.h>

enum { RECORDS = 5 };
static char line[RECORDS][256];                 /* a good log */
static char hash[RECORDS + 1][AUDIT_CHAIN_HEX]; /* of each; [0]: zeros */

static int
make_log(void **state)
{
    (void)state;
    memset(hash[0], '0', AUDIT_CHAIN_HEX - 1);
    for (int i = 0; i < RECORDS; i++) {
        uint8_t digest[32];
        snprintf(line[i], sizeof(line[i]),
                 "{\"seq\":%d,\"time\":\"2026-11-21T18:00:0%d.000Z\",\"kind\":\"decision\","
                 "\"prev\":\"%.64s\"}",
                 i + 1, i, hash[i]);
        SHA256((const uint8_t *)line[i], strlen(line[i]), digest);
        if (!bytes_to_hex(bytes_of(digest, 32), hash[i + 1], AUDIT_CHAIN_HEX))
            return -1;
    }
    return directory_setup(state);
}

static struct audit_chain chain;

static enum kh_err
verify(const char *text, struct fault *fault)
{
    struct audit_lines lines;
    write_file("audit.log", text, 0600);
    *fault = (struct fault){0};
    assert_int_equal(audit_lines_open(test_directory, &lines, fault), KH_OK);
    enum kh_err err = audit_chain_verify(&chain, &lines, fault);
    audit_lines_close(&lines);
    return err;
}

/* The lines of these numbers (from 1), each with its newline. */
static const char *
log_of(const int *number, size_t count)
{
    static char text[4096];
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        strcat(text, line[number[i] - 1]);
        strcat(text, "\n");
    }
    return text;
}
#define LOG_OF(...)                                                                                \
    log_of((const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static void
bad_heads(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ":",
        "1",
        "1:",
        "1:abcd",
        ":9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "-1:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "1:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08x",
        "1:zf86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    };
    uint64_t seq;
    char out[AUDIT_CHAIN_HEX] = "";
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (audit_chain_parse_head(bad[i], &seq, out, NULL) == KH_OK)
            fail_msg("\"%s\" was accepted", bad[i]);
    assert_int_equal(
        audit_chain_parse_head(
            "12:9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08", &seq, out, NULL),
        KH_OK);
    assert_int_equal(seq, 12);
    assert_string_equal(out, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
}

static void
no_log(void **state)
{
    (void)state;
    struct audit_lines lines;
    struct fault fault = {0};
    assert_int_equal(audit_lines_open("/nonexistent", &lines, &fault), KH_ERR_NOT_FOUND);
    assert_says(fault, "no audit log in /nonexistent");
}

static void
good(void **state)
{
    (void)state;
    struct fault fault;
    audit_chain_init(&chain);
    assert_int_equal(verify("", &fault), KH_OK);
    assert_int_equal(chain.records, 0);
    audit_chain_init(&chain);
    audit_chain_add_head(&chain, "audit.head", 5, hash[5]);
    audit_chain_add_head(&chain, "--head", 3, hash[3]);
    audit_chain_add_head(&chain, "empty", 0, "");
    if (verify(LOG_OF(1, 2, 3, 4, 5), &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    assert_int_equal(chain.records, 5);
    assert_string_equal(chain.hash, hash[5]);
}

static void
broken(const char *text, const char *says)
{
    struct fault fault;
    audit_chain_init(&chain);
    if (verify(text, &fault) != KH_ERR_AUDIT_BROKEN)
        fail_msg("not seen to be broken (%s):\n%s", says, text);
    assert_says(fault, says);
}

static void
removed_added_moved(void **state)
{
    (void)state;
    broken(LOG_OF(1, 2, 4, 5), "line 3 holds record 4");
    broken(LOG_OF(2, 3), "line 1 holds record 2");
    broken(LOG_OF(1, 3, 2, 4, 5), "line 2 holds record 3");
    broken(LOG_OF(1, 2, 2, 3), "line 3 holds record 2");
    broken(LOG_OF(1, 1), "line 2 holds record 1");
}

// threat 25
static void
edited(void **state)
{
    (void)state;
    for (int i = 0; i < RECORDS - 1; i++) {
        char *text = strdup(LOG_OF(1, 2, 3, 4, 5)), says[64];
        char *at = text;
        for (int n = 0; n < i; n++)
            at = strchr(at, '\n') + 1;
        *strstr(at, "decision") = 'D';
        snprintf(says, sizeof(says), "line %d does not follow from line %d", i + 2, i + 1);
        broken(text, says);
        free(text);
    }
}

static void
the_last_record_edited_shows_by_a_head(void **state)
{
    (void)state;
    struct fault fault;
    char *text = strdup(LOG_OF(1, 2, 3, 4, 5));
    char *last = strstr(text, "\"seq\":5");
    *strstr(last, "decision") = 'D';
    audit_chain_init(&chain);
    assert_int_equal(verify(text, &fault), KH_OK);
    audit_chain_init(&chain);
    audit_chain_add_head(&chain, "audit.head", 5, hash[5]);
    assert_int_equal(verify(text, &fault), KH_ERR_AUDIT_BROKEN);
    assert_says(fault, "line 5 is not the record that audit.head knows");
    free(text);
}

static void
cut_short_shows_by_a_head(void **state)
{
    (void)state;
    struct fault fault;
    audit_chain_init(&chain);
    assert_int_equal(verify(LOG_OF(1, 2, 3), &fault), KH_OK);
    audit_chain_init(&chain);
    audit_chain_add_head(&chain, "the running broker", 5, hash[5]);
    assert_int_equal(verify(LOG_OF(1, 2, 3), &fault), KH_ERR_AUDIT_BROKEN);
    assert_says(fault, "ends with record 3, but the running broker knows record 5");
    audit_chain_init(&chain);
    audit_chain_add_head(&chain, "audit.head", 1, hash[1]);
    assert_int_equal(verify("", &fault), KH_ERR_AUDIT_BROKEN);
    assert_says(fault, "cut short");
}

static void
torn(void **state)
{
    (void)state;
    struct fault fault;
    char text[4096];
    for (size_t n = 1; n <= strlen(line[3]); n += 7) {
        snprintf(text, sizeof(text), "%s%.*s", LOG_OF(1, 2, 3), (int)n, line[3]);
        audit_chain_init(&chain);
        audit_chain_add_head(&chain, "audit.head", 3, hash[3]);
        assert_int_equal(verify(text, &fault), KH_ERR_CLOSED);
        assert_says(fault, "line 4 is torn");
    }
    // Torn and cut is cut: the graver one is told.
    audit_chain_init(&chain);
    audit_chain_add_head(&chain, "audit.head", 4, hash[4]);
    assert_int_equal(verify(text, &fault), KH_ERR_AUDIT_BROKEN);
}

static void
what_is_no_record(void **state)
{
    (void)state;
    broken("\n", "line 1 is no audit record");
    broken("{}\n", "line 1 is no audit record");
    broken("[1]\n", "line 1 is no audit record");
    broken("{\"seq\":1}\n", "line 1 is no audit record");
    broken("{\"seq\":\"1\",\"prev\":\"\"}\n", "line 1 is no audit record");
    broken("{\"seq\":1,\"prev\":\"00\"}\n", "line 1 does not begin a chain");
    char text[2048];
    // Two values of one name: what a reader takes would depend on the reader.
    snprintf(text, sizeof(text), "{\"seq\":1,\"seq\":1,\"prev\":\"%s\"}\n", hash[0]);
    broken(text, "line 1 is no audit record");
    snprintf(text, sizeof(text), "%sgarbage\n", LOG_OF(1, 2));
    broken(text, "line 3 is no audit record");
}

static void
a_line_without_end(void **state)
{
    (void)state;
    struct audit_lines lines;
    struct fault fault = {0};
    audit_chain_init(&chain);
    audit_lines_init(&lines, open("/dev/zero", O_RDONLY | O_CLOEXEC));
    assert_int_equal(audit_chain_verify(&chain, &lines, &fault), KH_ERR_TOO_LONG);
    audit_lines_close(&lines);
}

// A record of kind `rotate` that goes on from `line` number `after`, and its hash.
static void
rotate_line(int after, char out[512], char next_hash[AUDIT_CHAIN_HEX])
{
    uint8_t digest[32];
    snprintf(
        out, 512,
        "{\"seq\":%d,\"time\":\"2026-11-21T18:00:09.000Z\",\"kind\":\"rotate\",\"prev\":\"%.64s\"}",
        after + 1, hash[after]);
    SHA256((const uint8_t *)out, strlen(out), digest);
    assert_true(bytes_to_hex(bytes_of(digest, 32), next_hash, AUDIT_CHAIN_HEX));
}

static void
several_files(void **state)
{
    (void)state;
    char rotate[512], end[AUDIT_CHAIN_HEX], text[600];
    struct fault fault;
    rotate_line(3, rotate, end);
    snprintf(text, sizeof text, "%s\n", rotate);
    write_file("audit.log.000000000001", LOG_OF(1, 2, 3), 0600);
    audit_chain_init(&chain);
    audit_chain_add_head(&chain, "audit.head", 4, end);
    audit_chain_add_head(&chain, "--head", 2, hash[2]);
    if (verify(text, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    assert_int_equal(chain.records, 4);
    assert_int_equal(chain.seq, 4);
    assert_int_equal(chain.first, 1);
    write_file("audit.log.000000000001", LOG_OF(1, 2), 0600);
    broken(text, "audit.log, line 1 begins with record 4, and the file before it ends with 2");
    write_file("audit.log.000000000001", LOG_OF(1, 3), 0600);
    broken(text, "audit.log.000000000001, line 2 holds record 3");
    write_file("audit.log.000000000001", LOG_OF(1, 2, 3, 4), 0600);
    broken(text, "audit.log, line 1 holds record 4");
    // The older one moved away: from here on it is whole.
    unlink(test_path("audit.log.000000000001"));
    audit_chain_init(&chain);
    audit_chain_add_head(&chain, "--head", 3, hash[3]);
    audit_chain_add_head(&chain, "audit.head", 4, end);
    if (verify(text, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    assert_int_equal(chain.records, 1);
    assert_int_equal(chain.seq, 4);
    assert_int_equal(chain.first, 4);
    audit_chain_init(&chain);
    audit_chain_add_head(&chain, "--head", 3, hash[2]);
    assert_int_equal(verify(text, &fault), KH_ERR_AUDIT_BROKEN);
    assert_says(fault, "--head knows");
    audit_chain_init(&chain);
    audit_chain_add_head(&chain, "--head", 2, hash[2]);
    assert_int_equal(verify(text, &fault), KH_ERR_AUDIT_BROKEN);
    assert_says(fault, "begins with record 4, and --head knows record 2");
    // What is no such record begins no log in the middle.
    broken(LOG_OF(4, 5), "line 1 holds record 4");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_heads),
        cmocka_unit_test(no_log),
        cmocka_unit_test(good),
        cmocka_unit_test(removed_added_moved),
        cmocka_unit_test(edited),
        cmocka_unit_test(the_last_record_edited_shows_by_a_head),
        cmocka_unit_test(cut_short_shows_by_a_head),
        cmocka_unit_test(torn),
        cmocka_unit_test(what_is_no_record),
        cmocka_unit_test(a_line_without_end),
        cmocka_unit_test(several_files),
    };
    return cmocka_run_group_tests(tests, make_log, directory_teardown);
}
