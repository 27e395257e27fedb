/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of a family: one for each place, kept from one process to the next, read by who cannot
 * write. */
#include "../scratch.h"

#include "../../../broker/metrics.h"
#include "../../../broker/supervisor/pages.h"

static struct family_child child[3];
static struct family family;

static int
setup(void **state)
{
    struct fault fault = {0};
    static const enum role role[] = {ROLE_AUTHORITY, ROLE_PROXY, ROLE_PROXY};
    (void)state;
    memset(child, 0, sizeof child);
    memset(&family, 0, sizeof family);
    family.child = child;
    family.child_count = 3;
    family.page_fd = -1;
    for (size_t i = 0; i < 3; i++) {
        family.child[i].role = role[i];
        family.child[i].index = i == 2;
        family.child[i].page_fd = -1;
    }
    return pages_open(&family, &fault) == KH_OK ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    pages_close(&family);
    return 0;
}

static uint64_t
of(const metrics_cell *cell)
{
    return metrics_cell_get(cell);
}

static void
each_has_a_place_with_its_name(void **state)
{
    const struct metrics_page *own = metrics_own;
    (void)state;
    assert_int_equal(of(&own->processes), 4);
    assert_int_equal(of(&own->process[0].role), ROLE_SUPERVISOR);
    assert_int_equal(of(&own->process[0].up), 1);
    assert_true(of(&own->process[0].started_us) > 0);
    assert_int_equal(of(&own->process[1].role), ROLE_AUTHORITY);
    assert_int_equal(of(&own->process[3].role), ROLE_PROXY);
    assert_int_equal(of(&own->process[3].index), 1);
    assert_int_equal(of(&own->process[3].up), 0); // not started yet
    assert_true(of(&own->heartbeat_us) > 0);
}

static void
readers_cannot_write(void **state)
{
    (void)state;
    for (size_t i = 0; i <= 3; i++) {
        int fd = pages_reader(&family, i < 3 ? &family.child[i] : NULL);
        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_null(metrics_page_map(fd));
        const struct metrics_page *page = metrics_page_map_to_read(fd);
        assert_non_null(page);
        metrics_page_unmap(page);
        assert_int_equal(close(fd), 0);
    }
}

static void
what_was_counted_outlives_a_process(void **state)
{
    struct family_child *proxy = &family.child[1];
    const struct metrics_process *place = &metrics_own->process[2];
    (void)state;
    proxy->pid = 4242;
    pages_note(&family, proxy);
    assert_int_equal(of(&place->up), 1);
    assert_true(of(&place->started_us) > 0);
    metrics_cell_set(&proxy->page->value[METRIC_SCRUBBED], 5);
    metrics_cell_set(&proxy->page->value[METRIC_REQUESTS_RUNNING], 3);
    metrics_cell_set(&proxy->page->listener[0].open, 2);
    metrics_cell_set(&proxy->page->heartbeat_us, 7);
    proxy->pid = 0;
    proxy->restarts = 1;
    pages_note(&family, proxy);
    assert_int_equal(of(&place->up), 0);
    assert_int_equal(of(&place->restarts), 1);
    assert_int_equal(of(&place->started_us), 0);
    assert_int_equal(of(&proxy->page->value[METRIC_SCRUBBED]), 5);
    assert_int_equal(of(&proxy->page->value[METRIC_REQUESTS_RUNNING]), 0);
    assert_int_equal(of(&proxy->page->listener[0].open), 0);
    assert_int_equal(of(&proxy->page->heartbeat_us), 0);
    assert_int_equal(of(&family.child[2].page->value[METRIC_SCRUBBED]), 0);
}

static void
memory_is_that_of_the_process(void **state)
{
    const struct metrics_process *place = metrics_own->process;
    (void)state;
    family.child[0].pid = getpid();
    family.child[1].pid = 0x7ffffff0; // there is none
    pages_sample(&family);
    assert_true(of(&place[0].resident) > 4096);
    assert_true(of(&place[0].virtual) >= of(&place[0].resident));
    assert_true(of(&place[1].resident) > 4096);
    assert_int_equal(of(&place[2].resident), 0);
    assert_int_equal(of(&place[3].virtual), 0);
    family.child[0].pid = 0;
    pages_note(&family, &family.child[0]);
    assert_int_equal(of(&place[1].resident), 0);
}

static void
closed_twice_and_read_afterwards(void **state)
{
    (void)state;
    pages_close(&family);
    assert_int_equal(pages_reader(&family, NULL), -1);
    assert_int_equal(pages_reader(&family, &family.child[0]), -1);
    pages_close(&family);
    metrics_add(METRIC_SCRUBBED, 1); // counting goes nowhere, harmlessly
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_has_a_place_with_its_name, setup, teardown),
        cmocka_unit_test_setup_teardown(readers_cannot_write, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_counted_outlives_a_process, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_is_that_of_the_process, setup, teardown),
        cmocka_unit_test_setup_teardown(closed_twice_and_read_afterwards, setup, teardown),
    };
    return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
