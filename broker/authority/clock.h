/* SPDX-License-Identifier: Apache-2.0
 *
 * The broker's clock: the one place that asks what time it is, so that tests can let time pass.
 */
#ifndef KEYHOLE_CLOCK_H
#define KEYHOLE_CLOCK_H

#include "../../caveats/bytes.h"

struct wall_clock {
    int64_t (*now_ms)(const struct wall_clock *clock); /* since 1970, UTC */
    int64_t (*steady_ms)(const struct wall_clock *clock);
    int64_t manual_ms, manual_steady_ms;
    bool held;
    int64_t held_ms, held_steady_ms;
};

struct wall_clock clock_system(void);
/* Stands still at `at_s` until `manual_ms` is changed, or clock_pass is called. */
struct wall_clock clock_manual(int64_t at_s);

/* A manual clock: so much time goes by. */
void clock_pass(struct wall_clock *clock, int64_t milliseconds);

/* For all that comes in one batch it is the same time, from its first message to its end. Nothing
 * to one that is held already. */
void clock_hold(struct wall_clock *clock);
void clock_release(struct wall_clock *clock);

int64_t clock_now_ms(const struct wall_clock *clock);
int64_t clock_now_s(const struct wall_clock *clock);
/* Since some moment of this start of the machine; nobody can set it, and it goes on in suspend. */
int64_t clock_steady_ms(const struct wall_clock *clock);

/* RFC 3339 in UTC: "2026-12-01T00:00:00Z", or with milliseconds. */
enum { CLOCK_TEXT_SIZE = 32 };
void clock_print_s(int64_t seconds, char out[CLOCK_TEXT_SIZE]);
void clock_print_ms(int64_t milliseconds, char out[CLOCK_TEXT_SIZE]);
/* Strict: what clock_print_s prints, a fraction or a numeric offset allowed as well. */
KH_MUST_CHECK bool clock_parse(struct bytes text, int64_t *seconds);

#endif
