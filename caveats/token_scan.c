/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading tokens. Everything that reaches libmacaroons has passed through here: it overflows on a
 * packet stream that ends early, loops on a packet of length zero, verifies some discharge graphs
 * in exponential time, and aborts on a vid of another size or a field of 32 KiB.
 */

#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "token.h"

enum {
    RAW_MAX = TOKEN_TEXT_MAX,
    FIELD_END = 0,
    FIELD_LOCATION = 1,
    FIELD_IDENTIFIER = 2,
    FIELD_VID = 4,
    FIELD_SIGNATURE = 6,
    LENGTH_BYTES_MAX = 2, /* of a varint: 14 bits are more than any field may have */
};

struct scanner {
    struct bytes in;
    size_t at;
    struct token_caveat *caveat; /* TOKEN_CAVEATS_MAX of them, for all macaroons */
    size_t caveat_count;
    size_t macaroon_count; /* that were scanned */
    struct fault *fault;
};

static enum kh_err
malformed(struct scanner *s, const char *what)
{
    return fault_set(s->fault, KH_ERR_MALFORMED, "macaroon %zu, byte %zu: %s",
                     s->macaroon_count + 1, s->at + 1, what);
}

static bool
next_is(const struct scanner *s, uint8_t c)
{
    return s->at < s->in.n && s->in.p[s->at] == c;
}

static enum kh_err
scan_length(struct scanner *s, size_t *out)
{
    size_t length = 0;
    for (unsigned i = 0; i < LENGTH_BYTES_MAX && s->at < s->in.n; i++) {
        uint8_t c = s->in.p[s->at++];
        length |= (size_t)(c & 0x7f) << (7 * i);
        if (c & 0x80)
            continue;
        if (c == 0 && i > 0)
            return malformed(s, "a length that is not in its shortest form");
        *out = length;
        return KH_OK;
    }
    return malformed(s, "a length that does not end");
}

static enum kh_err
scan_field(struct scanner *s, uint8_t type, size_t min, size_t max, struct bytes *out)
{
    size_t n = 0;
    if (!next_is(s, type))
        return malformed(s, "a field that is not expected here");
    s->at++;
    enum kh_err err = scan_length(s, &n);
    if (err)
        return err;
    if (n < min || n > max)
        return malformed(s, "a field of a size that is not allowed");
    if (n > s->in.n - s->at)
        return malformed(s, "a field that is longer than the token");
    *out = bytes_slice(s->in, s->at, n);
    s->at += n;
    return KH_OK;
}

static enum kh_err
scan_optional(struct scanner *s, uint8_t type, size_t min, size_t max, struct bytes *out)
{
    *out = BYTES_EMPTY;
    return next_is(s, type) ? scan_field(s, type, min, max, out) : KH_OK;
}

/* Locations are shown to people and followed by clients. */
static enum kh_err
scan_location(struct scanner *s, struct bytes *out)
{
    enum kh_err err = scan_optional(s, FIELD_LOCATION, 1, TOKEN_LOCATION_MAX, out);
    for (size_t i = 0; !err && i < out->n; i++) {
        if (out->p[i] < 0x20 || out->p[i] > 0x7e)
            err = malformed(s, "a location that is not printable ASCII");
    }
    return err;
}

static enum kh_err
scan_end(struct scanner *s)
{
    if (!next_is(s, FIELD_END))
        return malformed(s, "expected the end of a section");
    s->at++;
    return KH_OK;
}

static enum kh_err
scan_caveat(struct scanner *s)
{
    struct token_caveat c;
    if (s->caveat_count == TOKEN_CAVEATS_MAX)
        return malformed(s, "too many caveats");
    enum kh_err err = scan_location(s, &c.location);
    if (!err)
        err = scan_field(s, FIELD_IDENTIFIER, 1, TOKEN_CAVEAT_MAX, &c.id);
    if (!err)
        err = scan_optional(s, FIELD_VID, TOKEN_VID_SIZE, TOKEN_VID_SIZE, &c.vid);
    if (!err)
        err = scan_end(s);
    if (!err && c.location.n && !c.vid.n)
        err = malformed(s, "a location on a first-party caveat");
    if (!err)
        s->caveat[s->caveat_count++] = c;
    return err;
}

static enum kh_err
scan_macaroon(struct scanner *s, size_t id_max, struct macaroon_view *m)
{
    size_t first = s->caveat_count;
    if (!next_is(s, 2))
        return malformed(s, "not a macaroon of version 2");
    s->at++;
    enum kh_err err = scan_location(s, &m->location);
    if (!err)
        err = scan_field(s, FIELD_IDENTIFIER, 1, id_max, &m->identifier);
    if (!err)
        err = scan_end(s);
    while (!err && !next_is(s, FIELD_END))
        err = scan_caveat(s);
    if (!err)
        err = scan_end(s);
    if (!err)
        err = scan_field(s, FIELD_SIGNATURE, TOKEN_SIGNATURE_SIZE, TOKEN_SIGNATURE_SIZE,
                         &m->signature);
    m->caveat = &s->caveat[first];
    m->caveat_count = s->caveat_count - first;
    m->parent = -1;
    m->depth = 0;
    return err;
}

static enum kh_err
scan_structure(struct scanner *s, struct token *token)
{
    do {
        if (s->macaroon_count == 1 + TOKEN_DISCHARGES_MAX)
            return malformed(s, "too many discharges");
        size_t id_max = s->macaroon_count ? TOKEN_CAVEAT_MAX : TOKEN_IDENTIFIER_MAX;
        enum kh_err err = scan_macaroon(s, id_max, &token->macaroon[s->macaroon_count]);
        if (err)
            return err;
        s->macaroon_count++;
    } while (s->at < s->in.n);
    token->macaroon_count = s->macaroon_count;
    token->caveat_count = s->caveat_count;
    return KH_OK;
}

/* ---- the graph: verification is exponential where a discharge may serve twice ---- */

static enum kh_err
graph_fault(struct fault *fault, const char *what, size_t macaroon)
{
    return fault_set(fault, KH_ERR_GRAPH, "discharge %zu %s", macaroon, what);
}

/* Of two discharges with one identifier the second is never linked, and so fills no hole. */
static enum kh_err
link_hole(struct token *token, size_t holder, struct bytes ticket, struct fault *fault)
{
    for (size_t i = 1; i < token->macaroon_count; i++) {
        struct macaroon_view *m = &token->macaroon[i];
        if (!bytes_equal(m->identifier, ticket))
            continue;
        if (m->parent >= 0)
            return graph_fault(fault, "would fill two holes", i);
        m->parent = (int)holder;
        return KH_OK;
    }
    return KH_OK; /* open */
}

static enum kh_err
check_depths(struct token *token, struct fault *fault)
{
    for (size_t i = 1; i < token->macaroon_count; i++) {
        unsigned depth = 0;
        for (int k = (int)i; k != 0; k = token->macaroon[k].parent) {
            if (k < 0)
                return graph_fault(fault, "fills no hole", i);
            if (++depth > TOKEN_DEPTH_MAX)
                return graph_fault(fault, "is nested too deep, or fills a hole of its own", i);
        }
        token->macaroon[i].depth = depth;
    }
    return KH_OK;
}

static enum kh_err
check_graph(struct token *token, struct fault *fault)
{
    enum kh_err err = KH_OK;
    for (size_t i = 0; !err && i < token->macaroon_count; i++) {
        const struct macaroon_view *m = &token->macaroon[i];
        for (size_t k = 0; !err && k < m->caveat_count; k++) {
            if (m->caveat[k].vid.n)
                err = link_hole(token, i, m->caveat[k].id, fault);
        }
    }
    return err ? err : check_depths(token, fault);
}

/* ---- the text ---- */

static enum kh_err
scan_text(struct bytes text, struct scanner *s, struct token *token)
{
    size_t mark = bytes_find(text, BYTES(TOKEN_MARK));
    if (text.n > TOKEN_TEXT_MAX)
        return fault_set(s->fault, KH_ERR_MALFORMED, "longer than %d characters", TOKEN_TEXT_MAX);
    if (mark == text.n)
        return fault_set(s->fault, KH_ERR_MALFORMED, "the mark " TOKEN_MARK " is missing");
    if (mark > TOKEN_PREFIX_MAX)
        return fault_set(s->fault, KH_ERR_MALFORMED, "more than %d characters before " TOKEN_MARK,
                         TOKEN_PREFIX_MAX);
    for (size_t i = 0; i < mark; i++) {
        if (text.p[i] <= 0x20 || text.p[i] > 0x7e)
            return fault_set(s->fault, KH_ERR_MALFORMED, "a prefix that is not printable ASCII");
    }
    buffer_put(&token->raw, bytes_slice(text, 0, mark));
    if (!base64_decode(BASE64_URL, bytes_from(text, mark + strlen(TOKEN_MARK)), &token->raw))
        return token->raw.failed
                   ? fault_set(s->fault, KH_ERR_MEMORY, "memory is used up")
                   : fault_set(s->fault, KH_ERR_MALFORMED, "not base64url in canonical form");
    token->prefix = bytes_slice(buffer_bytes(&token->raw), 0, mark);
    s->in = bytes_from(buffer_bytes(&token->raw), mark);
    return KH_OK;
}

enum kh_err
token_scan(struct bytes text, struct token **out, struct fault *fault)
{
    // Not cleared: most of it is room for caveats, of which those that are scanned are set whole.
    struct token *token = malloc(sizeof *token);
    if (!token)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    token->prefix = BYTES_EMPTY;
    token->macaroon_count = token->caveat_count = 0;
    buffer_init_secret(&token->raw, RAW_MAX);
    struct scanner s = {.caveat = token->caveat, .fault = fault};
    enum kh_err err = scan_text(text, &s, token);
    if (!err)
        err = scan_structure(&s, token);
    if (!err)
        err = check_graph(token, fault);
    if (err)
        token_free(&token);
    else
        *out = token;
    return err;
}

enum kh_err
token_discharge_scan(struct bytes raw, struct token_discharge *out, struct fault *fault)
{
    struct token_discharge discharge;
    struct scanner s = {.in = raw, .caveat = discharge.caveat, .fault = fault};
    if (raw.n > RAW_MAX)
        return fault_set(fault, KH_ERR_MALFORMED, "a discharge longer than %d bytes", RAW_MAX);
    enum kh_err err = scan_macaroon(&s, TOKEN_CAVEAT_MAX, &discharge.macaroon);
    if (!err && s.at != raw.n)
        err = malformed(&s, "something follows the discharge");
    if (err)
        return err;
    out->raw = raw;
    out->macaroon = discharge.macaroon;
    out->macaroon.caveat = out->caveat;
    for (size_t i = 0; i < s.caveat_count; i++)
        out->caveat[i] = discharge.caveat[i];
    return KH_OK;
}
