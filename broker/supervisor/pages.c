/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of metrics, and what the supervisor itself writes into its own. */
#include "pages.h"

#include "../log.h"
#include "../metrics.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STAT_MAX = 1024, OWN_PLACE = 0 };

/* ---- making them ---- */

static enum kh_err
page_open(struct family_child *child, struct fault *fault)
{
    child->page_fd = metrics_page_create(fault);
    if (child->page_fd < 0)
        return KH_ERR_MEMORY;
    child->page = metrics_page_map(child->page_fd);
    return child->page != NULL ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "no page for metrics");
}

static enum kh_err
own_open(struct family *family, struct fault *fault)
{
    family->page_fd = metrics_page_create(fault);
    if (family->page_fd < 0)
        return KH_ERR_MEMORY;
    return metrics_attach(fcntl(family->page_fd, F_DUPFD_CLOEXEC, 3), fault);
}

static void
place_name(struct metrics_process *place, enum role role, unsigned index)
{
    metrics_cell_set(&place->role, role);
    metrics_cell_set(&place->index, index);
}

static uint64_t
clock_us(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

enum kh_err
pages_open(struct family *family, struct fault *fault)
{
    enum kh_err err = own_open(family, fault);
    for (size_t i = 0; err == KH_OK && i < family->child_count; i++)
        err = page_open(&family->child[i], fault);
    if (err != KH_OK)
        return err;
    struct metrics_process *place = metrics_own->process;
    size_t count = family->child_count + 1;
    place_name(&place[OWN_PLACE], ROLE_SUPERVISOR, 0);
    metrics_cell_set(&place[OWN_PLACE].up, 1);
    metrics_cell_set(&place[OWN_PLACE].started_us, clock_us(CLOCK_REALTIME));
    for (size_t i = 1; i < count && i < METRICS_PROCESSES; i++)
        place_name(&place[i], family->child[i - 1].role, family->child[i - 1].index);
    metrics_cell_set(&metrics_own->processes,
                     count < METRICS_PROCESSES ? count : METRICS_PROCESSES);
    metrics_heartbeat();
    return KH_OK;
}

void
pages_close(struct family *family)
{
    for (size_t i = 0; i < family->child_count; i++) {
        struct family_child *child = &family->child[i];
        metrics_page_unmap(child->page);
        child->page = NULL;
        if (child->page_fd >= 0)
            close(child->page_fd);
        child->page_fd = -1;
    }
    if (family->page_fd >= 0) {
        metrics_detach();
        close(family->page_fd);
    }
    family->page_fd = -1;
}

int
pages_reader(const struct family *family, const struct family_child *child)
{
    char path[64];
    int fd = child != NULL ? child->page_fd : family->page_fd;
    if (fd < 0)
        return -1;
    // Opened anew: what reads must not be able to write.
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* ---- what is written ---- */

static struct metrics_process *
place_of(const struct family *family, const struct family_child *child)
{
    size_t i = (size_t)(child - family->child) + 1;
    return i < METRICS_PROCESSES ? &metrics_own->process[i] : NULL;
}

void
pages_note(struct family *family, struct family_child *child)
{
    struct metrics_process *place = place_of(family, child);
    bool up = child->pid > 0;
    if (!up && child->page != NULL)
        metrics_page_rest(child->page);
    if (place == NULL)
        return;
    metrics_cell_set(&place->up, up);
    metrics_cell_set(&place->restarts, child->restarts);
    metrics_cell_set(&place->started_us, up ? clock_us(CLOCK_REALTIME) : 0);
    metrics_cell_set(&place->resident, 0);
    metrics_cell_set(&place->virtual, 0);
}

// proc(5): what stands behind the name of the program, which may have any characters in it.
static bool
stat_read(const char *pid, char text[STAT_MAX])
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, STAT_MAX - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static void
sample(const char *pid, struct metrics_process *place)
{
    char text[STAT_MAX];
    unsigned long long virtual, resident;
    long page = sysconf(_SC_PAGESIZE);
    const char *end = stat_read(pid, text) ? strrchr(text, ')') : NULL;
    if (end == NULL ||
        sscanf(end,
               ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
               "%*d %*u %llu %llu",
               &virtual, &resident) != 2)
        return;
    metrics_cell_set(&place->virtual, virtual);
    metrics_cell_set(&place->resident, resident * (uint64_t)page);
}

void
pages_sample(struct family *family)
{
    uint64_t queued = 0;
    sample("self", &metrics_own->process[OWN_PLACE]);
    for (size_t i = 0; i < family->child_count; i++) {
        const struct family_child *child = &family->child[i];
        struct metrics_process *place = place_of(family, child);
        char pid[32];
        if (child->channel != NULL)
            queued += channel_queued(child->channel);
        if (child->pid <= 0 || place == NULL)
            continue;
        (void)snprintf(pid, sizeof(pid), "%ld", (long)child->pid);
        sample(pid, place);
    }
    metrics_set(METRIC_CHANNEL_QUEUE, queued);
}
