/* SPDX-License-Identifier: Apache-2.0
 *
 * An inspection for people: a header, then the caveats as a tree in which every label is a step of
 * the lineage.
 */
#include "../caveats/words.h"
#include "inspect.h"
#include "moment.h"
#include "text.h"

enum {
    PRINT_INDENT_MAX = 256, /* bytes; deeper lineages are drawn no deeper */
    PRINT_WORDS_COLUMN = 44,
};

struct inspect_printer {
    const struct inspection *in;
    struct buffer *out;
    struct buffer indent;
    const struct screen *screen;
};

static void
print_style(struct inspect_printer *p, enum screen_style style)
{
    buffer_put_str(p->out, screen_style(p->screen, style));
}

static void
print_plain(struct inspect_printer *p)
{
    print_style(p, STYLE_NONE);
}

static void
print_styled(struct inspect_printer *p, enum screen_style style, const char *text)
{
    print_style(p, style);
    buffer_put_str(p->out, text);
    print_plain(p);
}

static void
print_name(struct inspect_printer *p, const char *name)
{
    buffer_printf(p->out, "  %-10s ", name);
}

static void
print_hex(struct inspect_printer *p, const char *name, const uint8_t *id, size_t n)
{
    print_name(p, name);
    for (size_t i = 0; i < n; i++)
        buffer_printf(p->out, "%02x", id[i]);
    buffer_put_byte(p->out, '\n');
}

static void
print_moment(struct inspect_printer *p, const char *name, int64_t at, const char *what)
{
    print_name(p, name);
    moment_put(p->out, at);
    buffer_put_str(p->out, ", ");
    bool gone = what == NULL && at <= p->in->now;
    if (gone)
        print_style(p, STYLE_RED);
    moment_put_relative(p->out, at, p->in->now);
    if (gone)
        print_plain(p);
    buffer_printf(p->out, "%s\n", what != NULL ? what : "");
}

static void
print_safe_row(struct inspect_printer *p, const char *name, struct bytes text)
{
    if (text.n == 0)
        return;
    print_name(p, name);
    text_put_safe(p->out, text);
    buffer_put_byte(p->out, '\n');
}

// Where a caveat ends it before its expiry: which one.
static void
print_end(struct inspect_printer *p)
{
    const struct inspection *in = p->in;
    if (in->ends_by < 0)
        return;
    const struct inspect_caveat *by = &in->caveat[in->ends_by];
    print_moment(p, "ends", in->ends_at, in->ends_at <= in->now ? NULL : " (a caveat says so)");
    print_name(p, "");
    buffer_put_str(p->out, by->macaroon == 0 ? "by " : "by the discharge's ");
    text_put_safe(p->out, by->id);
    buffer_put_byte(p->out, '\n');
}

static void
print_identity(struct inspect_printer *p)
{
    const struct token_identity *id = &p->in->identity;
    print_name(p, "for");
    text_put_safe(p->out, id->principal);
    buffer_put_str(p->out, ", to use ");
    for (size_t i = 0; i < id->credential_count; i++) {
        if (i > 0)
            buffer_put_str(p->out, i + 1 == id->credential_count ? " or " : ", ");
        text_put_safe(p->out, id->credential[i]);
    }
    buffer_put_byte(p->out, '\n');
    print_moment(p, "minted", id->issued_at, "");
    print_moment(p, "expires", id->expires_at, NULL);
    print_end(p);
    print_hex(p, "token id", id->token_id, TOKEN_ID_SIZE);
    print_name(p, "key id");
    buffer_printf(p->out, "%u\n", id->key_id);
}

static void
print_foreign(struct inspect_printer *p)
{
    const struct inspection *in = p->in;
    buffer_put_str(p->out,
                   "  This macaroon's identifier is not one that a Keyhole broker writes (");
    text_put_safe(p->out, bytes_str(in->why_not));
    buffer_put_str(p->out, ").\n");
    print_safe_row(p, "identifier", in->token->macaroon[0].identifier);
    if (in->ends_at != INT64_MAX)
        print_moment(p, "ends", in->ends_at, NULL);
}

static void
print_count(struct inspect_printer *p, size_t n, const char *one, const char *many)
{
    if (n == 0)
        return;
    buffer_put_str(p->out, "  ");
    print_style(p, STYLE_YELLOW);
    buffer_printf(p->out, "%zu %s", n, n == 1 ? one : many);
    print_plain(p);
    buffer_put_byte(p->out, '\n');
}

static void
print_header(struct inspect_printer *p)
{
    const struct inspection *in = p->in;
    print_styled(p, STYLE_BOLD, in->identified ? "A Keyhole token" : "A macaroon");
    buffer_put_str(p->out, "\n  not verified: only the broker can tell whether it is genuine\n");
    if (in->identified)
        print_identity(p);
    else
        print_foreign(p);
    print_hex(p, "lineage", in->lineage, LINEAGE_ID_SIZE);
    print_safe_row(p, "location", in->token->macaroon[0].location);
    print_safe_row(p, "prefix", in->token->prefix);
    if (in->ends_at <= in->now) {
        buffer_put_str(p->out, "  ");
        print_styled(p, STYLE_RED, "it is over: no request is allowed any more\n");
    }
    print_count(p, in->holes_open, "hole is open: no request is allowed until it is filled",
                "holes are open: no request is allowed until they are filled");
    print_count(p, in->unreadable,
                "caveat is not in Keyhole's language: a Keyhole broker refuses the token",
                "caveats are not in Keyhole's language: a Keyhole broker refuses the token");
}

// ---- the tree ----

static void
print_branch(struct inspect_printer *p, bool last)
{
    buffer_put(p->out, buffer_bytes(&p->indent));
    buffer_put_str(p->out, screen_mark(p->screen, last ? MARK_LAST : MARK_BRANCH));
}

// What follows belongs under the branch that was drawn last. Returns the width to go back to.
static size_t
print_deeper(struct inspect_printer *p, bool last)
{
    size_t before = p->indent.n;
    if (before + 8 < PRINT_INDENT_MAX)
        buffer_put_str(&p->indent, screen_mark(p->screen, last ? MARK_GAP : MARK_TRUNK));
    return before;
}

static void
print_text(struct inspect_printer *p, const struct inspect_caveat *c, bool last)
{
    size_t start = p->out->n;
    text_put_safe(p->out, c->id);
    struct bytes shown = bytes_from(buffer_bytes(p->out), start);
    size_t width =
        text_columns(buffer_bytes(&p->indent), p->indent.n) + 3 + text_columns(shown, shown.n);
    if (c->past) {
        buffer_put_str(p->out, "  ");
        print_styled(p, STYLE_RED, "past");
        width += 6;
    }
    if (width + 2 > PRINT_WORDS_COLUMN) {
        buffer_put_byte(p->out, '\n');
        buffer_put(p->out, buffer_bytes(&p->indent));
        buffer_put_str(p->out, screen_mark(p->screen, last ? MARK_GAP : MARK_TRUNK));
        buffer_put_str(p->out, "   ");
    } else {
        buffer_printf(p->out, "%*s", (int)(PRINT_WORDS_COLUMN - width), "");
    }
    print_style(p, STYLE_DIM);
    words_put_caveat(p->out, c->parsed, p->in->now);
    print_plain(p);
    buffer_put_byte(p->out, '\n');
}

static void print_macaroon(struct inspect_printer *p, unsigned macaroon);

static void
print_note(struct inspect_printer *p, const char *name, struct bytes text)
{
    if (text.n == 0)
        return;
    buffer_put(p->out, buffer_bytes(&p->indent));
    buffer_printf(p->out, "%s: ", name);
    text_put_safe(p->out, text);
    buffer_put_byte(p->out, '\n');
}

static void
print_until(struct inspect_printer *p, int64_t until)
{
    buffer_put(p->out, buffer_bytes(&p->indent));
    buffer_put_str(p->out, "good until: ");
    moment_put(p->out, until);
    buffer_put_str(p->out, ", ");
    print_style(p, until <= p->in->now ? STYLE_RED : STYLE_DIM);
    moment_put_relative(p->out, until, p->in->now);
    print_plain(p);
    buffer_put_byte(p->out, '\n');
}

static void
print_hole(struct inspect_printer *p, const struct inspect_caveat *c, bool last)
{
    print_style(p, c->filled_by < 0 ? STYLE_YELLOW : STYLE_GREEN);
    buffer_put_str(p->out, c->filled_by < 0 ? "hole, open" : "hole, filled");
    print_plain(p);
    buffer_put_str(p->out, ", for the discharger at ");
    text_put_safe(p->out, c->location.n > 0 ? c->location : BYTES("an unnamed place"));
    buffer_put_byte(p->out, '\n');
    size_t before = print_deeper(p, last);
    print_note(p, "demands", c->demand);
    print_note(p, "vouched by", c->by);
    if (c->until != INT64_MAX)
        print_until(p, c->until);
    if (c->filled_by > 0)
        print_macaroon(p, (unsigned)c->filled_by);
    p->indent.n = before;
}

static void
print_caveat(struct inspect_printer *p, const struct inspect_caveat *c, bool last)
{
    print_branch(p, last);
    switch (c->kind) {
    case INSPECT_HOLE:
        print_hole(p, c, last);
        return;
    case INSPECT_CONDITION:
        print_text(p, c, last);
        return;
    case INSPECT_LABEL:
        buffer_put_str(p->out, "recorded: ");
        text_put_safe(p->out, c->value);
        break;
    case INSPECT_DEMAND:
        buffer_put_str(p->out, "announces a hole, which does not follow: ");
        text_put_safe(p->out, c->value);
        break;
    case INSPECT_PARENT:
        buffer_put_str(p->out, "for tokens made from lineage ");
        text_put_safe(p->out, c->value);
        break;
    case INSPECT_UNREADABLE:
        text_put_safe(p->out, c->id);
        buffer_put_str(p->out, "  ");
        print_styled(p, STYLE_RED, "not in Keyhole's language");
        buffer_put_str(p->out, ": ");
        text_put_safe(p->out, bytes_str(c->why));
        break;
    }
    buffer_put_byte(p->out, '\n');
}

static void
print_amount(struct inspect_printer *p, const char *before, size_t n, const char *one,
             const char *many)
{
    if (n > 0)
        buffer_printf(p->out, "%s%zu %s", before, n, n == 1 ? one : many);
}

// What a step takes away, in a line.
static void
print_taken(struct inspect_printer *p, const struct inspect_step *step)
{
    if (step->conditions + step->holes == 0)
        return;
    print_style(p, STYLE_DIM);
    buffer_put_str(p->out, step->name != NULL || step->origin == INSPECT_MINTED ? ": " : " ");
    print_amount(p, "", step->conditions, "condition more", "conditions more");
    print_amount(p, step->conditions > 0 ? ", " : "", step->holes, "hole", "holes");
    if (step->holes_open > 0)
        buffer_printf(p->out, " (%zu open)", step->holes_open);
    if (step->ends_at != INT64_MAX) {
        buffer_put_str(p->out, ", until ");
        moment_put(p->out, step->ends_at);
    }
    print_plain(p);
}

static const struct inspect_step *
step_of(const struct inspection *in, const struct inspect_caveat *c)
{
    size_t at = in->step_count - 1;
    while (at > 0 && in->step[at].first > (size_t)(c - in->caveat))
        at--;
    return &in->step[at];
}

// A new holder: its caveats stand one step deeper.
static void
print_step(struct inspect_printer *p, const struct inspect_caveat *c)
{
    print_branch(p, true);
    print_style(p, STYLE_BOLD);
    if (c->kind == INSPECT_LABEL)
        text_put_safe(p->out, c->value);
    else
        buffer_put_str(p->out, "a holder");
    print_plain(p);
    buffer_put_str(p->out, c->kind != INSPECT_LABEL      ? ", who gave no name, added"
                           : c->origin == INSPECT_MINTED ? " (label, minted)"
                                                         : " (label, added by a holder)");
    print_taken(p, step_of(p->in, c));
    buffer_put_byte(p->out, '\n');
    print_deeper(p, true);
}

// A demand is shown with its hole.
static bool
print_is_merged(const struct inspect_caveat *c, bool is_last)
{
    return c->kind == INSPECT_DEMAND && !is_last && c[1].kind == INSPECT_HOLE;
}

static void
print_macaroon(struct inspect_printer *p, unsigned macaroon)
{
    const struct inspection *in = p->in;
    size_t before = p->indent.n;
    enum inspect_origin origin = macaroon == 0 ? INSPECT_MINTED : INSPECT_DISCHARGER;
    for (size_t i = 0; i < in->count; i++) {
        const struct inspect_caveat *c = &in->caveat[i];
        bool last = i + 1 == in->count || in->caveat[i + 1].macaroon != macaroon;
        if (c->macaroon != macaroon || print_is_merged(c, last))
            continue;
        bool label = macaroon == 0 && c->kind == INSPECT_LABEL;
        if (label || (c->origin != origin && in->identified))
            print_step(p, c);
        origin = c->origin;
        if (!label)
            print_caveat(p, c, last);
    }
    p->indent.n = before;
}

static bool
has_claimed_label(const struct inspection *in)
{
    for (size_t i = 0; i < in->step_count; i++)
        if (in->step[i].name != NULL && in->step[i].origin == INSPECT_HOLDER)
            return true;
    return false;
}

void
inspect_print(const struct inspection *inspection, const struct screen *screen, struct buffer *out)
{
    struct inspect_printer p = {.in = inspection, .out = out, .screen = screen};
    buffer_init(&p.indent, PRINT_INDENT_MAX);
    print_header(&p);
    buffer_put_byte(out, '\n');
    if (inspection->count == 0) {
        buffer_put_str(out, "No caveats: it allows all that its credentials may be used for.\n");
    } else {
        print_styled(&p, STYLE_BOLD, "Caveats, all of which must hold");
        if (inspection->identified) {
            buffer_printf(out, " (%u minted, ", inspection->identity.minted_caveats);
            size_t root = inspection->token->macaroon[0].caveat_count;
            size_t minted = inspection->identity.minted_caveats;
            buffer_printf(out, "%zu added by holders)", root > minted ? root - minted : 0);
        }
        buffer_put_byte(out, '\n');
        if (has_claimed_label(inspection))
            buffer_put_str(out, "A holder's label is what somebody wrote, and proves nothing.\n");
        print_macaroon(&p, 0);
    }
    buffer_free(&p.indent);
}
