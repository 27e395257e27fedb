/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of numbers: made, mapped, and the names in them. */
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

const struct metric_row metric_row[METRICS] = {
#define KH_METRIC(id, name, type, unit, writer, labels, help)                                      \
    {name, labels, help, METRIC_##type, METRIC_UNIT_##unit, METRIC_BY_##writer},
#include "../schema/metrics.def"
};

// Judging takes tens of microseconds; models think for minutes.
const struct metrics_bounds metrics_bounds_short = {15,
                                                    {100, 250, 500, 1000, 2500, 5000, 10000, 25000,
                                                     50000, 100000, 250000, 500000, 1000000,
                                                     2500000, 10000000}};
const struct metrics_bounds metrics_bounds_long = {15,
                                                   {1000, 2500, 5000, 10000, 25000, 50000, 100000,
                                                    250000, 500000, 1000000, 2500000, 5000000,
                                                    10000000, 60000000, 300000000}};
const struct metrics_bounds metrics_bounds_batch = {9, {1, 2, 4, 8, 16, 32, 64, 128, 256}};

static struct metrics_page nowhere;
struct metrics_page *metrics_own = &nowhere;

/* ---- pages ---- */

int
metrics_page_create(struct fault *fault)
{
    int fd = memfd_create("keyhole-metrics", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    // A page that became shorter would end whoever reads it.
    if (fd < 0 || ftruncate(fd, sizeof(struct metrics_page)) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        (void)fault_set(fault, KH_ERR_MEMORY, "no page for metrics: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

static void *
map(int fd, int protection)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_size != (off_t)sizeof(struct metrics_page))
        return NULL;
    void *p = mmap(NULL, sizeof(struct metrics_page), protection, MAP_SHARED, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

struct metrics_page *
metrics_page_map(int fd)
{
    return map(fd, PROT_READ | PROT_WRITE);
}

const struct metrics_page *
metrics_page_map_to_read(int fd)
{
    return map(fd, PROT_READ);
}

void
metrics_page_unmap(const struct metrics_page *page)
{
    if (page != NULL)
        (void)munmap((void *)(uintptr_t)page, sizeof(*page));
}

enum kh_err
metrics_attach(int fd, struct fault *fault)
{
    struct metrics_page *page = metrics_page_map(fd);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (page == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no page for metrics: %s", strerror(error));
    metrics_own = page;
    metrics_heartbeat();
    return KH_OK;
}

void
metrics_detach(void)
{
    if (metrics_own != &nowhere)
        metrics_page_unmap(metrics_own);
    metrics_own = &nowhere;
}

void
metrics_page_rest(struct metrics_page *page)
{
    // What is known of the state, and not of this process, stays true until the next one says else.
    static const enum metric kept[] = {METRIC_CREDENTIALS, METRIC_POLICY_VERSION, METRIC_CA_EXPIRY,
                                       METRIC_AUDIT_SYNCED};
    for (size_t i = 0; i < METRICS; i++) {
        bool keep = metric_row[i].type != METRIC_GAUGE;
        for (size_t j = 0; j < sizeof(kept) / sizeof(kept[0]); j++)
            keep = keep || kept[j] == (enum metric)i;
        if (!keep)
            metrics_cell_set(&page->value[i], 0);
    }
    for (size_t i = 0; i < METRICS_LISTENERS; i++)
        metrics_cell_set(&page->listener[i].open, 0);
    metrics_cell_set(&page->heartbeat_us, 0);
}

/* ---- names ---- */

static bool
name_is(const char *text, size_t size, struct bytes name)
{
    return name.n < size && memcmp(text, name.p, name.n) == 0 && text[name.n] == '\0';
}

static unsigned
slot_find(const struct metrics_page *page, struct bytes name)
{
    uint64_t count = metrics_cell_get(&page->credentials);
    for (unsigned i = METRICS_SLOT_FIRST; i < METRICS_SLOTS && i < METRICS_SLOT_FIRST + count; i++)
        if (name_is(page->credential[i], METRICS_NAME_SIZE, name))
            return i;
    return METRICS_SLOTS;
}

unsigned
metrics_slot_find(const struct metrics_page *page, struct bytes name)
{
    unsigned slot = name.n > 0 ? slot_find(page, name) : METRICS_SLOTS;
    return slot < METRICS_SLOTS ? slot : METRICS_SLOT_OTHER;
}

unsigned
metrics_slot_give(struct bytes name)
{
    struct metrics_page *page = metrics_own;
    // These two are labels of their own already, and a series must not stand there twice.
    if (name.n == 0 || name.n >= METRICS_NAME_SIZE || bytes_is(name, "other"))
        return METRICS_SLOT_OTHER;
    if (bytes_is(name, "none"))
        return METRICS_SLOT_NONE;
    unsigned slot = slot_find(page, name);
    uint64_t count = metrics_cell_get(&page->credentials);
    if (slot < METRICS_SLOTS || count >= METRICS_CREDENTIALS_MAX)
        return slot < METRICS_SLOTS ? slot : METRICS_SLOT_OTHER;
    slot = METRICS_SLOT_FIRST + (unsigned)count;
    memcpy(page->credential[slot], name.p, name.n);
    page->credential[slot][name.n] = '\0';
    atomic_store_explicit(&page->credentials, count + 1, memory_order_release);
    return slot;
}

struct metrics_listener *
metrics_listener_give(const char *name)
{
    struct metrics_listener *listener = metrics_own->listener;
    size_t i = 0;
    while (i < METRICS_LISTENERS - 1 && listener[i].name[0] != '\0' &&
           strcmp(listener[i].name, name) != 0)
        i++;
    if (listener[i].name[0] == '\0')
        (void)snprintf(listener[i].name, sizeof(listener[i].name), "%s",
                       i == METRICS_LISTENERS - 1 ? "other" : name);
    return &listener[i];
}

/* ---- the heartbeat ---- */

enum { FDS_STEP = 256, FDS_MAX = 65536, FDS_EACH_S = 10 };

// /proc is out of the walls; poll() says of a number whether a descriptor is behind it. A stretch
// in which there is none is the end.
static uint64_t
count_descriptors(void)
{
    static struct pollfd descriptor[FDS_STEP];
    uint64_t open = 0, before;
    for (int first = 0; first < FDS_MAX; first += FDS_STEP) {
        before = open;
        for (int i = 0; i < FDS_STEP; i++)
            descriptor[i] = (struct pollfd){.fd = first + i};
        if (poll(descriptor, FDS_STEP, 0) < 0)
            break;
        for (int i = 0; i < FDS_STEP; i++)
            open += (descriptor[i].revents & POLLNVAL) == 0;
        if (open == before)
            break;
    }
    return open;
}

static uint64_t
cpu_us(void)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) != 0)
        return 0;
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

void
metrics_heartbeat(void)
{
    static unsigned turn;
    metrics_set(METRIC_PROCESS_CPU, cpu_us());
    metrics_cell_set(&metrics_own->heartbeat_us, (uint64_t)metrics_clock_us());
    if (turn++ % FDS_EACH_S == 0)
        metrics_set(METRIC_PROCESS_FDS, count_descriptors());
}
