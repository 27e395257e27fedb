/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers as HTTP/1.1.
 */
#include "answer.h"

#include "../http/http1_write.h"

#include <stdio.h>
#include <time.h>

enum { DATE_SIZE = 32, REFUSAL_MAX = 4096 };

// What a page may do is the page's policy; everything else may do nothing if a browser is led to
// take it for a page.
#define POLICY_OF_DATA "default-src 'none'; frame-ancestors 'none'"

static const struct {
    const char *name, *value;
} always[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

// RFC 9110 5.6.7; strftime would ask for the locale.
static void
print_date(int64_t now, char out[DATE_SIZE])
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const time_t seconds = (time_t)now;
    struct tm tm;

    out[0] = '\0';
    if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year > 9999 - 1900)
        return;
    snprintf(out, DATE_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday % 7],
             tm.tm_mday, months[tm.tm_mon % 12], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
}

static void
write_own_fields(const struct service_response *response, struct buffer *out)
{
    char number[16];

    if (response->content_type)
        http1_write_field_str(out, "Content-Type", response->content_type);
    if (response->location[0])
        http1_write_field_str(out, "Location", response->location);
    if (response->allow)
        http1_write_field_str(out, "Allow", response->allow);
    if (response->retry_after_s) {
        snprintf(number, sizeof number, "%u", (unsigned)response->retry_after_s);
        http1_write_field_str(out, "Retry-After", number);
    }
    // The address of a file has a hash of its contents in it.
    http1_write_field_str(out, "Cache-Control",
                          response->cacheable && response->status == 200
                              ? "public, max-age=31536000, immutable"
                              : "no-store");
    http1_write_field_str(out, "Content-Security-Policy",
                          response->page ? service_page_policy : POLICY_OF_DATA);
}

static void
write_whole(const struct service_response *response, const struct answer_form *form,
            struct buffer *out)
{
    char date[DATE_SIZE];

    http1_write_status_line(out, (unsigned)response->status);
    print_date(form->now, date);
    if (date[0])
        http1_write_field_str(out, "Date", date);
    write_own_fields(response, out);
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        http1_write_field_str(out, always[i].name, always[i].value);
    if (form->secure)
        http1_write_field_str(out, "Strict-Transport-Security", "max-age=31536000");
    if (form->close)
        http1_write_field_str(out, "Connection", "close");
    http1_write_length(out, response->body.n);
    http1_write_end(out);
    if (!form->head)
        buffer_put(out, buffer_bytes(&response->body));
}

void
answer_write(const struct service_response *response, const struct answer_form *form,
             struct buffer *out)
{
    static const struct refusal internal = {500, FAILURE_INTERNAL, "", NULL};

    if (response->status < 200 || response->status > 599 || response->body.failed)
        answer_write_refusal(&internal, form, out);
    else
        write_whole(response, form, out);
}

void
answer_write_refusal(const struct refusal *refusal, const struct answer_form *form,
                     struct buffer *out)
{
    struct service_response response = {.allow = refusal->allow};

    buffer_init(&response.body, REFUSAL_MAX);
    service_write_failure(&response, refusal->status, refusal->failure, refusal->detail);
    // What cannot be said is not said; the status alone is an answer, too.
    if (response.body.failed)
        buffer_free(&response.body);
    write_whole(&response, form, out);
    buffer_free(&response.body);
}
