/* SPDX-License-Identifier: Apache-2.0 */
/* What each family is made of: numbers of several pages added up, and their labels. */
#include "metrics_print.h"

#include <stdio.h>
#include <string.h>

/* ---- pages ---- */

static bool
writes(const struct metric_row *row, enum role role)
{
    static const enum role writer[] = {[METRIC_BY_AUTHORITY] = ROLE_AUTHORITY,
                                       [METRIC_BY_PROXY] = ROLE_PROXY,
                                       [METRIC_BY_DISCHARGER] = ROLE_DISCHARGER,
                                       [METRIC_BY_SUPERVISOR] = ROLE_SUPERVISOR};
    return row->writer == METRIC_BY_EACH ||
           (row->writer != METRIC_BY_READER && writer[row->writer] == role);
}

// The next page of a writer of this family; NULL: there is none.
static const struct metrics_view *
next_view(const struct metrics_writer *writer, size_t *at)
{
    while (*at < writer->scrape->count) {
        const struct metrics_view *view = &writer->scrape->view[(*at)++];
        if (view->page != NULL && writes(writer->row, view->role))
            return view;
    }
    return NULL;
}

static const struct metrics_page *
page_of(const struct metrics_scrape *scrape, enum role role)
{
    for (size_t i = 0; i < scrape->count; i++)
        if (scrape->view[i].role == role)
            return scrape->view[i].page;
    return NULL;
}

// The same cell of every page.
static uint64_t
sum_cells(const struct metrics_writer *writer, size_t offset)
{
    const struct metrics_view *view;
    uint64_t sum = 0;
    for (size_t at = 0; (view = next_view(writer, &at)) != NULL;)
        sum += metrics_cell_get(
            (const metrics_cell *)(const void *)((const char *)view->page + offset));
    return sum;
}

static void
sum_histograms(const struct metrics_writer *writer, size_t offset, struct metrics_total *total)
{
    for (size_t i = 0; i < METRICS_BUCKETS; i++)
        total->bucket[i] = sum_cells(writer, offset + offsetof(struct metrics_histogram, bucket) +
                                                 i * sizeof(metrics_cell));
    total->sum = sum_cells(writer, offset + offsetof(struct metrics_histogram, sum));
}

#define OFFSET(member) offsetof(struct metrics_page, member)

static void
print_sum(struct metrics_writer *writer, enum metric metric)
{
    metrics_write_sample(writer, NULL, 0,
                         sum_cells(writer, OFFSET(value) + metric * sizeof(metrics_cell)));
}

/* ---- by credential ---- */

struct slot_name {
    char text[METRICS_NAME_SIZE];
    bool always; // it is there, also while nothing was counted
};

// Copied first: whoever writes the page goes on.
static bool
slot_name(const struct metrics_writer *writer, unsigned slot, struct slot_name *out)
{
    static const char *const fixed[] = {[METRICS_SLOT_OTHER] = "other",
                                        [METRICS_SLOT_NONE] = "none",
                                        [METRICS_SLOT_PASS_THROUGH] = "pass-through"};
    const struct metrics_page *page = page_of(writer->scrape, ROLE_AUTHORITY);
    out->always = slot >= METRICS_SLOT_FIRST;
    if (!out->always) {
        (void)snprintf(out->text, sizeof(out->text), "%s", fixed[slot]);
        return true;
    }
    if (page == NULL ||
        slot - METRICS_SLOT_FIRST >= atomic_load_explicit(&page->credentials, memory_order_acquire))
        return false;
    memcpy(out->text, page->credential[slot], sizeof(out->text));
    out->text[sizeof(out->text) - 1] = '\0';
    return out->text[0] != '\0';
}

static void
print_codes(struct metrics_writer *writer, size_t table, bool with_allowed)
{
    struct slot_name name;
    for (unsigned slot = 0; slot < METRICS_SLOTS; slot++) {
        if (!slot_name(writer, slot, &name))
            continue;
        for (size_t code = 0; code < KH_REASON_COUNT; code++) {
            size_t cell = (slot * (size_t)KH_REASON_COUNT + code) * sizeof(metrics_cell);
            uint64_t n = sum_cells(writer, table + cell);
            bool allowed = code == KH_REASON_UNSET;
            if (n == 0 && !(allowed && with_allowed && name.always))
                continue;
            const struct metrics_label label[] = {
                {"credential", name.text},
                {"code", allowed ? "allowed" : kh_reason_code((enum kh_reason)code)}};
            metrics_write_sample(writer, label, 2, n);
        }
    }
}

static void
print_decisions(struct metrics_writer *writer, enum metric metric)
{
    (void)metric;
    print_codes(writer, OFFSET(decided), true);
}

static void
print_upstream_errors(struct metrics_writer *writer, enum metric metric)
{
    (void)metric;
    print_codes(writer, OFFSET(failed), false);
}

static void
print_responses(struct metrics_writer *writer, enum metric metric)
{
    struct slot_name name;
    (void)metric;
    for (unsigned slot = 0; slot < METRICS_SLOTS; slot++) {
        if (!slot_name(writer, slot, &name))
            continue;
        for (size_t class = 1; class < METRICS_CLASSES; class ++) {
            size_t cell = (slot * (size_t)METRICS_CLASSES + class) * sizeof(metrics_cell);
            uint64_t n = sum_cells(writer, OFFSET(answered) + cell);
            char text[4] = {(char)('0' + class), 'x', 'x', '\0'};
            const struct metrics_label label[] = {{"credential", name.text}, {"class", text}};
            if (n > 0)
                metrics_write_sample(writer, label, 2, n);
        }
    }
}

static void
print_by_credential(struct metrics_writer *writer, enum metric metric)
{
    size_t table = metric == METRIC_REQUEST_BYTES ? OFFSET(bytes_up) : OFFSET(bytes_down);
    struct slot_name name;
    for (unsigned slot = 0; slot < METRICS_SLOTS; slot++) {
        if (!slot_name(writer, slot, &name))
            continue;
        const struct metrics_label label = {"credential", name.text};
        uint64_t n = sum_cells(writer, table + slot * sizeof(metrics_cell));
        if (n > 0 || name.always)
            metrics_write_sample(writer, &label, 1, n);
    }
}

static void
print_first_byte(struct metrics_writer *writer, enum metric metric)
{
    struct metrics_total total;
    struct slot_name name;
    (void)metric;
    for (unsigned slot = 0; slot < METRICS_SLOTS; slot++) {
        uint64_t n = 0;
        if (!slot_name(writer, slot, &name))
            continue;
        sum_histograms(writer, OFFSET(first_byte) + slot * sizeof(struct metrics_histogram),
                       &total);
        for (size_t i = 0; i < METRICS_BUCKETS; i++)
            n += total.bucket[i];
        const struct metrics_label label = {"credential", name.text};
        if (n > 0)
            metrics_write_histogram(writer, &metrics_bounds_long, &label, 1, &total);
    }
}

/* ---- histograms ---- */

static void
print_histogram(struct metrics_writer *writer, enum metric metric)
{
    const struct {
        enum metric metric;
        size_t offset;
        const struct metrics_bounds *bounds;
    } histogram[] = {
        {METRIC_DECISION_TIME, OFFSET(decision), &metrics_bounds_short},
        {METRIC_REQUEST_TIME, OFFSET(request), &metrics_bounds_long},
        {METRIC_BATCH, OFFSET(batch), &metrics_bounds_batch},
    };
    struct metrics_total total;
    for (size_t i = 0; i < sizeof(histogram) / sizeof(histogram[0]); i++) {
        if (histogram[i].metric != metric)
            continue;
        sum_histograms(writer, histogram[i].offset, &total);
        metrics_write_histogram(writer, histogram[i].bounds, NULL, 0, &total);
    }
}

/* ---- by listener ---- */

struct listener_sum {
    char name[METRICS_LISTENER_SIZE];
    uint64_t accepted, open;
};

static struct listener_sum *
listener_place(struct listener_sum *sum, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(sum[i].name, name) == 0)
            return &sum[i];
    if (*count == METRICS_LISTENERS)
        return &sum[METRICS_LISTENERS - 1];
    memcpy(sum[*count].name, name, METRICS_LISTENER_SIZE);
    return &sum[(*count)++];
}

static void
print_listeners(struct metrics_writer *writer, enum metric metric)
{
    static struct listener_sum sum[METRICS_LISTENERS];
    const struct metrics_view *view;
    size_t count = 0;
    memset(sum, 0, sizeof(sum));
    for (size_t at = 0; (view = next_view(writer, &at)) != NULL;) {
        for (size_t i = 0; i < METRICS_LISTENERS; i++) {
            const struct metrics_listener *listener = &view->page->listener[i];
            char name[METRICS_LISTENER_SIZE];
            memcpy(name, listener->name, sizeof(name));
            name[sizeof(name) - 1] = '\0';
            if (name[0] == '\0')
                continue;
            struct listener_sum *place = listener_place(sum, &count, name);
            place->accepted += metrics_cell_get(&listener->accepted);
            place->open += metrics_cell_get(&listener->open);
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct metrics_label label = {"listener", sum[i].name};
        metrics_write_sample(writer, &label, 1,
                             metric == METRIC_CLIENTS ? sum[i].accepted : sum[i].open);
    }
}

/* ---- by process ---- */

enum { PROCESS_LABEL_SIZE = 32 };

static void
process_label(enum role role, uint64_t index, char out[PROCESS_LABEL_SIZE])
{
    if (role == ROLE_PROXY)
        (void)snprintf(out, PROCESS_LABEL_SIZE, "proxy %u", (unsigned)index);
    else
        (void)snprintf(out, PROCESS_LABEL_SIZE, "%s", role_name(role));
}

static void
print_processes(struct metrics_writer *writer, enum metric metric)
{
    static const struct {
        enum metric metric;
        size_t offset;
    } member[] = {
        {METRIC_PROCESS_UP, offsetof(struct metrics_process, up)},
        {METRIC_PROCESS_RESTARTS, offsetof(struct metrics_process, restarts)},
        {METRIC_PROCESS_RESIDENT, offsetof(struct metrics_process, resident)},
        {METRIC_PROCESS_VIRTUAL, offsetof(struct metrics_process, virtual)},
        {METRIC_PROCESS_START, offsetof(struct metrics_process, started_us)},
    };
    const struct metrics_page *page = page_of(writer->scrape, ROLE_SUPERVISOR);
    size_t which = 0;
    while (which < sizeof(member) / sizeof(member[0]) - 1 && member[which].metric != metric)
        which++;
    uint64_t count = page != NULL ? metrics_cell_get(&page->processes) : 0;
    for (size_t i = 0; i < count && i < METRICS_PROCESSES; i++) {
        const struct metrics_process *process = &page->process[i];
        char name[PROCESS_LABEL_SIZE];
        const struct metrics_label label = {"process", name};
        uint64_t n = metrics_cell_get(
            (const metrics_cell *)(const void *)((const char *)process + member[which].offset));
        // Nothing has no memory: it could not be read.
        if (n == 0 && (metric == METRIC_PROCESS_RESIDENT || metric == METRIC_PROCESS_VIRTUAL))
            continue;
        process_label((enum role)metrics_cell_get(&process->role),
                      metrics_cell_get(&process->index), name);
        metrics_write_sample(writer, &label, 1, n);
    }
}

// A process that is not there has none of it.
static void
print_each(struct metrics_writer *writer, enum metric metric)
{
    const struct metrics_view *view;
    for (size_t at = 0; (view = next_view(writer, &at)) != NULL;) {
        char name[PROCESS_LABEL_SIZE];
        const struct metrics_label label = {"process", name};
        uint64_t heartbeat = metrics_cell_get(&view->page->heartbeat_us);
        uint64_t now = (uint64_t)writer->scrape->now_us;
        if (heartbeat == 0)
            continue;
        process_label(view->role, view->index, name);
        metrics_write_sample(writer, &label, 1,
                             metric == METRIC_HEARTBEAT
                                 ? (now > heartbeat ? now - heartbeat : 0)
                                 : metrics_cell_get(&view->page->value[metric]));
    }
}

/* ---- the broker itself ---- */

static void
print_build(struct metrics_writer *writer, enum metric metric)
{
    static const struct metrics_label label = {"version", KEYHOLE_VERSION};
    (void)metric;
    metrics_write_sample(writer, &label, 1, 1);
}

static void
print_ready(struct metrics_writer *writer, enum metric metric)
{
    (void)metric;
    metrics_write_sample(writer, NULL, 0, writer->scrape->ready);
}

static void
print_reloads(struct metrics_writer *writer, enum metric metric)
{
    static const struct metrics_label result[] = {{"result", "failure"}, {"result", "success"}};
    (void)metric;
    for (size_t i = 0; i < 2; i++)
        metrics_write_sample(writer, &result[i], 1,
                             sum_cells(writer, OFFSET(reloads) + i * sizeof(metrics_cell)));
}

void
metrics_write_samples(struct metrics_writer *writer, enum metric metric)
{
    static void (*const printer[METRICS])(struct metrics_writer *, enum metric) = {
        [METRIC_DECISIONS] = print_decisions,
        [METRIC_DECISION_TIME] = print_histogram,
        [METRIC_BATCH] = print_histogram,
        [METRIC_REQUEST_TIME] = print_histogram,
        [METRIC_FIRST_BYTE_TIME] = print_first_byte,
        [METRIC_REQUEST_BYTES] = print_by_credential,
        [METRIC_RESPONSE_BYTES] = print_by_credential,
        [METRIC_UPSTREAM_RESPONSES] = print_responses,
        [METRIC_UPSTREAM_ERRORS] = print_upstream_errors,
        [METRIC_CLIENTS] = print_listeners,
        [METRIC_CLIENTS_OPEN] = print_listeners,
        [METRIC_BUILD] = print_build,
        [METRIC_READY] = print_ready,
        [METRIC_RELOADS] = print_reloads,
        [METRIC_PROCESS_UP] = print_processes,
        [METRIC_PROCESS_RESTARTS] = print_processes,
        [METRIC_PROCESS_CPU] = print_each,
        [METRIC_PROCESS_RESIDENT] = print_processes,
        [METRIC_PROCESS_VIRTUAL] = print_processes,
        [METRIC_PROCESS_START] = print_processes,
        [METRIC_HEARTBEAT] = print_each,
        [METRIC_CHANNEL_QUEUE] = print_each,
        [METRIC_PROCESS_FDS] = print_each,
    };
    (printer[metric] != NULL ? printer[metric] : print_sum)(writer, metric);
}
