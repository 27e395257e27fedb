/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows and columns that never wrap: the widest column that may shrink gives way first.
 */
#include "columns.h"

enum { TABLE_SPACE = 2 };

void
table_init(struct table *table, const struct table_column *column)
{
    table->column = column;
    table->columns = table->cells = 0;
    while (table->columns < TABLE_COLUMNS_MAX && column[table->columns].heading != NULL)
        table->columns++;
    buffer_init(&table->text, TABLE_TEXT_MAX);
}

void
table_free(struct table *table)
{
    buffer_free(&table->text);
    table->cells = 0;
}

void
table_put(struct table *table, enum screen_style style, const char *text)
{
    struct bytes whole = bytes_str(text);
    if (table->cells == TABLE_CELLS_MAX || table->text.n + whole.n > TABLE_TEXT_MAX)
        return;
    table->cell[table->cells++] = (struct table_cell){table->text.n, whole.n, style};
    buffer_put(&table->text, whole);
}

static struct bytes
cell_text(const struct table *table, const struct table_cell *cell)
{
    return bytes_slice(buffer_bytes(&table->text), cell->start, cell->n);
}

// Escaped, as it will stand there.
static size_t
cell_columns(const struct table *table, const struct screen *screen, size_t index)
{
    BUFFER_AUTO unused;
    buffer_init(&unused, TABLE_TEXT_MAX);
    return columns_put(&unused, screen, cell_text(table, &table->cell[index]), 0);
}

static size_t
total_of(const size_t *width, size_t columns)
{
    size_t total = 0;
    for (size_t i = 0; i < columns; i++)
        total += width[i] == 0 ? 0 : width[i] + (total > 0 ? TABLE_SPACE : 0);
    return total;
}

static void
fit(const struct table *table, const struct screen *screen, size_t indent, size_t *width)
{
    size_t room = screen->width > indent ? screen->width - indent : 1;
    while (screen->width > 0 && total_of(width, table->columns) > room) {
        size_t widest = table->columns;
        for (size_t i = 0; i < table->columns; i++)
            if (table->column[i].shrinks && width[i] > table->column[i].min && width[i] > 1 &&
                (widest == table->columns || width[i] > width[widest]))
                widest = i;
        // Nothing gives way any more: from the right, columns are narrowed all the same.
        for (size_t i = table->columns; widest == table->columns && i > 0; i--)
            if (width[i - 1] > 1)
                widest = i - 1;
        if (widest == table->columns)
            return;
        width[widest]--;
    }
}

static void
print_cell(struct buffer *out, const struct screen *screen, const struct table_column *column,
           struct bytes text, enum screen_style style, size_t width, bool last)
{
    BUFFER_AUTO shown;
    buffer_init(&shown, TABLE_TEXT_MAX);
    size_t taken = columns_put(&shown, screen, text, width);
    size_t space = width > taken ? width - taken : 0;
    if (column->align == TABLE_RIGHT)
        buffer_printf(out, "%*s", (int)space, "");
    if (style != STYLE_NONE)
        buffer_put_str(out, screen_style(screen, style));
    buffer_put(out, buffer_bytes(&shown));
    if (style != STYLE_NONE)
        buffer_put_str(out, screen_style(screen, STYLE_NONE));
    if (column->align == TABLE_LEFT && !last)
        buffer_printf(out, "%*s", (int)space, "");
}

// Rows end with their last text: no line has spaces at its end.
static size_t
row_end(const struct table *table, size_t row, const size_t *width)
{
    size_t end = 0;
    for (size_t i = 0; i < table->columns && row + i < table->cells; i++)
        if (width[i] > 0 && table->cell[row + i].n > 0)
            end = i + 1;
    return end;
}

static void
print_headings(const struct table *table, const struct screen *screen, const char *indent,
               const size_t *width, struct buffer *out)
{
    size_t end = 0;
    for (size_t i = 0; i < table->columns; i++)
        if (width[i] > 0 && table->column[i].heading[0] != '\0')
            end = i + 1;
    if (end == 0)
        return;
    buffer_put_str(out, indent);
    for (size_t i = 0, printed = 0; i < end; i++) {
        if (width[i] == 0)
            continue;
        buffer_printf(out, "%*s", printed++ > 0 ? TABLE_SPACE : 0, "");
        print_cell(out, screen, &table->column[i], bytes_str(table->column[i].heading), STYLE_DIM,
                   width[i], i + 1 == end);
    }
    buffer_put_byte(out, '\n');
}

void
table_print(const struct table *table, const struct screen *screen, const char *indent,
            struct buffer *out)
{
    size_t width[TABLE_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < table->cells; i++) {
        size_t columns = cell_columns(table, screen, i), at = i % table->columns;
        if (columns > width[at])
            width[at] = columns;
    }
    for (size_t i = 0; i < table->columns; i++) {
        size_t heading = columns_of(bytes_str(table->column[i].heading));
        if (width[i] > 0 && heading > width[i])
            width[i] = heading;
    }
    fit(table, screen, columns_of(bytes_str(indent)), width);
    print_headings(table, screen, indent, width, out);
    for (size_t row = 0; row < table->cells; row += table->columns) {
        size_t end = row_end(table, row, width);
        buffer_put_str(out, indent);
        for (size_t i = 0, printed = 0; i < end; i++) {
            if (width[i] == 0)
                continue;
            const struct table_cell *cell = &table->cell[row + i];
            buffer_printf(out, "%*s", printed++ > 0 ? TABLE_SPACE : 0, "");
            print_cell(out, screen, &table->column[i], cell_text(table, cell), cell->style,
                       width[i], i + 1 == end);
        }
        buffer_put_byte(out, '\n');
    }
}
