/* SPDX-License-Identifier: Apache-2.0 */
/* The exposition formats: families, samples, labels, numbers. */
#include "metrics_print.h"

#include <stdio.h>
#include <string.h>

/* ---- texts ---- */

// A name may be of another process that lies: what is no UTF-8 would spoil the whole answer.
static void
put_escaped(struct buffer *out, const char *text, bool quotes)
{
    struct bytes rest = bytes_str(text);
    bool good = bytes_is_utf8(rest);
    for (size_t i = 0; i < rest.n; i++) {
        uint8_t c = rest.p[i];
        if (c == '\n')
            buffer_put_str(out, "\\n");
        else if (c == '\\' || (c == '"' && quotes))
            buffer_printf(out, "\\%c", c);
        else
            buffer_put_byte(out, !good && c >= 0x80 ? '?' : c);
    }
}

static void
put_labels(struct buffer *out, const struct metrics_label *label, size_t count)
{
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        buffer_put_str(out, i == 0 ? "{" : ",");
        buffer_put_str(out, label[i].name);
        buffer_put_str(out, "=\"");
        put_escaped(out, label[i].value, true);
        buffer_put_byte(out, '"');
    }
    buffer_put_byte(out, '}');
}

static void
put_number(struct buffer *out, enum metric_unit unit, uint64_t value)
{
    if (unit != METRIC_UNIT_SECONDS) {
        buffer_put_decimal(out, value);
        return;
    }
    uint64_t rest = value % 1000000;
    buffer_put_decimal(out, value / 1000000);
    if (rest == 0)
        return;
    int digits = 6;
    for (; rest % 10 == 0; rest /= 10)
        digits--;
    buffer_printf(out, ".%0*llu", digits, (unsigned long long)rest);
}

/* ---- families ---- */

// OpenMetrics gives a family the name without what its type adds; the older format the sample's.
static const char *
family_suffix(const struct metrics_writer *writer)
{
    static const char *const suffix[] = {[METRIC_COUNTER] = "_total",
                                         [METRIC_GAUGE] = "",
                                         [METRIC_HISTOGRAM] = "",
                                         [METRIC_INFO] = "_info"};
    return writer->scrape->openmetrics ? "" : suffix[writer->row->type];
}

static const char *
type_name(const struct metrics_writer *writer)
{
    static const char *const name[] = {[METRIC_COUNTER] = "counter",
                                       [METRIC_GAUGE] = "gauge",
                                       [METRIC_HISTOGRAM] = "histogram",
                                       [METRIC_INFO] = "info"};
    bool is_info = writer->row->type == METRIC_INFO;
    return is_info && !writer->scrape->openmetrics ? "gauge" : name[writer->row->type];
}

void
metrics_write_family(struct metrics_writer *writer)
{
    static const char *const unit[] = {
        [METRIC_UNIT_BYTES] = "bytes", [METRIC_UNIT_SECONDS] = "seconds"};
    struct buffer *out = writer->out;
    const struct metric_row *row = writer->row;
    const char *suffix = family_suffix(writer);
    buffer_printf(out, "# HELP %s%s ", row->name, suffix);
    put_escaped(out, row->help, writer->scrape->openmetrics);
    buffer_printf(out, "\n# TYPE %s%s %s\n", row->name, suffix, type_name(writer));
    if (writer->scrape->openmetrics && row->unit != METRIC_UNIT_NONE)
        buffer_printf(out, "# UNIT %s %s\n", row->name, unit[row->unit]);
}

/* ---- samples ---- */

void
metrics_write_sample(struct metrics_writer *writer, const struct metrics_label *label, size_t count,
                     uint64_t value)
{
    static const char *const suffix[] = {[METRIC_COUNTER] = "_total",
                                         [METRIC_GAUGE] = "",
                                         [METRIC_HISTOGRAM] = "",
                                         [METRIC_INFO] = "_info"};
    struct buffer *out = writer->out;
    buffer_put_str(out, writer->row->name);
    buffer_put_str(out, suffix[writer->row->type]);
    put_labels(out, label, count);
    buffer_put_byte(out, ' ');
    put_number(out, writer->row->unit, value);
    buffer_put_byte(out, '\n');
}

static void
bound_print(const struct metrics_writer *writer, uint64_t bound, char *out, size_t cap)
{
    BUFFER_AUTO text;
    buffer_init(&text, 64);
    put_number(&text, writer->row->unit, bound);
    // OpenMetrics: a bound is a float, and always written like one.
    if (writer->scrape->openmetrics && bytes_index(buffer_bytes(&text), '.') == text.n)
        buffer_put_str(&text, ".0");
    (void)snprintf(out, cap, "%s", buffer_text(&text));
}

void
metrics_write_histogram(struct metrics_writer *writer, const struct metrics_bounds *bounds,
                        const struct metrics_label *label, size_t count,
                        const struct metrics_total *total)
{
    struct buffer *out = writer->out;
    struct metrics_label all[3];
    char bound[32];
    uint64_t sum = 0;
    count = count < 2 ? count : 2;
    for (size_t i = 0; i < count; i++)
        all[i] = label[i];
    all[count] = (struct metrics_label){"le", bound};
    for (size_t i = 0; i <= bounds->count; i++) {
        sum += total->bucket[i];
        if (i < bounds->count)
            bound_print(writer, bounds->bound[i], bound, sizeof(bound));
        else
            memcpy(bound, "+Inf", sizeof("+Inf"));
        buffer_printf(out, "%s_bucket", writer->row->name);
        put_labels(out, all, count + 1);
        buffer_put_byte(out, ' ');
        buffer_put_decimal(out, sum);
        buffer_put_byte(out, '\n');
    }
    buffer_printf(out, "%s_sum", writer->row->name);
    put_labels(out, all, count);
    buffer_put_byte(out, ' ');
    put_number(out, writer->row->unit, total->sum);
    buffer_printf(out, "\n%s_count", writer->row->name);
    put_labels(out, all, count);
    buffer_put_byte(out, ' ');
    buffer_put_decimal(out, sum);
    buffer_put_byte(out, '\n');
}

void
metrics_print(const struct metrics_scrape *scrape, struct buffer *out)
{
    for (int i = 0; i < METRICS; i++) {
        struct metrics_writer writer = {.scrape = scrape, .row = &metric_row[i], .out = out};
        metrics_write_family(&writer);
        metrics_write_samples(&writer, (enum metric)i);
    }
    if (scrape->openmetrics)
        buffer_put_str(out, "# EOF\n");
}

/* ---- which format ---- */

const char *
metrics_content_type(bool openmetrics)
{
    return openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                       : "text/plain; version=0.0.4; charset=utf-8";
}

// RFC 9110 12.4.2: up to three digits behind the point. In thousandths; what is none counts as 0.
static unsigned
weight_of(struct bytes text)
{
    unsigned weight = 0, factor = 1000;
    if (text.n == 0 || text.n > 5 || (text.p[0] != '0' && text.p[0] != '1') ||
        (text.n > 1 && text.p[1] != '.'))
        return 0;
    for (size_t i = 0; i < text.n; i++) {
        if (i == 1)
            continue;
        if (text.p[i] < '0' || text.p[i] > '9')
            return 0;
        weight += (unsigned)(text.p[i] - '0') * factor;
        factor /= 10;
    }
    return weight <= 1000 ? weight : 0;
}

// A version that is not ours is another format.
static unsigned
item_weight(struct bytes parameters, const char *version)
{
    unsigned weight = 1000;
    struct bytes parameter;
    while (bytes_cut(&parameters, ';', &parameter)) {
        size_t sign = bytes_index(parameter, '=');
        struct bytes name = bytes_trim(bytes_slice(parameter, 0, sign));
        struct bytes value = bytes_trim(bytes_from(parameter, sign + 1));
        if (bytes_equal_nocase(name, BYTES("q")))
            weight = weight_of(value);
        else if (bytes_equal_nocase(name, BYTES("version")) && !bytes_is(value, version))
            return 0;
    }
    return weight;
}

bool
metrics_prefers_openmetrics(struct bytes accept)
{
    unsigned open = 0, text = 0;
    struct bytes item;
    while (bytes_cut(&accept, ',', &item)) {
        size_t end = bytes_index(item, ';');
        struct bytes type = bytes_trim(bytes_slice(item, 0, end));
        struct bytes parameters = bytes_from(item, end + 1);
        unsigned weight = 0;
        if (bytes_equal_nocase(type, BYTES("application/openmetrics-text"))) {
            weight = item_weight(parameters, "1.0.0");
            open = weight > open ? weight : open;
        } else if (bytes_equal_nocase(type, BYTES("text/plain"))) {
            weight = item_weight(parameters, "0.0.4");
            text = weight > text ? weight : text;
        }
    }
    return open > 0 && open >= text;
}
