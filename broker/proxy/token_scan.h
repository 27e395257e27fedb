/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a body is what a token endpoint answers (RFC 6749 section 5.1): a JSON object with a
 * top-level member access_token, refresh_token or id_token that is a string and not empty, or form
 * text with such a field (GitHub's older default).
 *
 * Sans-I/O and streaming: a few bytes of state, wherever the body is cut. It reads more leniently
 * than any parser: what is no JSON after all may be found to be a token, and not the other way
 * round.
 */
#ifndef KEYHOLE_PROXY_TOKEN_SCAN_H
#define KEYHOLE_PROXY_TOKEN_SCAN_H

#include "../../caveats/bytes.h"

enum token_scan_kind {
    TOKEN_SCAN_JSON = 0, /* an object, or none */
    TOKEN_SCAN_TEXT,     /* or form text, which is waited for when it begins with such a field */
    TOKEN_SCAN_FORM,     /* or form text, as its type says */
};

enum token_scan_state {
    TOKEN_SCAN_OPEN = 0, /* it may be one */
    TOKEN_SCAN_CLEAR,    /* it is none so far, and begins as something else or as a whole object;
                            what follows is still looked at */
    TOKEN_SCAN_FOUND,
};

enum { TOKEN_SCAN_NAME_MAX = 16 };

struct token_scan {
    enum token_scan_kind kind;
    enum token_scan_state state;
    unsigned mode, text; /* of the table and of its strings (token_scan.c) */
    size_t depth;        /* of arrays and objects */
    size_t read;         /* bytes of the mark at its beginning */
    bool cleared;        /* it was TOKEN_SCAN_CLEAR, wherever the input was cut */
    bool in_object;      /* the outermost one is an object */
    bool is_value;       /* the string is the value of a member that counts */
    unsigned escape;     /* digits of an escape that are still to come */
    unsigned code;       /* what they say so far */
    char name[TOKEN_SCAN_NAME_MAX];
    size_t name_n;  /* more than TOKEN_SCAN_NAME_MAX: none that counts */
    unsigned after; /* what stood last beside members: a name, a colon */
};

void token_scan_init(struct token_scan *scan, enum token_scan_kind kind);
enum token_scan_state token_scan_feed(struct token_scan *scan, struct bytes data);

/* A whole body: whether it is TOKEN_SCAN_FOUND. Most are seen not to be without being read byte by
 * byte. */
bool token_scan_finds(enum token_scan_kind kind, struct bytes body);

#endif
