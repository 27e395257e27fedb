/* SPDX-License-Identifier: Apache-2.0
 *
 * What a token says of itself. Without the broker's key nothing of it is verified: everything here
 * is a claim, and whoever shows it says so.
 */
#ifndef KEYHOLE_CLIENT_INSPECT_H
#define KEYHOLE_CLIENT_INSPECT_H

#include "../caveats/caveat.h"
#include "../caveats/screen/screen.h"
#include "../caveats/token.h"

enum inspect_kind {
    INSPECT_UNREADABLE = 0, /* not in Keyhole's language: a broker refuses the token */
    INSPECT_CONDITION,
    INSPECT_LABEL,  /* a holder's name */
    INSPECT_DEMAND, /* what the hole after it demands */
    INSPECT_PARENT, /* in a discharge: the lineage that it is for */
    INSPECT_HOLE,   /* third-party */
};

enum inspect_origin {
    INSPECT_HOLDER = 0, /* added after the mint, by whoever held the token */
    INSPECT_MINTED,
    INSPECT_DISCHARGER, /* stands in a discharge */
};

struct inspect_caveat {
    enum inspect_kind kind;
    enum inspect_origin origin;
    unsigned macaroon;     /* 0 root, else the discharge's index */
    unsigned index;        /* in its macaroon */
    struct bytes id;       /* text, or a hole's ticket; points into the token */
    struct caveat *parsed; /* owned; NULL for holes and what is unreadable */
    struct bytes value;    /* label, demand, parent: the value without its quotes */
    struct bytes location; /* hole */
    struct bytes demand;   /* hole: as the caveat before it says; empty when none does */
    int filled_by;         /* hole: index of the discharge, -1 open */
    struct bytes by;       /* hole, filled: what the discharge says of who vouched (its label) */
    struct bytes parent;   /* hole, filled: the lineage that the discharge is for; may be empty */
    int64_t until;         /* hole, filled: end of the discharge; INT64_MAX: none */
    bool past;             /* condition: does not hold any more, whatever the request */
    char why[160];         /* unreadable: what was expected */
};

/* The mint, and then what one holder after the other took away. A label begins one; so does the
 * first caveat that is not minted. */
struct inspect_step {
    enum inspect_origin origin;
    size_t first, count;      /* of inspection.caveat; none but for a mint without caveats */
    const struct bytes *name; /* the label that begins it: a claim; NULL: none */
    size_t conditions, holes, holes_open;
    int64_t ends_at; /* the earliest end that its conditions set; INT64_MAX: none */
};

struct inspection {
    const struct token *token; /* borrowed, must live as long */
    int64_t now;
    bool identified; /* the identifier is one of a Keyhole broker */
    struct token_identity identity;
    char why_not[160]; /* when it is not */
    /* The earliest end that expiry and conditions on time alone set; INT64_MAX: none. Allowed up to
     * the second before it. */
    int64_t ends_at;
    int ends_by; /* index in `caveat` of what sets it; -1: the expiry, or nothing */
    struct inspect_step step[TOKEN_CAVEATS_MAX + 1];
    size_t step_count;
    uint8_t lineage[LINEAGE_ID_SIZE];
    struct inspect_caveat caveat[TOKEN_CAVEATS_MAX]; /* root first, then discharge by discharge */
    size_t count;
    size_t holes, holes_open, unreadable;
};

/* Describe. The caller frees with inspection_free. KH_ERR_MEMORY. */
KH_MUST_CHECK enum kh_err inspect_token(const struct token *token, int64_t now,
                                        struct inspection **out, struct fault *fault);
void inspection_free(struct inspection **inspection);

const char *inspect_kind_name(enum inspect_kind kind); /* as in the JSON */
const char *inspect_origin_name(enum inspect_origin origin);

/* For people. What came from the token cannot act on the terminal. */
void inspect_print(const struct inspection *inspection, const struct screen *screen,
                   struct buffer *out);
/* For programs: one JSON object and a newline (schema in keyhole(1)). */
KH_MUST_CHECK enum kh_err inspect_print_json(const struct inspection *inspection,
                                             struct buffer *out, struct fault *fault);

#endif
