/* SPDX-License-Identifier: Apache-2.0
 *
 * The page on which a person approves or denies. It is made of the text that is signed, and of
 * nothing else.
 */
#include "service_internal.h"

#include "../../caveats/caveat.h"
#include "../../caveats/moment.h"
#include "../../caveats/text.h"
#include "../../caveats/timestamp.h"
#include "../../caveats/words.h"
#include "pages.h"

#include <stdio.h>

struct shown {
    struct challenge_line line[CHALLENGE_LINES_MAX];
    size_t count;
    struct buffer storage;
};

static struct bytes
line_of(const struct shown *shown, enum challenge_key key)
{
    return challenge_find(shown->line, shown->count, key);
}

// ---- parts ----

// "openai, github"
static void
put_credentials(struct buffer *out, const struct shown *shown)
{
    const char *comma = "";
    for (size_t i = 0; i < shown->count; i++) {
        if (shown->line[i].key != CHALLENGE_CREDENTIAL)
            continue;
        buffer_put_str(out, comma);
        buffer_put_str(out, "<bdi>");
        html_put(out, shown->line[i].value);
        buffer_put_str(out, "</bdi>");
        comma = ", ";
    }
}

// ", labelled ci agent,"
static void
put_label(struct buffer *out, struct bytes label)
{
    if (label.n == 0)
        return;
    buffer_put_str(out, ", labelled <strong><bdi>");
    html_put(out, label);
    buffer_put_str(out, "</bdi></strong>,");
}

static void
put_caveat(struct buffer *out, struct bytes text, int64_t now)
{
    struct caveat *caveat = NULL;
    BUFFER_AUTO words;
    buffer_init(&words, 8192);
    buffer_put_str(out, "<li>");
    // One that is not understood here is shown as it is written: the broker will refuse it.
    if (caveat_parse(text, &caveat, NULL) == KH_OK) {
        words_put_caveat(&words, caveat, now);
        buffer_put_str(out, "<span class=\"words\"><bdi>");
        html_put(out, buffer_bytes(&words));
        buffer_put_str(out, "</bdi></span> ");
    }
    caveat_free(&caveat);
    buffer_put_str(out, "<code><bdi>");
    html_put(out, text);
    buffer_put_str(out, "</bdi></code></li>");
}

static void
put_limits(struct buffer *out, const struct shown *shown, int64_t now)
{
    struct bytes left_out = line_of(shown, CHALLENGE_CAVEATS_LEFT_OUT);
    bool any = left_out.n > 0;
    for (size_t i = 0; i < shown->count; i++)
        any |= shown->line[i].key == CHALLENGE_CAVEAT;
    if (!any) {
        buffer_put_str(out, "<p class=\"warning\">Nothing: everything that the credential allows."
                            "</p>");
        return;
    }
    buffer_put_str(out, "<ul class=\"limits\">");
    for (size_t i = 0; i < shown->count; i++) {
        if (shown->line[i].key == CHALLENGE_CAVEAT)
            put_caveat(out, shown->line[i].value, now);
    }
    buffer_put_str(out, "</ul>");
    if (left_out.n == 0)
        return;
    buffer_put_str(out, "<p>And ");
    html_put(out, left_out);
    buffer_put_str(out, " more that did not fit here. <code>keyhole inspect</code> shows all of "
                        "them.</p>");
}

// What a person seldom needs, in the order and with the names of the text.
static void
put_details(struct buffer *out, const struct shown *shown, int64_t expires_at, int64_t now)
{
    for (size_t i = 0; i < shown->count; i++) {
        const struct challenge_line *line = &shown->line[i];
        if (line->key == CHALLENGE_CAVEAT || line->key == CHALLENGE_CAVEATS_LEFT_OUT)
            continue;
        buffer_put_str(out, "<div><dt>");
        html_put(out, bytes_str(challenge_key_label(line->key)));
        buffer_put_str(out, "</dt><dd><bdi>");
        html_put(out, line->value);
        if (line->key == CHALLENGE_EXPIRES) {
            buffer_put_str(out, ", ");
            moment_put_relative(out, expires_at, now);
        }
        buffer_put_str(out, "</bdi></dd></div>");
    }
}

// ---- the page ----

static bool
fill(const struct question *q, const struct shown *shown, int64_t now, struct buffer *main)
{
    BUFFER_AUTO label, credentials, span, demand, limits, details, page;
    buffer_init(&label, PAGE_MAX);
    buffer_init(&credentials, PAGE_MAX);
    buffer_init(&span, 128);
    buffer_init(&demand, PAGE_MAX);
    buffer_init(&limits, PAGE_MAX);
    buffer_init(&details, PAGE_MAX);
    buffer_init(&page, 64);
    char expires[24];
    put_label(&label, line_of(shown, CHALLENGE_LABEL));
    put_credentials(&credentials, shown);
    moment_put_span(&span, q->demand.lifetime_s);
    words_put_demand(&demand, &q->demand);
    put_limits(&limits, shown, now);
    put_details(&details, shown, q->expires_at, now);
    question_id_print(q->page, &page);
    snprintf(expires, sizeof expires, "%lld", (long long)(q->expires_at - now));
    const struct html_value values[] = {
        {"asked-by", line_of(shown, CHALLENGE_ASKED_BY), false},
        {"broker", line_of(shown, CHALLENGE_BROKER), false},
        {"user", line_of(shown, CHALLENGE_USER), false},
        {"code", line_of(shown, CHALLENGE_CODE), false},
        {"label", buffer_bytes(&label), true},
        {"credentials", buffer_bytes(&credentials), true},
        {"span", buffer_bytes(&span), false},
        {"demand", buffer_bytes(&demand), false},
        {"limits", buffer_bytes(&limits), true},
        {"details", buffer_bytes(&details), true},
        {"page", buffer_bytes(&page), false},
        {"seconds", bytes_str(expires), false},
        {"bound",
         q->parent.n > 0 ? bytes_str("The approval is for this one token and what is made from it.")
                         : bytes_str("The approval is not tied to one token by this discharger: "
                                     "whoever asked has to do that."),
         false},
        {NULL, BYTES_EMPTY, false},
    };
    bool ok = !label.failed && !credentials.failed && !span.failed && !demand.failed &&
              !limits.failed && !details.failed && !page.failed;
    return ok && html_fill(asset_find("approve.html"), values, main);
}

static enum failure
write_open(struct exchange *x, const struct question *q)
{
    struct shown shown = {.count = 0};
    struct fault fault = {.err = KH_OK};
    BUFFER_AUTO main;
    buffer_init(&main, PAGE_MAX);
    buffer_init(&shown.storage, 2 * CHALLENGE_TEXT_MAX);
    bool ok = challenge_text_parse(buffer_bytes(&q->text), &shown.storage, shown.line, &shown.count,
                                   &fault) == KH_OK &&
              fill(q, &shown, x->request->now, &main);
    buffer_free(&shown.storage);
    if (!ok)
        return service_fail_internal(x, &fault);
    page_write(x->response, 200, "Approve a request", buffer_bytes(&main), "approve.js");
    return FAILURE_NONE;
}

static const struct ending_row {
    enum question_state state;
    enum failure failure;
    const char *title, *text, *advice;
} endings[] = {
    {QUESTION_ANSWERED, FAILURE_NONE, "Approved",
     "You vouched for this request with your key. The program that asked is about to go on.",
     "You can close this page."},
    {QUESTION_ENDED, FAILURE_NONE, "Approved and delivered",
     "This request was approved, and the program that asked has its answer.",
     "It cannot be answered a second time. You can close this page."},
    {QUESTION_DECLINED, FAILURE_DECLINED, "Denied",
     "The program that asked gets nothing. That is final for this request: asking again needs a "
     "new token.",
     "You can close this page. If you did not start this yourself, tell your operator."},
    {QUESTION_EXPIRED, FAILURE_EXPIRED, "Too late",
     "Nobody answered this request within five minutes, so it has expired.",
     "If you still want it, start it again on your terminal."},
};
enum { ENDINGS = sizeof endings / sizeof endings[0] };

enum failure
page_approve(struct exchange *x)
{
    const struct question *q = question_table_find(&x->service->questions, QUESTION_ID_PAGE, x->id);
    if (q == NULL || q->purpose != CHALLENGE_DISCHARGE || q->way != QUESTION_BROWSER)
        return FAILURE_NOT_FOUND;
    if (question_is_open(q))
        return write_open(x, q);
    for (size_t i = 0; i < ENDINGS; i++) {
        const struct ending_row *row = &endings[i];
        if (row->failure != q->failure || (row->failure == FAILURE_NONE && row->state != q->state))
            continue;
        page_write_ended(x->response, 200, row->title, row->text, row->advice);
        return FAILURE_NONE;
    }
    return FAILURE_NOT_FOUND;
}
