/* SPDX-License-Identifier: Apache-2.0
 *
 * The organisation's policy: grants and forbids in the language of caveats (docs/POLICY.md).
 *
 * A request is covered if and only if some grant gives its user the credential and holds with all
 * its caveats, its lifetime and its holes, and no forbid matches. Nothing granted means denied. One
 * evaluator serves decisions, explanations, the policy's own tests and the audit log read back.
 */
#ifndef KEYHOLE_POLICY_H
#define KEYHOLE_POLICY_H

#include "caveat.h"
#include "errors.h"
#include "facts.h"

enum {
    POLICY_TEXT_MAX = 512 * 1024,
    POLICY_GROUPS_MAX = 256,
    POLICY_MEMBERS_MAX = 4096, /* of one group */
    POLICY_RULES_MAX = 256,    /* grants; and as many forbids */
    POLICY_LIST_MAX = 256,     /* principals or credentials of one grant */
    POLICY_CAVEATS_MAX = 64,   /* of one rule */
    POLICY_HOLES_MAX = 8,      /* of one grant */
    POLICY_POINTERS_MAX = 32,  /* places of a body that all rules together look at */
    POLICY_TESTS_MAX = 2048,
    POLICY_NAME_MAX = 64,
};

/* POLICY_WARN: what the rule would have denied is allowed, and recorded. */
enum policy_mode { POLICY_ENFORCE = 0, POLICY_WARN };

struct policy_caveat {
    struct bytes text; /* as written */
    struct caveat *caveat;
};

enum policy_principal_kind {
    PRINCIPAL_UNSET = 0,
    PRINCIPAL_USER,
    PRINCIPAL_GROUP,
    PRINCIPAL_EVERYONE,
};

struct policy_principal {
    enum policy_principal_kind kind;
    struct bytes name;
};

struct policy_hole {
    struct bytes text; /* canonical */
    bool names_user;
};

struct policy_grant {
    struct bytes name;
    size_t line;
    enum policy_mode mode;
    struct policy_principal *to;
    size_t to_count;
    struct bytes *credential;
    size_t credential_count;
    struct policy_caveat *caveat;
    size_t caveat_count;
    int64_t lifetime_s; /* the longest that a token may live; 0: no limit */
    struct policy_hole *hole;
    size_t hole_count;
};

struct policy_forbid {
    struct bytes name;
    size_t line;
    enum policy_mode mode;
    struct policy_caveat *when; /* all of them */
    size_t when_count;
};

struct policy_group {
    struct bytes name;
    struct bytes *member; /* sorted */
    size_t member_count;
};

/* One of the policy's own tests. */
struct policy_test {
    size_t line;
    struct bytes request; /* "GET https://…" */
    struct bytes user, credential, client, body;
    struct bytes *header;
    size_t header_count;
    struct bytes *hole; /* canonical: what the token's holes demanded, all filled */
    size_t hole_count;
    int64_t time, lifetime_s;
    bool allow;           /* what is expected */
    struct bytes because; /* the rule or code that is to say so; or empty */
    struct bytes expect;  /* as written */
};

struct policy {
    struct policy_group *group;
    size_t group_count;
    struct policy_grant *grant;
    size_t grant_count;
    struct policy_forbid *forbid;
    size_t forbid_count;
    struct policy_test *test;
    size_t test_count;
    bool on_record;            /* what some caveat of its rules looks at is (struct caveat) */
    struct policy_text *texts; /* owns every slice */
};

/* Read a policy whole or not at all. `path` stands before each message: KH_ERR_CONFIG with
 * "PATH:LINE: ", and a caveat's own fault after that. */
KH_MUST_CHECK enum kh_err policy_read(const char *path, struct bytes text, struct policy **out,
                                      struct fault *fault);
void policy_free(struct policy **policy);

/* What `after` changes against `before`, a line for each rule: "grant eng: changed". Either may be
 * NULL: no policy. */
void policy_print_changes(const struct policy *before, const struct policy *after,
                          struct buffer *out);

/* ---- judging ---- */

/* The groups of that user; returns how many. */
size_t policy_groups_of(const struct policy *policy, struct bytes user,
                        struct bytes out[POLICY_GROUPS_MAX]);

/* What is judged. The user's groups are policy_groups_of(). */
struct policy_request {
    const struct facts *facts;
    int64_t lifetime_s;       /* of the token, from its mint to its expiry; -1: not known */
    const struct bytes *hole; /* canonical: of the holes that were minted, all filled */
    size_t hole_count;
    bool holes_hidden;        /* they are not known */
    caveat_hidden_fn *hidden; /* may be NULL */
    void *context;
};

/* One grant in detail. */
struct policy_grant_trace {
    bool principal, credential; /* whether it is about them; if not, nothing else is judged */
    enum judgement whole;
    enum judgement lifetime; /* NOT_JUDGED when the grant has none */
    enum judgement caveat[POLICY_CAVEATS_MAX];
    enum judgement hole[POLICY_HOLES_MAX];
    size_t failures; /* how many of these do not hold */
};
void policy_grant_judge(const struct policy_grant *grant, const struct policy_request *request,
                        struct policy_grant_trace *out);

struct policy_forbid_trace {
    enum judgement whole;                    /* HOLDS: it matches, and forbids */
    enum judgement when[POLICY_CAVEATS_MAX]; /* as many as the rule has */
};
void policy_forbid_judge(const struct policy_forbid *forbid, const struct policy_request *request,
                         struct policy_forbid_trace *out);

/* A rule in warn mode that would have denied. */
struct policy_warning {
    const struct policy_grant *grant; /* or */
    const struct policy_forbid *forbid;
};
enum { POLICY_WARNINGS_MAX = 16 };

struct policy_verdict {
    enum judgement allowed; /* HOLDS, FAILS, UNKNOWN, or NEEDS_BODY */
    bool wants_body;        /* what a rule in warn mode says depends on the body as well */
    enum kh_reason reason;  /* of FAILS: no-grant or forbidden */
    const struct policy_grant *grant; /* that covers; of no-grant the one nearest to it, or NULL */
    const struct policy_forbid *forbid; /* that matches, when forbidden */
    struct bytes failing;               /* of no-grant: what in the nearest grant fails first */
    size_t warning_count;
    struct policy_warning warning[POLICY_WARNINGS_MAX]; /* last, and set as far as that says */
};

/* As if nothing had been judged yet. */
void policy_verdict_init(struct policy_verdict *verdict);

/* Judge all rules. `policy` NULL: one implicit grant, whatever was minted. Pointers in `*out` are
 * into the policy. */
void policy_judge(const struct policy *policy, const struct policy_request *request,
                  struct policy_verdict *out);

/* The forbids alone: for a request without a token. True when one matches. */
bool policy_forbids(const struct policy *policy, const struct policy_request *request,
                    struct policy_verdict *out);

/* "no-deletes: method = DELETE", "eng-openai: method = GET": why it was denied. */
void policy_verdict_print(const struct policy_verdict *verdict, const struct facts *facts,
                          struct buffer *out);
/* "forbid no-deletes", "grant eng-openai". */
void policy_warning_print(const struct policy_warning *warning, struct buffer *out);

/* The first moment after `now` at which time alone may change that verdict; INT64_MAX: none. */
int64_t policy_next_change(const struct policy *policy, const struct policy_verdict *verdict,
                           int64_t now);

/* Every caveat of the rules that this request was judged by: forbids, and the grants that are about
 * its user and credential. */
typedef void policy_caveat_fn(void *context, const struct caveat *caveat);
void policy_each_caveat(const struct policy *policy, const struct policy_request *request,
                        policy_caveat_fn *fn, void *context);

/* ---- minting ---- */

struct policy_mint {
    int64_t lifetime_max_s;                           /* 0: no limit */
    const struct policy_grant *limit;                 /* the grant that sets it, or NULL */
    const struct policy_hole *hole[POLICY_HOLES_MAX]; /* to be minted (hole_print_for_user) */
    size_t hole_count;
};

/* Whether a token for that user and these credentials can be of use, how long it may live and which
 * holes it must have: for each credential some grant must give it to the user. KH_ERR_DENIED says
 * what is missing. Grants that demand a hole do not count unless `can_fill`; then they count where
 * no grant without one does, and the first of them is taken. */
KH_MUST_CHECK enum kh_err policy_mint_check(const struct policy *policy, struct bytes user,
                                            const struct bytes *credential, size_t count,
                                            bool can_fill, struct policy_mint *out,
                                            struct fault *fault);
/* The same for a token that gets a hole in any case, as a login's: the first grant that demands
 * holes is taken where there is one, since its holes cost nothing more and cover more. There may be
 * none at all. */
KH_MUST_CHECK enum kh_err policy_mint_login(const struct policy *policy, struct bytes user,
                                            const struct bytes *credential, size_t count,
                                            struct policy_mint *out, struct fault *fault);

/* ---- the policy's own tests ---- */

/* Whether that test comes out as expected; `got` says what came out, in words. */
bool policy_test_run(const struct policy *policy, const struct policy_test *test,
                     struct buffer *got);
/* All; KH_ERR_CONFIG with the first that fails ("PATH:LINE: …"). `*passed` counts in any case. */
KH_MUST_CHECK enum kh_err policy_tests_run(const struct policy *policy, const char *path,
                                           size_t *passed, struct fault *fault);

#endif
