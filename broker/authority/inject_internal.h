/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of inject share; nobody else includes this.
 *
 *     inject.c         the table of kinds, and what all have in common
 *     inject_text.c    texts: where edits and scrubbed secrets are collected
 *     inject_KIND.c    one kind, or a family: its rules
 *
 * A new kind is a file with its rules and a row in the table of inject.c.
 */
#ifndef KEYHOLE_INJECT_INTERNAL_H
#define KEYHOLE_INJECT_INTERNAL_H

#include "credential_option.h"
#include "inject.h"

enum {
    INJECT_LINE_SECRET_MAX = 8192, /* a header line has at most 16 KiB */
    INJECT_TEMPLATE_MAX = 1024,
};

/* A part of the injection's text. Slices are made at the end: the buffer moves while it grows. */
struct inject_part {
    size_t start, n;
};

/* An injection in the making. */
struct inject_work {
    const struct credential *credential;
    const struct injection_context *context;
    struct bytes secret;
    struct injection *out;
    size_t edit_count, scrub_count;
    bool overfull; /* more edits than a decision carries */
    /* What lies behind the counts is not set. */
    struct {
        enum edit_kind kind;
        struct bytes name;
        struct inject_part value;
    } edit[DECISION_EDITS_MAX];
    struct inject_part scrub[DECISION_SECRETS_MAX];
};

/* Parts of a request that one injection changes and another one signs: not in one set, because
 * what is signed is what was judged. */
enum inject_part_of { INJECT_OF_PATH = 1, INJECT_OF_QUERY = 2, INJECT_OF_BODY = 4 };

struct inject_rules {
    enum inject_kind kind;
    const char *word; /* "header" */
    const char *form; /* for sentences: "header:NAME: template with {secret}" */
    bool named;       /* "word:text"; else the word alone */
    bool may_be_bare; /* of a named one: the word alone will do */
    /* Secrets: the longest (0: INJECT_LINE_SECRET_MAX); with line breaks in it; beyond ASCII. */
    size_t secret_max;
    bool secret_lines, secret_utf8;

    /* Read `text` behind "word:" (empty when bare) into the route and the canonical row.inject. */
    enum kh_err (*parse)(struct credential *credential, struct bytes text, struct fault *fault);
    /* The slot that goes with it when none is given, appended; nothing when that is unclear. */
    void (*slot)(struct bytes text, struct buffer *out);
    /* Of the whole credential, options and all; may be NULL. */
    enum kh_err (*check)(const struct credential *credential, struct fault *fault);
    /* Of a secret that has passed what is said above; may be NULL. */
    enum kh_err (*check_secret)(const struct credential *credential, struct bytes secret,
                                struct fault *fault);
    /* What it must know of the body; may be NULL: nothing. */
    struct injection_needs (*needs)(const struct credential *credential,
                                    const struct injection_context *context);
    enum injection_result (*make)(struct inject_work *work);
    /* What an upstream may know of the secret before this one, in its grace: inject_scrub_text of
     * each. NULL: nothing, it never left this process. */
    void (*scrub_previous)(struct inject_work *work, struct bytes previous);

    unsigned writes; /* enum inject_part_of */
    /* Which of them it signs; may be NULL: none. */
    unsigned (*covers)(const struct credential *credential);
};

extern const struct inject_rules inject_header_rules, inject_basic_rules, inject_query_rules,
    inject_cookie_rules, inject_path_rules, inject_subprotocol_rules, inject_field_rules,
    inject_several_rules, inject_mtls_rules, inject_sigv4_rules, inject_hmac_rules,
    inject_oauth2_rules, inject_jwt_rules;

/* For `parse`: name (a header's in lower case) and canonical text of the injection. */
KH_MUST_CHECK enum kh_err inject_keep(struct credential *credential, enum inject_kind kind,
                                      struct bytes name, struct bytes canonical,
                                      struct fault *fault);
/* The same of a text that was put together; KH_ERR_MEMORY when it is not whole. */
KH_MUST_CHECK enum kh_err inject_keep_built(struct credential *credential, enum inject_kind kind,
                                            struct bytes name, const struct buffer *canonical,
                                            struct fault *fault);
/* Printable ASCII with `mark` in it at least once. */
KH_MUST_CHECK enum kh_err inject_check_template(struct bytes template, const char *mark,
                                                struct fault *fault);

/* NULL: there is none. */
const struct inject_rules *inject_rules_of(const struct credential *credential);

/* What the credential of `work` puts on the request, added to what is there. */
KH_MUST_CHECK enum injection_result inject_make_one(struct inject_work *work);

/* ---- inject_text.c ---- */

/* Where the text ends now, and what was put behind such a place. */
size_t inject_place(const struct inject_work *work);
struct inject_part inject_since(const struct inject_work *work, size_t place);
void inject_put(struct inject_work *work, struct bytes text);
/* Every `mark` of the template replaced. */
void inject_put_template(struct inject_work *work, struct bytes template, const char *mark,
                         struct bytes value);
/* `name` must outlive the injection: of the credential, or static. */
void inject_edit(struct inject_work *work, enum edit_kind kind, struct bytes name,
                 struct inject_part value);
/* To be searched for in the answer; too short ones are left out. */
void inject_scrub(struct inject_work *work, struct inject_part part);
void inject_scrub_text(struct inject_work *work, struct bytes text);
/* For `scrub_previous` of the kinds that put the secret on the request as it is. */
void inject_scrub_whole(struct inject_work *work, struct bytes previous);
/* Of user:password the one that is a key. */
void inject_scrub_pair(struct inject_work *work, struct bytes pair);
/* `Authorization: Basic` with user:password; both parts and the whole are scrubbed. */
void inject_put_basic(struct inject_work *work, struct bytes pair);
/* INJECTION_REFUSED, with a sentence for the client. */
enum injection_result inject_refuse(struct inject_work *work, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Edits and secrets as slices of the text. */
KH_MUST_CHECK enum injection_result inject_finish(struct inject_work *work);

#endif
