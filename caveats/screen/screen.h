/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a program prints for people: whether it is a terminal, how wide, with which characters, and
 * whether with colour. One rule for both programs.
 */
#ifndef KEYHOLE_SCREEN_H
#define KEYHOLE_SCREEN_H

#include "../bytes.h"

#include <stdio.h>

enum screen_colour { SCREEN_AUTO = 0, SCREEN_ALWAYS, SCREEN_NEVER };

/* "auto", "always", "never", as --color takes them. */
KH_MUST_CHECK bool screen_colour_parse(const char *text, enum screen_colour *out);

/* What there is to judge by. Texts of the environment may be NULL. */
struct screen_facts {
    bool terminal;
    unsigned window; /* columns that the terminal tells; 0: it does not */
    const char *columns;
    const char *term, *no_color, *clicolor_force;
    const char *lc_all, *lc_ctype, *lang;
};

struct screen {
    bool terminal;
    bool colour;
    bool unicode;   /* the locale's characters are UTF-8: lines may be drawn with them */
    unsigned width; /* columns; 0: no limit, since nobody looks */
};

/*
 * What the caller wants comes first, then NO_COLOR (no-color.org), then CLICOLOR_FORCE
 * (bixense.com/clicolors), then TERM=dumb; else there is colour on a terminal. Variables that are
 * empty are not there; CLICOLOR_FORCE=0 neither.
 */
void screen_judge(const struct screen_facts *facts, enum screen_colour wanted, struct screen *out);

/* By the environment and the terminal of this process. */
void screen_look(FILE *stream, enum screen_colour wanted, struct screen *out);

/* ---- styles: an escape sequence, or "" without colour ---- */

enum screen_style {
    STYLE_NONE = 0,
    STYLE_BOLD,
    STYLE_DIM,
    STYLE_RED,
    STYLE_GREEN,
    STYLE_YELLOW,
    STYLE_CYAN,
};
const char *screen_style(const struct screen *screen, enum screen_style style);

/* ---- drawing ---- */

enum screen_mark {
    MARK_BRANCH = 0, /* a branch with others below it */
    MARK_LAST,
    MARK_TRUNK, /* under a branch that has others below it */
    MARK_GAP,   /* under the last one */
    MARK_MORE,  /* something was left out here */
    MARK_ARROW,
    MARK_DOT,
};
const char *screen_mark(const struct screen *screen, enum screen_mark mark);

#endif
