/* SPDX-License-Identifier: Apache-2.0
 *
 * What was refused to a run.
 */
#include "run_report.h"

#include "text.h"

#include <string.h>

#define RUN_REPORT_PATH "/.well-known/keyhole/runs/"
enum { RUN_REPORT_TIMEOUT_MS = 5000 };

static bool
report_read_row(const json_t *object, struct run_refusal *out)
{
    json_int_t port = json_integer_value(json_object_get(object, "port"));
    json_int_t count = json_integer_value(json_object_get(object, "count"));
    out->host = answer_string(object, "host");
    out->code = answer_string(object, "code");
    if (out->host == NULL || out->code == NULL || port < 0 || port > UINT16_MAX || count < 1)
        return false;
    out->port = (unsigned)port;
    out->count = (uint64_t)count;
    return true;
}

static enum kh_err
report_read(json_t *object, struct run_report *out, struct fault *fault)
{
    const json_t *list = json_object_get(object, "refused");
    json_int_t more = json_integer_value(json_object_get(object, "more"));
    size_t i;
    json_t *row;
    if (!json_is_array(list) || json_array_size(list) > RUN_REPORT_ROWS_MAX || more < 0)
        return fault_set(fault, KH_ERR_PROTOCOL, "the broker's list of refusals is no list");
    out->more = (uint64_t)more;
    json_array_foreach(list, i, row)
    {
        if (!report_read_row(row, &out->row[out->count++]))
            return fault_set(fault, KH_ERR_PROTOCOL,
                             "the broker's list of refusals is not well-formed");
    }
    return KH_OK;
}

enum kh_err
run_report_read_answer(const struct http_answer *answer, struct run_report *out,
                       struct fault *fault)
{
    json_t *object = NULL;
    enum kh_err err = answer_accepted(answer, &object, fault);
    struct run_report report = {.answer = object};
    if (err == KH_OK)
        err = report_read(object, &report, fault);
    if (err == KH_OK)
        *out = report;
    else
        json_decref(object);
    return err;
}

enum kh_err
run_report_fetch(const struct broker_address *broker, const char *ca_file,
                 const uint8_t run[PREFACE_RUN_SIZE], struct run_report *out, struct fault *fault)
{
    char hex[2 * PREFACE_RUN_SIZE + 1];
    char path[sizeof RUN_REPORT_PATH + sizeof hex];
    struct http_answer answer;
    struct http_request request = {.ca_file = ca_file, .timeout_ms = RUN_REPORT_TIMEOUT_MS};
    if (!bytes_to_hex(bytes_of(run, PREFACE_RUN_SIZE), hex, sizeof hex))
        return fault_set(fault, KH_ERR_INTERNAL, "no run");
    snprintf(path, sizeof path, RUN_REPORT_PATH "%s", hex);
    enum kh_err err = broker_call(broker, path, request, &answer, fault);
    if (err != KH_OK)
        return err;
    err = run_report_read_answer(&answer, out, fault);
    http_answer_free(&answer);
    return err;
}

void
run_report_free(struct run_report *report)
{
    json_decref(report->answer);
    *report = (struct run_report){0};
}

/* ---- for people ---- */

static void
report_put_row(const struct run_refusal *row, struct bytes hosts, struct buffer *out)
{
    struct preface limit = {.hosts = hosts};
    bool limited = !preface_allows(&limit, bytes_str(row->host));
    enum kh_reason reason = kh_reason_from_code(bytes_str(row->code));
    bool one = row->count == 1, named = row->host[0] != '\0';
    const char *what = !named           ? (one ? "request" : "requests")
                       : row->port == 0 ? (one ? "look-up of " : "look-ups of ")
                                        : (one ? "request to " : "requests to ");
    buffer_printf(out, "%llu %s", (unsigned long long)row->count, what);
    text_put_safe(out, bytes_slice(bytes_str(row->host), 0, 255));
    if (row->port != 0 && row->port != 443)
        buffer_printf(out, ":%u", row->port);
    buffer_put_str(out, " refused (");
    text_put_safe(out, bytes_slice(bytes_str(row->code), 0, 64));
    buffer_put_str(out, ")");
    if (reason == KH_REASON_HOST_NOT_ALLOWED && limited) {
        buffer_put_str(out, "; allow with --allow-host ");
        text_put_safe(out, bytes_slice(bytes_str(row->host), 0, 255));
    } else if (reason == KH_REASON_HOST_NOT_ALLOWED) {
        buffer_put_str(out, "; the operator can list it under pass-through");
    } else if (reason != KH_REASON_UNSET && kh_reason_advice(reason)[0] != '\0') {
        buffer_printf(out, ": %s", kh_reason_advice(reason));
    }
    buffer_put_byte(out, '\n');
}

void
run_report_print(const struct run_report *report, struct bytes hosts, struct buffer *out)
{
    size_t lines = report->count < RUN_REPORT_LINES_MAX ? report->count : RUN_REPORT_LINES_MAX;
    uint64_t more = report->more;
    for (size_t i = 0; i < lines; i++)
        report_put_row(&report->row[i], hosts, out);
    for (size_t i = lines; i < report->count; i++)
        more += report->row[i].count;
    if (more > 0)
        buffer_printf(out, "and %llu more; --report FILE has %s\n", (unsigned long long)more,
                      report->more > 0 ? "the most frequent ones" : "them all");
}

json_t *
run_report_json(const struct run_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->count; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:i, s:s, s:I}", "host", report->row[i].host, "port",
                                        (int)report->row[i].port, "code", report->row[i].code,
                                        "count", (json_int_t)report->row[i].count));
    return list;
}
