/* SPDX-License-Identifier: Apache-2.0 */
/* Discharges that are kept: for this ticket and this very token, and not a second too long. */
#include "../../../client/kept.h"
#include "../scratch.h"
#include "discharges.h"

#include <dirent.h>

static struct test_hole hole;

static int
setup(void **state)
{
    hole = test_hole_make(TEST_CONDITION, "https://d.example");
    return directory_setup(state);
}

static int
teardown(void **state)
{
    test_hole_free(&hole);
    return directory_teardown(state);
}

static size_t
files(void)
{
    size_t count = 0;
    DIR *directory = opendir(test_directory);
    for (const struct dirent *e; (e = readdir(directory)) != NULL;)
        count += e->d_name[0] != '.';
    closedir(directory);
    return count;
}

static void
put(struct bytes ticket, const uint8_t *lineage, const char *parent, int64_t seconds)
{
    struct fault fault = {.err = KH_OK};
    struct buffer raw = test_discharge(buffer_bytes(&hole.ticket), parent, seconds);
    assert_ok(kept_put(test_directory, ticket, lineage, buffer_bytes(&raw), &fault));
    buffer_free(&raw);
}

static enum kh_err
get(struct bytes ticket, const uint8_t *lineage)
{
    struct fault fault = {.err = KH_OK};
    struct buffer raw;
    buffer_init(&raw, TOKEN_TEXT_MAX);
    enum kh_err err = kept_get(test_directory, ticket, lineage, time(NULL), &raw, &fault);
    assert_int_equal(err == KH_OK, raw.n > 0);
    buffer_free(&raw);
    return err;
}

static void
test_there_and_back(void **state)
{
    (void)state;
    struct bytes ticket = buffer_bytes(&hole.ticket);
    assert_int_equal(get(ticket, hole.lineage), KH_ERR_NOT_FOUND);
    put(ticket, hole.lineage, hole.parent, 3600);
    assert_int_equal(get(ticket, hole.lineage), KH_OK);
    struct stat st;
    DIR *directory = opendir(test_directory);
    for (const struct dirent *e; (e = readdir(directory)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        assert_int_equal(fstatat(dirfd(directory), e->d_name, &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    closedir(directory);
}

static void
test_not_for_a_sibling(void **state)
{
    (void)state;
    struct bytes ticket = buffer_bytes(&hole.ticket);
    uint8_t sibling[LINEAGE_ID_SIZE] = {1};
    put(ticket, hole.lineage, hole.parent, 3600);
    assert_int_equal(get(ticket, sibling), KH_ERR_NOT_FOUND);
    assert_int_equal(get(BYTES("another ticket"), hole.lineage), KH_ERR_NOT_FOUND);
}

// Whatever is in the file: it is looked at again.
static void
test_files_that_lie(void **state)
{
    (void)state;
    struct bytes ticket = buffer_bytes(&hole.ticket);
    struct fault fault = {.err = KH_OK};
    put(ticket, hole.lineage, NULL, 3600);
    assert_int_equal(get(ticket, hole.lineage), KH_ERR_NOT_FOUND);
    put(ticket, hole.lineage, "00000000000000000000000000000000", 3600);
    assert_int_equal(get(ticket, hole.lineage), KH_ERR_NOT_FOUND);
    put(BYTES("another ticket"), hole.lineage, hole.parent, 3600);
    assert_int_equal(get(BYTES("another ticket"), hole.lineage), KH_ERR_NOT_FOUND);
    assert_ok(kept_put(test_directory, ticket, hole.lineage, BYTES("no macaroon"), &fault));
    assert_int_equal(get(ticket, hole.lineage), KH_ERR_NOT_FOUND);
}

static void
test_not_when_it_ends_soon(void **state)
{
    (void)state;
    struct bytes ticket = buffer_bytes(&hole.ticket);
    put(ticket, hole.lineage, hole.parent, KEPT_MARGIN_S - 1);
    assert_int_equal(get(ticket, hole.lineage), KH_ERR_NOT_FOUND);
    put(ticket, hole.lineage, hole.parent, -1);
    assert_int_equal(get(ticket, hole.lineage), KH_ERR_NOT_FOUND);
    put(ticket, hole.lineage, hole.parent, KEPT_MARGIN_S + 600);
    assert_int_equal(get(ticket, hole.lineage), KH_OK);
}

static void
test_ends(void **state)
{
    (void)state;
    struct token_discharge discharge;
    struct fault fault = {.err = KH_OK};
    int64_t before = time(NULL);
    struct buffer raw = test_discharge(BYTES("ticket"), hole.parent, 100);
    assert_ok(token_discharge_scan(buffer_bytes(&raw), &discharge, &fault));
    assert_in_range(kept_end(&discharge.macaroon), before + 100, (int64_t)time(NULL) + 100);
    assert_true(kept_fits(&discharge, BYTES("ticket"), hole.lineage));
    assert_false(kept_fits(&discharge, BYTES("ticke"), hole.lineage));
    buffer_free(&raw);
}

// One `parent` that is another's makes it useless, whatever else is there.
static void
test_two_parents(void **state)
{
    (void)state;
    struct token_discharge discharge;
    struct fault fault = {.err = KH_OK};
    struct buffer raw;
    char own[64];
    buffer_init(&raw, TOKEN_TEXT_MAX);
    snprintf(own, sizeof own, "parent = %s", hole.parent);
    struct bytes caveat[] = {bytes_str(own), BYTES("parent = 00000000000000000000000000000000")};
    assert_ok(
        token_discharge_make(BYTES("t"), test_root_key, BYTES_EMPTY, caveat, 2, &raw, &fault));
    assert_ok(token_discharge_scan(buffer_bytes(&raw), &discharge, &fault));
    assert_false(kept_fits(&discharge, BYTES("t"), hole.lineage));
    assert_int_equal(kept_end(&discharge.macaroon), INT64_MAX);
    buffer_free(&raw);
}

static void
test_sweep(void **state)
{
    (void)state;
    struct bytes ticket = buffer_bytes(&hole.ticket);
    uint8_t other[3][LINEAGE_ID_SIZE] = {{1}, {2}, {3}};
    struct fault fault = {.err = KH_OK};
    put(ticket, hole.lineage, hole.parent, 3600);
    put(ticket, other[0], hole.parent, -1);
    put(ticket, other[1], hole.parent, 10); // not used any more, and not over
    assert_ok(kept_put(test_directory, ticket, other[2], BYTES("junk"), &fault));
    write_file("notes.txt", "somebody's own", 0600);
    kept_sweep(test_directory, time(NULL));
    assert_int_equal(files(), 3);
    assert_int_equal(get(ticket, hole.lineage), KH_OK);
    assert_int_equal(access(test_path("notes.txt"), F_OK), 0);
    kept_sweep("/nonexistent/keyhole", time(NULL));
}

static void
test_directory_of_it(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    BUFFER_AUTO out;
    buffer_init(&out, 256);
    setenv("XDG_STATE_HOME", "/s", 1);
    assert_ok(kept_directory(&out, &fault));
    assert_string_equal(buffer_text(&out), "/s/keyhole/discharges");
    unsetenv("XDG_STATE_HOME");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_for_a_sibling, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_that_lie, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_when_it_ends_soon, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_parents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
        cmocka_unit_test(test_directory_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
