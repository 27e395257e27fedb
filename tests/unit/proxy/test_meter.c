/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted on the way of a request: once, under its credential, and only what was allowed.
 */
#include "unit.h"

#include "../../../broker/metrics.h"
#include "../../../broker/proxy/meter.h"

#include <string.h>

static struct route route;
static struct exchange exchange;

static int
setup(void **state)
{
    (void)state;
    memset(metrics_own, 0, sizeof *metrics_own);
    route = (struct route){.metrics_slot = METRICS_SLOT_FIRST};
    exchange = (struct exchange){.route = &route, .bytes_up = 10, .bytes_down = 20};
    return 0;
}

static uint64_t
total(const struct metrics_histogram *histogram)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < METRICS_BUCKETS; i++)
        sum += metrics_cell_get(&histogram->bucket[i]);
    return sum;
}

static uint64_t
running(void)
{
    return metrics_cell_get(&metrics_own->value[METRIC_REQUESTS_RUNNING]);
}

static void
test_what_was_not_allowed_is_not_counted(void **state)
{
    (void)state;
    meter_answered(&exchange, 200);
    meter_finished(&exchange, KH_REASON_UPSTREAM_TIMEOUT);
    assert_int_equal(running(), 0);
    assert_int_equal(total(&metrics_own->request), 0);
    assert_int_equal(total(&metrics_own->first_byte[METRICS_SLOT_FIRST]), 0);
    assert_int_equal(metrics_cell_get(&metrics_own->bytes_up[METRICS_SLOT_FIRST]), 0);
}

static void
test_a_request_is_counted_once(void **state)
{
    (void)state;
    meter_asked(&exchange);
    meter_decided(&exchange);
    meter_allowed(&exchange);
    assert_int_equal(running(), 1);
    meter_answered(&exchange, 204);
    meter_finished(&exchange, KH_REASON_UNSET);
    meter_finished(&exchange, KH_REASON_UNSET); // its end may be told twice
    assert_int_equal(running(), 0);
    assert_int_equal(total(&metrics_own->decision), 1);
    assert_int_equal(total(&metrics_own->request), 1);
    assert_int_equal(total(&metrics_own->first_byte[METRICS_SLOT_FIRST]), 1);
    assert_int_equal(metrics_cell_get(&metrics_own->answered[METRICS_SLOT_FIRST][2]), 1);
    assert_int_equal(metrics_cell_get(&metrics_own->bytes_up[METRICS_SLOT_FIRST]), 10);
    assert_int_equal(metrics_cell_get(&metrics_own->bytes_down[METRICS_SLOT_FIRST]), 20);
    for (size_t code = 0; code < KH_REASON_COUNT; code++)
        assert_int_equal(metrics_cell_get(&metrics_own->failed[METRICS_SLOT_FIRST][code]), 0);
}

static void
test_a_failure_is_counted_by_its_code(void **state)
{
    (void)state;
    meter_allowed(&exchange);
    meter_finished(&exchange, KH_REASON_UPSTREAM_TIMEOUT);
    assert_int_equal(
        metrics_cell_get(&metrics_own->failed[METRICS_SLOT_FIRST][KH_REASON_UPSTREAM_TIMEOUT]), 1);
    meter_allowed(&exchange);
    meter_finished(&exchange, KH_REASON_COUNT); // is none
    assert_int_equal(total(&metrics_own->request), 2);
}

static void
test_places_that_are_none(void **state)
{
    (void)state;
    route.metrics_slot = METRICS_SLOTS;
    meter_allowed(&exchange);
    meter_answered(&exchange, 99999); // no class
    meter_finished(&exchange, KH_REASON_UNSET);
    assert_int_equal(metrics_cell_get(&metrics_own->bytes_up[METRICS_SLOT_OTHER]), 10);
    exchange.route = NULL;
    meter_allowed(&exchange);
    meter_answered(&exchange, 500);
    meter_finished(&exchange, KH_REASON_UNSET);
    assert_int_equal(metrics_cell_get(&metrics_own->bytes_up[METRICS_SLOT_OTHER]), 20);
    assert_int_equal(metrics_cell_get(&metrics_own->answered[METRICS_SLOT_OTHER][5]), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_was_not_allowed_is_not_counted, setup),
        cmocka_unit_test_setup(test_a_request_is_counted_once, setup),
        cmocka_unit_test_setup(test_a_failure_is_counted_by_its_code, setup),
        cmocka_unit_test_setup(test_places_that_are_none, setup),
    };
    return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
