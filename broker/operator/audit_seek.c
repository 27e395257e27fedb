/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a place in a long audit log: by time, and backwards from its end. */
#include "audit_filter.h"
#include "audit_lines.h"

#include <errno.h>
#include <string.h>

enum { BLOCK = 64 * 1024, NEAR_ENOUGH = 256 * 1024 };

static enum kh_err
read_fault(struct fault *fault)
{
    return fault_set(fault, KH_ERR_IO, "the audit log: %s", strerror(errno));
}

/* ---- by time ---- */

// The time of the first line behind `at` that has one; INT64_MAX at the end.
static enum kh_err
time_behind(struct audit_lines *lines, uint64_t at, int64_t *out, struct fault *fault)
{
    struct bytes line;
    bool more = false;
    enum kh_err err = audit_lines_seek(lines, at, fault);
    *out = INT64_MAX;
    while (err == KH_OK) {
        err = audit_lines_next(lines, &line, &more, fault);
        if (err != KH_OK || !more || audit_line_time(line, out))
            break;
    }
    return err;
}

enum kh_err
audit_lines_seek_time(struct audit_lines *lines, int64_t since, struct fault *fault)
{
    uint64_t low = 0, high = audit_lines_size(lines);
    int64_t wanted =
        since > INT64_MIN + AUDIT_CLOCK_SLACK_S ? since - AUDIT_CLOCK_SLACK_S : INT64_MIN;
    // All lines that begin before `low` are too old.
    while (high - low > NEAR_ENOUGH) {
        uint64_t middle = low + (high - low) / 2;
        int64_t time;
        enum kh_err err = time_behind(lines, middle, &time, fault);
        if (err != KH_OK)
            return err;
        if (time < wanted)
            low = middle;
        else
            high = middle;
    }
    return audit_lines_seek(lines, low, fault);
}

/* ---- backwards ---- */

void
audit_back_init(struct audit_back *back, struct audit_lines *lines)
{
    *back = (struct audit_back){.lines = lines, .from = audit_lines_size(lines)};
    buffer_init(&back->pending, AUDIT_LINE_MAX + 2 * BLOCK);
}

void
audit_back_free(struct audit_back *back)
{
    buffer_free(&back->pending);
}

// The block before, in front of what is left of the line that it is the end of.
static enum kh_err
read_before(struct audit_back *back, struct fault *fault)
{
    size_t n = back->from < BLOCK ? (size_t)back->from : BLOCK;
    BUFFER_AUTO joined;
    buffer_init(&joined, AUDIT_LINE_MAX + 2 * BLOCK);
    uint8_t *room = buffer_room(&joined, n);
    if (room == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    for (size_t got = 0; got < n;) {
        ssize_t more = audit_lines_read(back->lines, room + got, n - got, back->from - n + got);
        if (more <= 0)
            return read_fault(fault);
        got += (size_t)more;
    }
    buffer_advance(&joined, n);
    buffer_put(&joined, bytes_slice(buffer_bytes(&back->pending), 0, back->end));
    if (joined.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "a line of the audit log is far too long");
    buffer_clear(&back->pending);
    buffer_put(&back->pending, buffer_bytes(&joined));
    back->end += n;
    back->from -= n;
    return KH_OK;
}

// `end` is where the line that is next ends, without its newline.
enum kh_err
audit_back_next(struct audit_back *back, struct bytes *line, bool *more, struct fault *fault)
{
    *more = false;
    for (size_t searched = 0;;) {
        const uint8_t *newline =
            back->end > searched ? memrchr(back->pending.p, '\n', back->end - searched) : NULL;
        if (newline == NULL && back->from > 0) {
            searched = back->end;
            enum kh_err err = read_before(back, fault);
            if (err != KH_OK)
                return err;
            continue;
        }
        if (newline == NULL && (!back->started || back->done))
            return KH_OK;
        size_t start = newline != NULL ? (size_t)(newline - back->pending.p) + 1 : 0;
        *line = bytes_slice(buffer_bytes(&back->pending), start, back->end - start);
        back->end = newline != NULL ? start - 1 : 0;
        back->done = newline == NULL;
        *more = back->started;
        if (*more)
            return KH_OK;
        back->started = true; // what is behind the last newline is torn
        searched = 0;
    }
}
