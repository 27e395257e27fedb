/* SPDX-License-Identifier: Apache-2.0
 *
 * Counting: additions to this process's own page, and the time of the loop's turn. No system call,
 * no memory, and nothing that can fail.
 */
#include "meter.h"

#include "../metrics.h"
#include "proxy.h"
#include "scrub.h"

static unsigned
slot_of(const struct exchange *x)
{
    unsigned slot = x->route ? x->route->metrics_slot : METRICS_SLOT_OTHER;
    return slot < METRICS_SLOTS ? slot : METRICS_SLOT_OTHER;
}

static uint64_t
since_us(int64_t start_us)
{
    int64_t passed = proxy_now_us() - start_us;
    return passed > 0 ? (uint64_t)passed : 0;
}

void
meter_asked(struct exchange *x)
{
    x->asked_us = proxy_now_us();
}

void
meter_decided(struct exchange *x)
{
    x->decided_us = proxy_now_us();
    metrics_observe(&metrics_own->decision, &metrics_bounds_short, since_us(x->asked_us));
}

void
meter_allowed(struct exchange *x)
{
    x->metered = true;
    metrics_add(METRIC_REQUESTS_RUNNING, 1);
}

void
meter_answered(const struct exchange *x, unsigned status)
{
    unsigned slot = slot_of(x), class = status / 100;
    if (!x->metered)
        return;
    metrics_observe(&metrics_own->first_byte[slot], &metrics_bounds_long, since_us(x->decided_us));
    if (class < METRICS_CLASSES)
        metrics_cell_add(&metrics_own->answered[slot][class], 1);
}

void
meter_finished(struct exchange *x, enum kh_reason reason)
{
    unsigned slot = slot_of(x);
    if (!x->metered)
        return;
    x->metered = false;
    metrics_subtract(METRIC_REQUESTS_RUNNING, 1);
    metrics_observe(&metrics_own->request, &metrics_bounds_long, since_us(x->began_us));
    metrics_cell_add(&metrics_own->bytes_up[slot], x->bytes_up);
    metrics_cell_add(&metrics_own->bytes_down[slot], x->bytes_down);
    if (x->scrub)
        metrics_add(METRIC_SCRUBBED, scrub_found(x->scrub));
    if (reason != KH_REASON_UNSET && reason < KH_REASON_COUNT)
        metrics_cell_add(&metrics_own->failed[slot][reason], 1);
}
