/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: made, mapped, counted in, and the names in them. */
#include "../../../broker/metrics.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void
test_bad_descriptors(void **state)
{
    struct fault fault = {0};
    int null = open("/dev/null", O_RDWR);
    (void)state;
    assert_null(metrics_page_map(-1));
    assert_null(metrics_page_map_to_read(null));
    assert_int_equal(metrics_attach(null, &fault), KH_ERR_MEMORY);
    assert_int_equal(fcntl(null, F_GETFD), -1); // taken over also then
    metrics_add(METRIC_SCRUBBED, 1);            // and counting goes nowhere, harmlessly
    metrics_page_unmap(NULL);
}

static void
test_size_is_sealed(void **state)
{
    struct fault fault = {0};
    int fd = metrics_page_create(&fault);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, 1 << 24), -1);
    assert_int_equal(close(fd), 0);
}

static void
test_counting_is_seen_by_a_reader_who_cannot_write(void **state)
{
    struct fault fault = {0};
    char path[64];
    int fd = metrics_page_create(&fault);
    (void)state;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int reader = open(path, O_RDONLY);
    assert_true(reader >= 0);
    assert_null(metrics_page_map(reader));
    const struct metrics_page *page = metrics_page_map_to_read(reader);
    assert_non_null(page);
    assert_int_equal(metrics_attach(fd, &fault), KH_OK);
    metrics_add(METRIC_SCRUBBED, 2);
    metrics_add(METRIC_SCRUBBED, 3);
    metrics_set(METRIC_CREDENTIALS, 7);
    metrics_add(METRIC_REQUESTS_RUNNING, 3);
    metrics_subtract(METRIC_REQUESTS_RUNNING, 1);
    assert_int_equal(metrics_cell_get(&page->value[METRIC_SCRUBBED]), 5);
    assert_int_equal(metrics_cell_get(&page->value[METRIC_CREDENTIALS]), 7);
    assert_int_equal(metrics_cell_get(&page->value[METRIC_REQUESTS_RUNNING]), 2);
    metrics_heartbeat();
    assert_true(metrics_cell_get(&page->heartbeat_us) > 0);
    assert_true(metrics_cell_get(&page->value[METRIC_PROCESS_FDS]) >= 3);
    // Its process ends: counters stay, what was open is closed.
    metrics_page_rest(metrics_own);
    assert_int_equal(metrics_cell_get(&page->value[METRIC_SCRUBBED]), 5);
    assert_int_equal(metrics_cell_get(&page->value[METRIC_REQUESTS_RUNNING]), 0);
    assert_int_equal(metrics_cell_get(&page->value[METRIC_CREDENTIALS]), 7);
    assert_int_equal(metrics_cell_get(&page->heartbeat_us), 0);
    metrics_page_unmap(page);
    metrics_detach();
    assert_int_equal(close(reader), 0);
}

static void
test_buckets(void **state)
{
    struct metrics_histogram histogram = {0};
    (void)state;
    metrics_observe(&histogram, &metrics_bounds_batch, 1);
    metrics_observe(&histogram, &metrics_bounds_batch, 2);
    metrics_observe(&histogram, &metrics_bounds_batch, 3);
    metrics_observe(&histogram, &metrics_bounds_batch, 257);
    assert_int_equal(metrics_cell_get(&histogram.bucket[0]), 1); // a bound belongs to its bucket
    assert_int_equal(metrics_cell_get(&histogram.bucket[1]), 1);
    assert_int_equal(metrics_cell_get(&histogram.bucket[2]), 1);
    assert_int_equal(metrics_cell_get(&histogram.bucket[metrics_bounds_batch.count]), 1);
    assert_int_equal(metrics_cell_get(&histogram.sum), 263);
}

static void
test_slots(void **state)
{
    struct fault fault = {0};
    char name[16], longest[METRICS_NAME_SIZE + 1];
    (void)state;
    assert_int_equal(metrics_attach(metrics_page_create(&fault), &fault), KH_OK);
    memset(longest, 'a', METRICS_NAME_SIZE);
    longest[METRICS_NAME_SIZE] = '\0';
    assert_int_equal(metrics_slot_give(BYTES_EMPTY), METRICS_SLOT_OTHER);
    assert_int_equal(metrics_slot_give(bytes_str(longest)), METRICS_SLOT_OTHER);
    // A credential of that name is not a second series of it.
    assert_int_equal(metrics_slot_give(BYTES("other")), METRICS_SLOT_OTHER);
    assert_int_equal(metrics_slot_give(BYTES("none")), METRICS_SLOT_NONE);
    for (unsigned i = 0; i < METRICS_CREDENTIALS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "c%u", i);
        assert_int_equal(metrics_slot_give(bytes_str(name)), METRICS_SLOT_FIRST + i);
        assert_int_equal(metrics_slot_give(bytes_str(name)), METRICS_SLOT_FIRST + i);
    }
    assert_int_equal(metrics_slot_give(BYTES("one-more")), METRICS_SLOT_OTHER);
    assert_int_equal(metrics_slot_find(metrics_own, BYTES("c7")), METRICS_SLOT_FIRST + 7);
    assert_int_equal(metrics_slot_find(metrics_own, BYTES("c")), METRICS_SLOT_OTHER);
    assert_int_equal(metrics_slot_find(metrics_own, BYTES_EMPTY), METRICS_SLOT_OTHER);
    metrics_detach();
}

static void
test_listeners(void **state)
{
    struct fault fault = {0};
    char name[32];
    (void)state;
    assert_int_equal(metrics_attach(metrics_page_create(&fault), &fault), KH_OK);
    struct metrics_listener *first = metrics_listener_give("127.0.0.1:1");
    assert_ptr_equal(metrics_listener_give("127.0.0.1:1"), first);
    assert_ptr_not_equal(metrics_listener_give("127.0.0.1:2"), first);
    for (int i = 3; i < 300; i++) {
        (void)snprintf(name, sizeof(name), "127.0.0.1:%d", i);
        assert_non_null(metrics_listener_give(name));
    }
    assert_string_equal(metrics_listener_give("127.0.0.1:300")->name, "other");
    assert_string_equal(first->name, "127.0.0.1:1");
    metrics_detach();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_descriptors),
        cmocka_unit_test(test_size_is_sealed),
        cmocka_unit_test(test_counting_is_seen_by_a_reader_who_cannot_write),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_listeners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
