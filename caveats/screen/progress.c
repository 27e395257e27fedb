/* SPDX-License-Identifier: Apache-2.0
 *
 * How far something is.
 */
#include "progress.h"

#include <time.h>

enum { STEPS_A_LOOK = 256, LINE_MAX = 512 };

static int64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
progress_begin(struct progress *progress, FILE *stream, const char *what)
{
    struct screen screen;
    screen_look(stream, SCREEN_AUTO, &screen);
    *progress = (struct progress){.stream = stream, .terminal = screen.terminal, .what = what};
    progress->begun_ms = now_ms();
    progress->next_ms = progress->begun_ms + PROGRESS_AFTER_MS;
}

void
progress_put_size(struct buffer *out, uint64_t bytes)
{
    static const char *const unit[] = {"KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes / 1024;
    size_t i = 0;
    if (bytes < 1024) {
        buffer_printf(out, "%u B", (unsigned)bytes);
        return;
    }
    for (; size >= 1024 && i < 3; i++)
        size /= 1024;
    buffer_printf(out, size < 10 ? "%.1f %s" : "%.0f %s", size, unit[i]);
}

void
progress_put(const char *what, uint64_t done, uint64_t all, int64_t spent_ms, struct buffer *out)
{
    buffer_printf(out, "%s: ", what);
    if (all == 0 || done > all) {
        progress_put_size(out, done);
        return;
    }
    double part = (double)done / (double)all;
    buffer_printf(out, "%d %%, ", (int)(part * 100));
    progress_put_size(out, done);
    buffer_put_str(out, " of ");
    progress_put_size(out, all);
    if (part > 0.01 && done < all)
        buffer_printf(out, ", %lld s left",
                      (long long)((double)spent_ms * (1 - part) / part / 1000) + 1);
}

void
progress_step(struct progress *progress, uint64_t done, uint64_t all)
{
    if (!progress->terminal || progress->calls++ % STEPS_A_LOOK != 0)
        return;
    int64_t now = now_ms();
    if (now < progress->next_ms)
        return;
    BUFFER_AUTO line;
    buffer_init(&line, LINE_MAX);
    progress_put(progress->what, done, all, now - progress->begun_ms, &line);
    fprintf(progress->stream, "\r\x1b[K%s", buffer_text(&line));
    fflush(progress->stream);
    progress->shown = true;
    progress->next_ms = now + PROGRESS_EVERY_MS;
}

void
progress_end(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\x1b[K", progress->stream);
    progress->shown = false;
}
