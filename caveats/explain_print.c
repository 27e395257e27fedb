/* SPDX-License-Identifier: Apache-2.0 */
/* An explanation for people: what was decided, then the checks, the caveats and the rules as trees.
 */

#include "explain.h"
#include "text.h"

#include <string.h>

struct printer {
    struct buffer *out;
    const struct screen *screen;
};

enum { COLUMN = 12 };

#define BOLD  STYLE_BOLD
#define DIM   STYLE_DIM
#define RED   STYLE_RED
#define GREEN STYLE_GREEN

/* ---- text ---- */

static void
put_safe(struct printer *p, const char *text)
{
    text_put_safe(p->out, bytes_str(text));
}

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void
put_styled(struct printer *p, enum screen_style style, const char *text)
{
    buffer_put_str(p->out, screen_style(p->screen, style));
    put_safe(p, text);
    buffer_put_str(p->out, screen_style(p->screen, STYLE_NONE));
}

/* ---- lines of the tree ---- */

static const struct {
    const char *name, *shown;
    enum screen_style style;
} judgements[] = {
    {"holds", "holds", GREEN},
    {"fails", "fails", RED},
    {"unknown", "unknown", RED},
    {"not-judged", "not judged", DIM},
};

/* With spaces up to `width`, so that what follows stands in a column. */
static void
put_judgement(struct printer *p, const char *name, int width)
{
    for (size_t i = 0; i < sizeof judgements / sizeof judgements[0]; i++) {
        if (strcmp(name, judgements[i].name) != 0)
            continue;
        int n = (int)strlen(judgements[i].shown);
        put_styled(p, judgements[i].style, judgements[i].shown);
        buffer_printf(p->out, "%*s", n < width ? width - n : 0, "");
    }
}

static void
put_branch(struct printer *p, const char *indent, bool is_last)
{
    buffer_printf(p->out, "%s%s", indent,
                  screen_mark(p->screen, is_last ? MARK_LAST : MARK_BRANCH));
}

/* A judged text, and below it what would have to change. */
static void
put_judged(struct printer *p, const char *indent, bool is_last, const json_t *item,
           const char *before)
{
    const char *change = text_of(item, "change");
    put_branch(p, indent, is_last);
    put_judgement(p, text_of(item, "judgement"), COLUMN);
    buffer_put_str(p->out, before);
    put_safe(p, text_of(item, "text"));
    buffer_put_byte(p->out, '\n');
    if (change[0]) {
        buffer_printf(p->out, "%s%s            ", indent,
                      screen_mark(p->screen, is_last ? MARK_GAP : MARK_TRUNK));
        put_styled(p, DIM, change);
        buffer_put_byte(p->out, '\n');
    }
}

static void
put_heading(struct printer *p, const char *text)
{
    buffer_put_byte(p->out, '\n');
    put_styled(p, BOLD, text);
}

/* ---- the parts ---- */

static void
put_words(struct printer *p, const json_t *list, const char *joint)
{
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        buffer_put_str(p->out, i ? joint : "");
        put_safe(p, json_string_value(item) ? json_string_value(item) : "");
    }
}

static void
put_verdict(struct printer *p, const json_t *e)
{
    const char *verdict = text_of(e, "verdict"), *reason = text_of(e, "reason");
    bool allow = !strcmp(verdict, "allow"), unknown = !strcmp(verdict, "unknown");
    put_styled(p, allow ? GREEN : unknown ? BOLD : RED, verdict);
    if (unknown)
        buffer_put_str(p->out, ": no caveat is against it; signature, revocation and policy are "
                               "for the broker to judge");
    if (reason[0]) {
        buffer_put_str(p->out, ": ");
        put_safe(p, reason);
    }
    if (text_of(e, "detail")[0]) {
        buffer_put_str(p->out, ", ");
        put_safe(p, text_of(e, "detail"));
    }
    buffer_put_byte(p->out, '\n');
    if (reason[0])
        buffer_printf(p->out, "%s\n%s\n", text_of(e, "sentence"), text_of(e, "advice"));
}

static void
put_token(struct printer *p, const json_t *token)
{
    if (!json_is_object(token))
        return;
    bool verified = json_is_true(json_object_get(token, "verified"));
    put_heading(p, "The token");
    buffer_put_str(p->out, verified ? "\n" : ", as it says itself\n");
    buffer_put_str(p->out, "   for ");
    put_safe(p, text_of(token, "user"));
    if (json_array_size(json_object_get(token, "groups")) > 0) {
        buffer_put_str(p->out, " (");
        put_words(p, json_object_get(token, "groups"), ", ");
        buffer_put_str(p->out, ")");
    }
    buffer_put_str(p->out, ", to use ");
    put_words(p, json_object_get(token, "credentials"), " or ");
    buffer_put_str(p->out, "\n   from ");
    put_safe(p, text_of(token, "issued_at"));
    buffer_put_str(p->out, " to ");
    put_safe(p, text_of(token, "expires_at"));
    buffer_put_str(p->out, "\n   lineage ");
    put_safe(p, text_of(token, "lineage"));
    buffer_put_byte(p->out, '\n');
}

static void
put_checks(struct printer *p, const json_t *checks)
{
    const json_t *check;
    size_t i, count = json_array_size(checks);
    put_heading(p, "Checks");
    buffer_put_byte(p->out, '\n');
    json_array_foreach(checks, i, check)
    {
        put_branch(p, "", i + 1 == count);
        put_judgement(p, text_of(check, "judgement"), COLUMN);
        put_safe(p, text_of(check, "name"));
        if (text_of(check, "note")[0]) {
            buffer_put_str(p->out, ": ");
            put_safe(p, text_of(check, "note"));
        }
        buffer_put_byte(p->out, '\n');
    }
}

static size_t
run_length(const json_t *caveats, size_t from)
{
    const char *by = text_of(json_array_get(caveats, from), "by");
    size_t end = from;
    while (end < json_array_size(caveats) &&
           !strcmp(by, text_of(json_array_get(caveats, end), "by")))
        end++;
    return end - from;
}

/* Those of one holder stand under it. */
static void
put_caveats(struct printer *p, const json_t *caveats)
{
    size_t count = json_array_size(caveats);
    put_heading(p, count ? "Caveats of the token" : "No caveats");
    buffer_put_byte(p->out, '\n');
    for (size_t at = 0; at < count;) {
        size_t n = run_length(caveats, at);
        const json_t *last = json_array_get(caveats, at + n - 1);
        bool is_last = at + n == count;
        put_branch(p, "", is_last);
        put_safe(p, text_of(last, "by"));
        if (text_of(last, "label")[0]) {
            buffer_put_str(p->out, ", ");
            put_styled(p, BOLD, text_of(last, "label"));
        }
        buffer_put_byte(p->out, '\n');
        for (size_t i = 0; i < n; i++)
            put_judged(p, screen_mark(p->screen, is_last ? MARK_GAP : MARK_TRUNK), i + 1 == n,
                       json_array_get(caveats, at + i), "");
        at += n;
    }
}

static void
put_rule_name(struct printer *p, const char *kind, const json_t *rule, bool is_last)
{
    put_branch(p, "", is_last);
    buffer_printf(p->out, "%s ", kind);
    put_styled(p, BOLD, text_of(rule, "name"));
    if (!strcmp(text_of(rule, "mode"), "warn"))
        buffer_put_str(p->out, " (warns only)");
    buffer_put_str(p->out, ": ");
}

static void
put_grant(struct printer *p, const json_t *grant, bool is_last)
{
    const json_t *caveats = json_object_get(grant, "caveats"), *item;
    const json_t *holes = json_object_get(grant, "holes");
    const json_t *lifetime = json_object_get(grant, "lifetime");
    const char *indent = screen_mark(p->screen, is_last ? MARK_GAP : MARK_TRUNK);
    const json_t *to_user = json_object_get(grant, "to_user");
    size_t i, left = json_array_size(caveats) + json_array_size(holes) + (lifetime != NULL);
    bool is_about = json_is_true(to_user) && json_is_true(json_object_get(grant, "for_credential"));
    put_rule_name(p, "grant", grant, is_last);
    if (to_user && !is_about) {
        buffer_put_str(p->out,
                       json_is_true(to_user) ? "not for this credential\n" : "not to this user\n");
        return;
    }
    put_judgement(p, text_of(grant, "judgement"), 0);
    buffer_put_byte(p->out, '\n');
    if (lifetime)
        put_judged(p, indent, --left == 0, lifetime, "a life of at most ");
    json_array_foreach(caveats, i, item) put_judged(p, indent, --left == 0, item, "");
    json_array_foreach(holes, i, item) put_judged(p, indent, --left == 0, item, "a hole: ");
}

static void
put_forbid(struct printer *p, const json_t *forbid, bool is_last)
{
    const json_t *when = json_object_get(forbid, "when"), *item;
    const json_t *matches = json_object_get(forbid, "matches");
    size_t i, count = json_array_size(when);
    put_rule_name(p, "forbid", forbid, is_last);
    if (json_is_boolean(matches))
        put_styled(p, json_is_true(matches) ? RED : GREEN,
                   json_is_true(matches) ? "matches" : "does not match");
    else
        put_styled(p, DIM, "not judged");
    buffer_put_byte(p->out, '\n');
    json_array_foreach(when, i, item) put_judged(
        p, screen_mark(p->screen, is_last ? MARK_GAP : MARK_TRUNK), i + 1 == count, item, "");
}

static void
put_policy(struct printer *p, const json_t *policy, bool is_broker)
{
    const json_t *grants = json_object_get(policy, "grants"), *rule;
    const json_t *forbids = json_object_get(policy, "forbids");
    const json_t *warnings = json_object_get(policy, "warnings");
    size_t i, left = json_array_size(grants) + json_array_size(forbids);
    if (!json_is_object(policy)) {
        put_heading(p, is_broker ? "No policy: whatever the operator minted is granted"
                                 : "The policy is for the broker to judge");
        buffer_put_byte(p->out, '\n');
        return;
    }
    put_heading(p, "The policy");
    buffer_printf(p->out, ", version %lld%s\n",
                  (long long)json_integer_value(json_object_get(policy, "version")),
                  left ? "" : ": it grants nothing");
    json_array_foreach(grants, i, rule) put_grant(p, rule, --left == 0);
    json_array_foreach(forbids, i, rule) put_forbid(p, rule, --left == 0);
    if (json_array_size(warnings) > 0) {
        buffer_put_str(p->out, "would be denied if these were enforced: ");
        put_words(p, warnings, ", ");
        buffer_put_byte(p->out, '\n');
    }
}

void
explain_print(const json_t *explanation, const struct screen *screen, struct buffer *out)
{
    struct printer p = {.out = out, .screen = screen};
    bool is_broker = true;
    const json_t *checks = json_object_get(explanation, "checks");
    if (!strcmp(text_of(explanation, "verdict"), "unknown") ||
        (!strcmp(text_of(explanation, "verdict"), "deny") &&
         !json_object_get(explanation, "reason")))
        is_broker = false;
    put_verdict(&p, explanation);
    put_token(&p, json_object_get(explanation, "token"));
    put_checks(&p, checks);
    put_caveats(&p, json_object_get(explanation, "caveats"));
    put_policy(&p, json_object_get(explanation, "policy"), is_broker);
}
