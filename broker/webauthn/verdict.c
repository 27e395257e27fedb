/* SPDX-License-Identifier: Apache-2.0 */
/* What was looked at, what was found, and how it ended. */
#include "verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
verdict_init(struct webauthn_verdict *verdict)
{
    memset(verdict, 0, sizeof(*verdict));
    verdict->failure = FAILURE_INTERNAL;
}

static void
make_safe(char *text)
{
    for (char *p = text; *p != '\0'; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
}

static void
write_found(struct webauthn_verdict *verdict, const char *format, va_list arguments)
{
    struct webauthn_step *step = &verdict->step[verdict->step_count - 1];
    vsnprintf(step->found, sizeof(step->found), format, arguments);
    make_safe(step->found);
}

bool
verdict_found(struct webauthn_verdict *verdict, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_found(verdict, format, arguments);
    va_end(arguments);
    return true;
}

bool
verdict_refuses(struct webauthn_verdict *verdict, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_found(verdict, format, arguments);
    va_end(arguments);
    return false;
}

void
verdict_begin(struct webauthn_verdict *verdict, enum failure check)
{
    // The tables of steps are shorter; a test says when they are not.
    if (verdict->step_count < WEBAUTHN_STEPS_MAX)
        verdict->step_count++;
    verdict->step[verdict->step_count - 1] = (struct webauthn_step){.check = check};
}

bool
verdict_end(struct webauthn_verdict *verdict, bool passed)
{
    struct webauthn_step *step = &verdict->step[verdict->step_count - 1];
    step->passed = passed;
    if (!passed) {
        verdict->failure = step->check;
        snprintf(verdict->detail, sizeof(verdict->detail), "%s", step->found);
    }
    return passed;
}

enum failure
verdict_accept(struct webauthn_verdict *verdict)
{
    bool all = verdict->step_count > 0;
    for (size_t i = 0; i < verdict->step_count; i++)
        all = all && verdict->step[i].passed;
    verdict->failure = all ? FAILURE_NONE : FAILURE_INTERNAL;
    return verdict->failure;
}
