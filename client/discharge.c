/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling the holes of a token, one after the other.
 */
#include "discharge.h"

#include "../caveats/moment.h"
#include "../caveats/text.h"
#include "inspect.h"
#include "kept.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DISCHARGE_SENTENCE_MAX = 2048 };

void
discharge_say(const struct discharge_settings *settings, const char *format, ...)
{
    char sentence[DISCHARGE_SENTENCE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    if (length >= 0)
        settings->means->say(settings, sentence);
}

// ---- whom to trust ----

static void
discharge_ask_broker(struct discharge_settings *settings)
{
    struct fault fault = {.err = KH_OK};
    if (settings->broker == NULL || settings->broker_asked || settings->means->ask_broker == NULL)
        return;
    settings->broker_asked = true;
    // A broker that cannot be asked announces nobody; the location is refused then. Whoever is told
    // to trust it should know that the broker might have vouched for it.
    if (settings->means->ask_broker(settings, &fault) != KH_OK)
        discharge_say(settings, "the broker was not asked whom it announces: %s", fault.detail);
}

enum kh_err
discharge_find_trusted(struct discharge_settings *settings, struct bytes location,
                       const struct discharger **out, struct fault *fault)
{
    const struct discharger *found = dischargers_by_url(settings->trusted, location);
    if (found == NULL) {
        discharge_ask_broker(settings);
        found = dischargers_by_url(settings->trusted, location);
    }
    if (found != NULL) {
        *out = found;
        return KH_OK;
    }
    BUFFER_AUTO shown;
    buffer_init(&shown, 4 * TOKEN_LOCATION_MAX);
    text_put_safe(&shown, location);
    return fault_set(fault, KH_ERR_PERMISSION,
                     "a hole is to be filled at %.200s, which keyhole was not told to trust; "
                     "nothing was sent there. If you know it: keyhole trust %.200s",
                     location.n > 0 ? buffer_text(&shown) : "a place that it does not name",
                     location.n > 0 ? buffer_text(&shown) : "URL");
}

// ---- one hole ----

static void
discharge_hole_free(struct discharge_hole *hole)
{
    buffer_free(&hole->condition);
    hole_demand_free(&hole->demand);
}

// What stands before the hole says what it demands; the discharger's question is held against it.
static enum kh_err
discharge_read_hole(const struct inspection *in, const struct inspect_caveat *caveat,
                    struct discharge_hole *out, struct fault *fault)
{
    struct hole hole;
    struct discharge_hole found = {.ticket = caveat->id, .location = caveat->location};
    memcpy(found.lineage, in->lineage, sizeof found.lineage);
    buffer_init(&found.condition, HOLE_TEXT_MAX);
    if (!bytes_to_hex(bytes_of(found.lineage, LINEAGE_ID_SIZE), found.parent, sizeof found.parent))
        return fault_set(fault, KH_ERR_INTERNAL, "a lineage id could not be written");
    enum kh_err err = KH_OK;
    if (caveat->demand.n > 0)
        err = hole_parse(caveat->demand, &found.condition, &hole, fault);
    if (err == KH_OK && caveat->demand.n > 0)
        err = hole_demand_read(buffer_bytes(&found.condition), &found.demand, fault);
    if (err != KH_OK) {
        fault_prefix(fault, "what a hole demands is not understood: ");
        discharge_hole_free(&found);
        return err;
    }
    *out = found;
    return KH_OK;
}

// A discharge that is for something else would make the broker refuse the whole token.
static enum kh_err
discharge_check(const struct discharge_settings *settings, const struct discharge_hole *hole,
                struct bytes raw, int64_t *end, struct fault *fault)
{
    struct token_discharge discharge;
    if (token_discharge_scan(raw, &discharge, fault) != KH_OK) {
        fault_prefix(fault, "the discharge is refused: ");
        return fault->err = KH_ERR_PROTOCOL;
    }
    if (!bytes_equal(discharge.macaroon.identifier, hole->ticket))
        return fault_set(fault, KH_ERR_PROTOCOL, "the discharge is for another ticket");
    if (!kept_fits(&discharge, hole->ticket, hole->lineage))
        return fault_set(fault, KH_ERR_PROTOCOL,
                         "the discharge is refused: it is not bound to this token (parent)");
    *end = kept_end(&discharge.macaroon);
    if (*end <= settings->now)
        return fault_set(fault, KH_ERR_PROTOCOL, "the discharge has expired already");
    return KH_OK;
}

static const enum discharge_way discharge_order[] = {DISCHARGE_FIDO2, DISCHARGE_SSH,
                                                     DISCHARGE_BROWSER};

static enum kh_err
discharge_ask_any(const struct discharge_settings *settings, const struct discharge_hole *hole,
                  const char *url, struct buffer *out, enum discharge_way *way, struct fault *fault)
{
    struct bytes demand =
        hole->condition.n > 0 ? buffer_bytes(&hole->condition) : BYTES("it does not say");
    enum kh_err err = fault_set(fault, KH_ERR_NOT_FOUND,
                                "there is nothing here that fills this hole (%.*s): plug in a "
                                "security key, or start ssh-agent",
                                BYTES_ARG(demand));
    for (size_t i = 0; i < sizeof discharge_order / sizeof discharge_order[0]; i++) {
        bool unsuitable = false;
        if (!discharge_way_is_possible(settings, hole, discharge_order[i]))
            continue;
        *way = discharge_order[i];
        err = discharge_ask(settings, hole, url, *way, out, &unsuitable, fault);
        if (!unsuitable)
            return err;
        discharge_say(settings, "not by %s: %s", discharge_way_words(*way), fault->detail);
    }
    return err;
}

static enum kh_err
discharge_get(const struct discharge_settings *settings, const struct discharge_hole *hole,
              const char *url, const char *directory, struct buffer *out, enum discharge_way *way,
              struct fault *fault)
{
    bool unsuitable = false;
    struct fault ignored = {.err = KH_OK};
    *way = DISCHARGE_KEPT;
    if (directory != NULL &&
        kept_get(directory, hole->ticket, hole->lineage, settings->now, out, &ignored) == KH_OK)
        return KH_OK;
    *way = settings->way;
    if (settings->way == DISCHARGE_ANY)
        return discharge_ask_any(settings, hole, url, out, way, fault);
    return discharge_ask(settings, hole, url, settings->way, out, &unsuitable, fault);
}

static void
discharge_keep(const struct discharge_settings *settings, const struct discharge_hole *hole,
               const char *directory, struct bytes raw)
{
    struct fault fault = {.err = KH_OK};
    if (kept_put(directory, hole->ticket, hole->lineage, raw, &fault) != KH_OK)
        discharge_say(settings, "the discharge is not kept for another time: %s", fault.detail);
}

// ---- the token ----

static enum kh_err
discharge_put(struct token **token, struct bytes raw, struct fault *fault)
{
    struct token *filled = NULL;
    struct buffer text;
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    enum kh_err err = token_add_discharges(*token, &raw, 1, &text, fault);
    if (err == KH_OK)
        err = token_scan(buffer_bytes(&text), &filled, fault);
    buffer_free(&text);
    if (err != KH_OK) {
        fault_prefix(fault, "the discharge does not fit: ");
        return err;
    }
    token_free(token);
    *token = filled;
    return KH_OK;
}

static void
discharge_note(const struct discharge_settings *settings, const struct discharge_hole *hole,
               enum discharge_way way, int64_t end, struct discharge_report *report)
{
    struct discharge_filled *filled = &report->hole[report->count++];
    BUFFER_AUTO until;
    buffer_init(&until, 128);
    snprintf(filled->location, sizeof filled->location, "%.*s", BYTES_ARG(hole->location));
    snprintf(filled->demand, sizeof filled->demand, "%.*s",
             BYTES_ARG(buffer_bytes(&hole->condition)));
    filled->way = way;
    filled->expires_at = end;
    if (end < INT64_MAX) {
        buffer_put_str(&until, ", good until ");
        moment_put(&until, end);
    }
    discharge_say(settings, "a hole is filled by %s%s", discharge_way_words(way),
                  buffer_text(&until));
}

static enum kh_err
discharge_fill_one(struct discharge_settings *settings, struct token **token,
                   const struct discharge_hole *hole, const char *directory,
                   struct discharge_report *report, struct fault *fault)
{
    const struct discharger *discharger = NULL;
    enum discharge_way way = DISCHARGE_ANY;
    int64_t end = 0;
    struct buffer raw;
    buffer_init_secret(&raw, DISCHARGE_MAX);
    enum kh_err err = discharge_find_trusted(settings, hole->location, &discharger, fault);
    if (err == KH_OK)
        err = discharge_get(settings, hole, discharger->url, directory, &raw, &way, fault);
    if (err == KH_OK)
        err = discharge_check(settings, hole, buffer_bytes(&raw), &end, fault);
    if (err == KH_OK && way != DISCHARGE_KEPT && directory != NULL)
        discharge_keep(settings, hole, directory, buffer_bytes(&raw));
    // The hole points into the token that is replaced now: what is said of it comes first.
    if (err == KH_OK)
        discharge_note(settings, hole, way, end, report);
    if (err == KH_OK)
        err = discharge_put(token, buffer_bytes(&raw), fault);
    buffer_free(&raw);
    return err;
}

// Its hole is open again: the token that was filled once is the one that people have at hand.
static enum kh_err
discharge_drop_expired(const struct discharge_settings *settings, struct token **token,
                       struct fault *fault)
{
    for (size_t i = 1; i < (*token)->macaroon_count; i++) {
        struct token *left = NULL;
        if (kept_end(&(*token)->macaroon[i]) > settings->now)
            continue;
        struct buffer text;
        buffer_init_secret(&text, TOKEN_TEXT_MAX);
        enum kh_err err = token_drop_discharge(*token, i, &text, fault);
        if (err == KH_OK)
            err = token_scan(buffer_bytes(&text), &left, fault);
        buffer_free(&text);
        if (err != KH_OK)
            return err;
        discharge_say(settings, "a discharge has expired: its hole is to be filled again");
        token_free(token);
        *token = left;
        i = 0; // those behind it have moved
    }
    return KH_OK;
}

static enum kh_err
discharge_fill_next(struct discharge_settings *settings, struct token **token,
                    const char *directory, struct discharge_report *report, bool *more,
                    struct fault *fault)
{
    struct inspection *in = NULL;
    struct discharge_hole hole;
    enum kh_err err = inspect_token(*token, settings->now, &in, fault);
    const struct inspect_caveat *open = NULL;
    for (size_t i = 0; err == KH_OK && open == NULL && i < in->count; i++)
        if (in->caveat[i].kind == INSPECT_HOLE && in->caveat[i].filled_by < 0)
            open = &in->caveat[i];
    *more = open != NULL;
    if (err == KH_OK && open != NULL && report->count == TOKEN_DISCHARGES_MAX)
        err = fault_set(fault, KH_ERR_TOO_LONG, "a token has at most %d discharges",
                        TOKEN_DISCHARGES_MAX);
    if (err == KH_OK && open != NULL) {
        err = discharge_read_hole(in, open, &hole, fault);
        if (err == KH_OK) {
            err = discharge_fill_one(settings, token, &hole, directory, report, fault);
            discharge_hole_free(&hole);
        }
    }
    inspection_free(&in);
    return err;
}

enum kh_err
discharge_fill(struct discharge_settings *settings, struct token **token,
               struct discharge_report *report, struct fault *fault)
{
    struct fault homeless = {.err = KH_OK};
    bool more = true;
    BUFFER_AUTO path;
    buffer_init(&path, 4096);
    const char *directory = NULL;
    *report = (struct discharge_report){.count = 0};
    if (!settings->no_reuse && kept_directory(&path, &homeless) == KH_OK) {
        directory = buffer_text(&path);
        kept_sweep(directory, settings->now);
    }
    enum kh_err err = discharge_drop_expired(settings, token, fault);
    while (err == KH_OK && more)
        err = discharge_fill_next(settings, token, directory, report, &more, fault);
    return err;
}
