/* SPDX-License-Identifier: Apache-2.0
 *
 * How much of a line a text takes, and making it take less. Texts are as text_put_safe leaves them:
 * UTF-8 without control characters.
 */
#ifndef KEYHOLE_SCREEN_COLUMNS_H
#define KEYHOLE_SCREEN_COLUMNS_H

#include "screen.h"

/* Columns on a terminal: wide characters take two, combining ones none. */
size_t columns_of(struct bytes text);

/* The text, escaped (text_put_safe); of what is wider than `width` the middle is left out, so that
 * a host's end and a path's end are seen. 0: no limit. Returns the columns that it took. */
size_t columns_put(struct buffer *out, const struct screen *screen, struct bytes text,
                   size_t width);

/* ---- tables ---- */

enum { TABLE_COLUMNS_MAX = 12, TABLE_CELLS_MAX = 4096, TABLE_TEXT_MAX = 4 << 20 };

enum table_align { TABLE_LEFT = 0, TABLE_RIGHT };

struct table_column {
    const char *heading; /* NULL ends */
    enum table_align align;
    unsigned min; /* not made narrower than that */
    bool shrinks; /* gives way when the line is too long */
};

/* Rows of cells that are laid out when all are there. Cells beyond the limits are left out. */
struct table {
    const struct table_column *column;
    size_t columns, cells;
    struct buffer text;
    struct table_cell {
        size_t start, n;
        enum screen_style style;
    } cell[TABLE_CELLS_MAX];
};

void table_init(struct table *table, const struct table_column *column);
void table_free(struct table *table);
/* The next cell, from left to right and from the top down. Any text. */
void table_put(struct table *table, enum screen_style style, const char *text);
/* All rows, each after `indent`, with a heading where there is one. No line is wider than the
 * screen. */
void table_print(const struct table *table, const struct screen *screen, const char *indent,
                 struct buffer *out);

#endif
