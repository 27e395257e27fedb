/* SPDX-License-Identifier: Apache-2.0
 *
 * The pages as text: Prometheus' exposition format 0.0.4, or OpenMetrics 1.0.0.
 */
#ifndef KEYHOLE_METRICS_PRINT_H
#define KEYHOLE_METRICS_PRINT_H

#include "channel.h"
#include "metrics.h"

/* Whose page it is, as the supervisor said: a page does not say it itself. */
struct metrics_view {
    enum role role;
    uint32_t index;
    const struct metrics_page *page;
};

struct metrics_scrape {
    const struct metrics_view *view;
    size_t count;
    int64_t now_us; /* steady */
    bool ready, openmetrics;
};

/* Everything, with whatever the format wants at its end. */
void metrics_print(const struct metrics_scrape *scrape, struct buffer *out);

/* Whether the value of Accept prefers OpenMetrics to the older text. */
bool metrics_prefers_openmetrics(struct bytes accept);
const char *metrics_content_type(bool openmetrics);

/* ---- for the files of it, and their tests ---- */

struct metrics_writer {
    const struct metrics_scrape *scrape;
    const struct metric_row *row;
    struct buffer *out;
};

struct metrics_label {
    const char *name, *value;
};

/* HELP, TYPE and UNIT of the row. */
void metrics_write_family(struct metrics_writer *writer);
/* One number, in the row's unit. At most two labels; `count` of them. */
void metrics_write_sample(struct metrics_writer *writer, const struct metrics_label *label,
                          size_t count, uint64_t value);
/* One histogram: `total` is the sum of what several pages have. */
struct metrics_total {
    uint64_t bucket[METRICS_BUCKETS], sum;
};
void metrics_write_histogram(struct metrics_writer *writer, const struct metrics_bounds *bounds,
                             const struct metrics_label *label, size_t count,
                             const struct metrics_total *total);
/* The samples of one family. */
void metrics_write_samples(struct metrics_writer *writer, enum metric metric);

#endif
