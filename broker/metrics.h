/* SPDX-License-Identifier: Apache-2.0
 *
 * What is counted, in shared pages (docs/METRICS.md).
 *
 * The supervisor makes a page for each of its children and one for itself. A child writes its own
 * and no other, without locks and without a system call; a proxy that is asked for metrics reads
 * them all. Pages outlive the process that writes them, so that counters do not go back.
 *
 * What stands in the page of another process is read as numbers and short texts, and never trusted
 * to be more: a proxy that was broken into can lie about itself, and write nothing else.
 */
#ifndef KEYHOLE_METRICS_H
#define KEYHOLE_METRICS_H

#include "../caveats/errors.h"

#include <stdatomic.h>
#include <time.h>

enum metric {
#define KH_METRIC(id, name, type, unit, writer, labels, help) METRIC_##id,
#include "../schema/metrics.def"
    METRICS
};

enum metric_type { METRIC_COUNTER = 0, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO };
enum metric_unit { METRIC_UNIT_NONE = 0, METRIC_UNIT_BYTES, METRIC_UNIT_SECONDS };
enum metric_writer {
    METRIC_BY_READER = 0,
    METRIC_BY_AUTHORITY,
    METRIC_BY_PROXY,
    METRIC_BY_DISCHARGER,
    METRIC_BY_SUPERVISOR,
    METRIC_BY_EACH,
};

struct metric_row {
    const char *name, *labels, *help;
    enum metric_type type;
    enum metric_unit unit;
    enum metric_writer writer;
};
extern const struct metric_row metric_row[METRICS];

enum {
    METRICS_NAME_SIZE = 65, /* of a credential, with its NUL */
    METRICS_LISTENER_SIZE = 128,
    METRICS_CREDENTIALS_MAX = 64, /* that have a name of their own in labels */
    METRICS_SLOT_OTHER = 0,       /* every other credential */
    METRICS_SLOT_NONE,            /* it is not known which */
    METRICS_SLOT_PASS_THROUGH,
    METRICS_SLOT_FIRST,
    METRICS_SLOTS = METRICS_SLOT_FIRST + METRICS_CREDENTIALS_MAX,
    METRICS_CLASSES = 6,    /* of a status: the first digit */
    METRICS_LISTENERS = 97, /* the last one stands for those that have no place */
    METRICS_PROCESSES = 300,
    METRICS_BUCKETS = 16, /* the last one is without bound */
};

typedef _Atomic uint64_t metrics_cell;

struct metrics_histogram {
    metrics_cell bucket[METRICS_BUCKETS], sum;
};

struct metrics_listener {
    char name[METRICS_LISTENER_SIZE]; /* "": the place is free */
    metrics_cell accepted, open;
};

struct metrics_process { /* in the supervisor's page */
    metrics_cell role, index, up, restarts, resident, virtual, started_us;
};

struct metrics_page {
    metrics_cell value[METRICS]; /* of families without labels, and of EACH process */
    metrics_cell heartbeat_us;   /* of the steady clock */
    struct metrics_histogram decision, request, batch;
    /* By credential. The names are the authority's to give. */
    char credential[METRICS_SLOTS][METRICS_NAME_SIZE];
    metrics_cell credentials;                             /* slots that have a name */
    metrics_cell decided[METRICS_SLOTS][KH_REASON_COUNT]; /* KH_REASON_UNSET: allowed */
    metrics_cell failed[METRICS_SLOTS][KH_REASON_COUNT];
    metrics_cell answered[METRICS_SLOTS][METRICS_CLASSES];
    metrics_cell bytes_up[METRICS_SLOTS], bytes_down[METRICS_SLOTS];
    struct metrics_histogram first_byte[METRICS_SLOTS];
    struct metrics_listener listener[METRICS_LISTENERS];
    metrics_cell reloads[2]; /* failed, good */
    metrics_cell processes;
    struct metrics_process process[METRICS_PROCESSES];
};

/* This process's own page; before metrics_attach one that nobody sees. Never NULL. */
extern struct metrics_page *metrics_own;

/* ---- counting: for the one thread that writes this page ---- */

static inline void
metrics_cell_add(metrics_cell *cell, uint64_t n)
{
    // One writer: no locked instruction is needed, only that nobody sees half a number.
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline void
metrics_cell_set(metrics_cell *cell, uint64_t value)
{
    atomic_store_explicit(cell, value, memory_order_relaxed);
}

static inline uint64_t
metrics_cell_get(const metrics_cell *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static inline void
metrics_add(enum metric metric, uint64_t n)
{
    metrics_cell_add(&metrics_own->value[metric], n);
}

static inline void
metrics_subtract(enum metric metric, uint64_t n)
{
    metrics_cell_add(&metrics_own->value[metric], ~n + 1);
}

static inline void
metrics_set(enum metric metric, uint64_t value)
{
    metrics_cell_set(&metrics_own->value[metric], value);
}

/* Upper bounds of the buckets, in microseconds or numbers; `count` of them, without the last. */
struct metrics_bounds {
    size_t count;
    uint64_t bound[METRICS_BUCKETS - 1];
};
extern const struct metrics_bounds metrics_bounds_short, metrics_bounds_long, metrics_bounds_batch;

static inline void
metrics_observe(struct metrics_histogram *histogram, const struct metrics_bounds *bounds,
                uint64_t value)
{
    size_t i = 0;
    while (i < bounds->count && value > bounds->bound[i])
        i++;
    metrics_cell_add(&histogram->bucket[i], 1);
    metrics_cell_add(&histogram->sum, value);
}

/* The steady clock, in microseconds. */
static inline int64_t
metrics_clock_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline uint64_t
metrics_since_us(int64_t start_us)
{
    int64_t passed = metrics_clock_us() - start_us;
    return passed > 0 ? (uint64_t)passed : 0;
}

/* Each second: the loop turns; and what the process has used, and has open. */
void metrics_heartbeat(void);

/* ---- names ---- */

/* The slot of a credential in the authority's page; METRICS_SLOT_OTHER when it has none. */
unsigned metrics_slot_find(const struct metrics_page *page, struct bytes name);
/* The same in the own page of an authority, given now if there is none and a place is left;
 * METRICS_SLOT_OTHER when there is none. */
unsigned metrics_slot_give(struct bytes name);
/* The place of a listener in the own page. */
struct metrics_listener *metrics_listener_give(const char *name);

/* ---- pages ---- */

/* A descriptor of a page that is all zeros and keeps its size; -1 and `fault`. */
int metrics_page_create(struct fault *fault);
/* NULL: it is none, or there is no memory. */
struct metrics_page *metrics_page_map(int fd);
const struct metrics_page *metrics_page_map_to_read(int fd);
void metrics_page_unmap(const struct metrics_page *page);
/* The page in that descriptor, which is closed, is the own one from here on. */
KH_MUST_CHECK enum kh_err metrics_attach(int fd, struct fault *fault);
void metrics_detach(void); /* the other way round; for the supervisor, whose page it is */
/* Its process is gone: what it had open is closed. */
void metrics_page_rest(struct metrics_page *page);

#endif
