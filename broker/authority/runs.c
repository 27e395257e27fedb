/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of runs: the one that was heard of longest ago makes room.
 */
#include "runs.h"

#include "../../caveats/json_print.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_MAX = 255 };

struct run_row {
    char *host;
    uint16_t port;
    const char *code;
    uint64_t count;
};

struct run {
    uint8_t id[RUN_ID_SIZE];
    uint64_t heard; // 0: the place is free
    struct run_row *row;
    size_t count, capacity;
    uint64_t more; // refusals for which there was no row
};

struct runs {
    struct run run[RUNS_MAX];
    uint64_t clock;
};

struct runs *
runs_new(void)
{
    return calloc(1, sizeof(struct runs));
}

static void
run_clear(struct run *run)
{
    for (size_t i = 0; i < run->count; i++)
        free(run->row[i].host);
    free(run->row);
    *run = (struct run){0};
}

void
runs_free(struct runs **runs)
{
    if (*runs == NULL)
        return;
    for (size_t i = 0; i < RUNS_MAX; i++)
        run_clear(&(*runs)->run[i]);
    free(*runs);
    *runs = NULL;
}

// The id is what lets somebody read the list: how far a guess is right must not show.
static struct run *
find(struct runs *runs, const uint8_t id[RUN_ID_SIZE])
{
    for (size_t i = 0; i < RUNS_MAX; i++) {
        struct run *run = &runs->run[i];
        if (run->heard &&
            bytes_equal_secret(bytes_of(run->id, RUN_ID_SIZE), bytes_of(id, RUN_ID_SIZE)))
            return run;
    }
    return NULL;
}

static struct run *
find_or_begin(struct runs *runs, const uint8_t id[RUN_ID_SIZE])
{
    struct run *run = find(runs, id);
    if (run == NULL) {
        run = &runs->run[0];
        for (size_t i = 1; i < RUNS_MAX; i++) {
            if (runs->run[i].heard < run->heard)
                run = &runs->run[i];
        }
        run_clear(run);
        memcpy(run->id, id, RUN_ID_SIZE);
    }
    run->heard = ++runs->clock;
    return run;
}

static bool
make_room(struct run *run)
{
    if (run->count < run->capacity)
        return true;
    size_t capacity = run->capacity ? 2 * run->capacity : 4;
    if (capacity > RUN_ROWS_MAX)
        return false;
    struct run_row *grown = realloc(run->row, capacity * sizeof *grown);
    if (grown == NULL)
        return false;
    run->row = grown;
    run->capacity = capacity;
    return true;
}

void
runs_note(struct runs *runs, const uint8_t id[RUN_ID_SIZE], struct bytes host, uint16_t port,
          const char *code)
{
    static const uint8_t none[RUN_ID_SIZE];
    if (runs == NULL || memcmp(id, none, sizeof none) == 0)
        return;
    if (host.n > HOST_MAX || !bytes_is_utf8(host) || bytes_index(host, 0) < host.n)
        host = BYTES_EMPTY;
    struct run *run = find_or_begin(runs, id);
    for (size_t i = 0; i < run->count; i++) {
        struct run_row *row = &run->row[i];
        if (row->port == port && strcmp(row->code, code) == 0 && bytes_is(host, row->host)) {
            row->count++;
            return;
        }
    }
    char *copy = make_room(run) ? strndup(host.n ? (const char *)host.p : "", host.n) : NULL;
    if (copy == NULL)
        run->more++;
    else
        run->row[run->count++] =
            (struct run_row){.host = copy, .port = port, .code = code, .count = 1};
}

/* ---- the list ---- */

static int
by_count(const void *a, const void *b)
{
    const struct run_row *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    int order = strcmp(x->host, y->host);
    return order ? order : (int)x->port - (int)y->port;
}

static json_t *
list_rows(const struct run *run)
{
    struct run_row sorted[RUN_ROWS_MAX];
    json_t *list = json_array();
    size_t count = run ? run->count : 0;
    if (count > 0) {
        memcpy(sorted, run->row, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, by_count);
    }
    for (size_t i = 0; i < count; i++) {
        json_t *row =
            json_pack("{s:s, s:i, s:s, s:I}", "host", sorted[i].host, "port", (int)sorted[i].port,
                      "code", sorted[i].code, "count", (json_int_t)sorted[i].count);
        if (json_array_append_new(list, row) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

void
runs_print(const struct runs *runs, const uint8_t id[RUN_ID_SIZE], struct buffer *out)
{
    struct runs *searched = (struct runs *)(uintptr_t)runs; // find() changes nothing
    const struct run *run = runs ? find(searched, id) : NULL;
    json_t *list = list_rows(run);
    json_t *json =
        list ? json_pack("{s:o, s:I}", "refused", list, "more", (json_int_t)(run ? run->more : 0))
             : NULL;
    json_print(json, JSON_COMPACT, out);
    buffer_put_byte(out, '\n');
    json_decref(json);
}
