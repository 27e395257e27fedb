/* SPDX-License-Identifier: Apache-2.0
 *
 * Time: asked for, printed and read.
 */
#include "clock.h"

#include "../../caveats/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t
system_now_ms(const struct wall_clock *clock)
{
    struct timespec now;

    (void)clock;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t
system_steady_ms(const struct wall_clock *clock)
{
    struct timespec now;

    (void)clock;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t
manual_now_ms(const struct wall_clock *clock)
{
    return clock->manual_ms;
}

static int64_t
manual_steady_ms(const struct wall_clock *clock)
{
    return clock->manual_steady_ms;
}

struct wall_clock
clock_system(void)
{
    return (struct wall_clock){.now_ms = system_now_ms, .steady_ms = system_steady_ms};
}

struct wall_clock
clock_manual(int64_t at_s)
{
    return (struct wall_clock){
        .now_ms = manual_now_ms, .steady_ms = manual_steady_ms, .manual_ms = at_s * 1000};
}

void
clock_pass(struct wall_clock *clock, int64_t milliseconds)
{
    clock->manual_ms += milliseconds;
    clock->manual_steady_ms += milliseconds;
}

void
clock_hold(struct wall_clock *clock)
{
    if (clock->held)
        return;
    clock->held_ms = clock->now_ms(clock);
    clock->held_steady_ms = clock->steady_ms(clock);
    clock->held = true;
}

void
clock_release(struct wall_clock *clock)
{
    clock->held = false;
}

int64_t
clock_now_ms(const struct wall_clock *clock)
{
    return clock->held ? clock->held_ms : clock->now_ms(clock);
}

int64_t
clock_now_s(const struct wall_clock *clock)
{
    return clock_now_ms(clock) / 1000;
}

int64_t
clock_steady_ms(const struct wall_clock *clock)
{
    return clock->held ? clock->held_steady_ms : clock->steady_ms(clock);
}

void
clock_print_s(int64_t seconds, char out[CLOCK_TEXT_SIZE])
{
    timestamp_print(seconds, out);
}

void
clock_print_ms(int64_t milliseconds, char out[CLOCK_TEXT_SIZE])
{
    char text[TIMESTAMP_SIZE];
    int rest = milliseconds < 0 ? 0 : (int)(milliseconds % 1000);

    timestamp_print(milliseconds / 1000, text);
    const char fraction[] = {
        '.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10), (char)('0' + rest % 10), 'Z',
        '\0'};
    memcpy(out, text, TIMESTAMP_SIZE - 2); // without its Z
    memcpy(out + TIMESTAMP_SIZE - 2, fraction, sizeof fraction);
}

static bool
two_digits(struct bytes text, int64_t *out)
{
    if (text.n < 2 || text.p[0] < '0' || text.p[0] > '9' || text.p[1] < '0' || text.p[1] > '9')
        return false;
    *out = (text.p[0] - '0') * 10 + (text.p[1] - '0');
    return true;
}

// "Z", "+02:00": seconds east of UTC.
static bool
zone_parse(struct bytes text, int64_t *shift)
{
    int64_t hours, minutes;

    *shift = 0;
    if (bytes_is(text, "Z"))
        return true;
    if (text.n != 6 || (text.p[0] != '+' && text.p[0] != '-') || text.p[3] != ':' ||
        !two_digits(bytes_from(text, 1), &hours) || !two_digits(bytes_from(text, 4), &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *shift = (text.p[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

bool
clock_parse(struct bytes text, int64_t *seconds)
{
    char whole[TIMESTAMP_SIZE];
    int64_t time, shift;
    struct bytes rest = bytes_from(text, TIMESTAMP_SIZE - 2);

    if (text.n < TIMESTAMP_SIZE - 1)
        return false;
    if (rest.p[0] == '.') {
        size_t n = 1;
        while (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
            n++;
        if (n == 1)
            return false;
        rest = bytes_from(rest, n);
    }
    memcpy(whole, text.p, TIMESTAMP_SIZE - 2);
    whole[TIMESTAMP_SIZE - 2] = 'Z';
    if (!timestamp_parse(bytes_of(whole, TIMESTAMP_SIZE - 1), &time) || !zone_parse(rest, &shift))
        return false;
    *seconds = time - shift;
    return true;
}
