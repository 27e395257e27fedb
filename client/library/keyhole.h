/* SPDX-License-Identifier: Apache-2.0
 *
 * libkeyhole: reading, narrowing and filling Keyhole tokens in programs of one's own.
 *
 * A Keyhole token is a macaroon: whoever holds one can make a narrower one, without a key and
 * without asking anybody, and nobody can make it wider again. What a token allows is written in its
 * caveats, of which all must hold: "method in GET, HEAD", "path = /v1/models". A hole is a caveat
 * that asks for somebody's word; a discharge is that word.
 *
 *     struct keyhole_token *token, *narrow;
 *     const char *caveats[] = {"method = GET", "path = /v1/models"};
 *     struct keyhole_error error;
 *
 *     if (keyhole_token_parse(text, KEYHOLE_WHOLE, &token, &error) != KEYHOLE_OK ||
 *         keyhole_token_narrow(token, caveats, 2, &narrow, &error) != KEYHOLE_OK)
 *             errx(1, "%s", error.message);
 *
 * In all that follows:
 *
 * Text      is UTF-8. Where a function takes a text and its size, the size is in bytes, and
 *           KEYHOLE_WHOLE stands for a text that ends with a NUL. Texts that are given back end
 *           with a NUL, which their size does not count.
 * Time      is in seconds since 1970-01-01T00:00:00Z; KEYHOLE_NEVER is no moment at all.
 *           KEYHOLE_NOW, where a function takes a moment, is that of the system's clock.
 * Errors    A function that can fail returns an enum keyhole_status. What it puts into its `out`
 *           arguments is put there on KEYHOLE_OK alone; else they are as they were. `error` may be
 *           NULL; it is filled in whenever something else than KEYHOLE_OK is returned.
 * NULL      where an object or a text is needed is KEYHOLE_ERROR_USAGE, and never a crash. The
 *           functions that free take NULL and do nothing.
 * Owning    What comes through an `out` argument is the caller's, who frees it with the function
 *           that is named there. Pointers to const are borrowed from the object that they were
 *           asked of and live as long as it does.
 * Secrets   A token is a secret. What holds one is overwritten before it is freed. No message of
 *           an error has a token in it.
 * Threads   There is no state but that of objects. Different objects can be used by different
 *           threads at the same time. A token and a judgement never change once they are made, so
 *           that any number of threads may read one; all others are for one thread at a time.
 * Manners   The library never writes to standard output or standard error, never ends the program,
 *           whatever it is given, installs no signal handler, and keeps no descriptor open.
 *           Nothing but keyhole_discharge() and what it calls back reaches for files, programs or
 *           the network.
 *
 * Nothing that a holder can do verifies a token: that takes the broker's key. All that is told here
 * of a token is what it says of itself.
 *
 * Versions: names and meanings stay within a major version. Structures that the library hands out
 * may get members at their end, and enumerations may get values: expect ones that are not known.
 * Structures that a caller hands in begin with their size.
 *
 * libkeyhole(3) has the same by topic; the language of caveats is in keyhole-caveats(7).
 */
#ifndef KEYHOLE_H
#define KEYHOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define KEYHOLE_API        __attribute__((visibility("default")))
#define KEYHOLE_MUST_CHECK __attribute__((warn_unused_result))
#else
#define KEYHOLE_API
#define KEYHOLE_MUST_CHECK
#endif

/* ---- version ---- */

/* Of this header; the Makefile's VERSION is written here when it is built. */
/* clang-format off */
#define KEYHOLE_VERSION_MAJOR @VERSION_MAJOR@
#define KEYHOLE_VERSION_MINOR @VERSION_MINOR@
#define KEYHOLE_VERSION_PATCH @VERSION_PATCH@
#define KEYHOLE_VERSION_TEXT  "@VERSION@"
/* clang-format on */
/* For comparing: 1.2.3 is 10203. */
#define KEYHOLE_VERSION_NUMBER                                                                     \
    (KEYHOLE_VERSION_MAJOR * 10000 + KEYHOLE_VERSION_MINOR * 100 + KEYHOLE_VERSION_PATCH)

/* The version of the library that the program runs with, as "1.2.3". Static. */
KEYHOLE_API const char *keyhole_version(void);

/* ---- limits ---- */

enum {
    KEYHOLE_TOKEN_MAX = 8192,    /* bytes of a token's text in Keyhole's own format */
    KEYHOLE_CAVEATS_MAX = 64,    /* of a token, those of its discharges counted */
    KEYHOLE_CAVEAT_MAX = 1024,   /* bytes of one caveat */
    KEYHOLE_DISCHARGES_MAX = 8,  /* of a token */
    KEYHOLE_HOLE_MAX = 512,      /* bytes of what a hole demands */
    KEYHOLE_PREFIX_MAX = 64,     /* bytes before a token's mark */
    KEYHOLE_FOREIGN_MAX = 65536, /* bytes of a token's text in a format of other libraries */
    KEYHOLE_BODY_MAX = 1048576,  /* bytes of a body that is judged */
    KEYHOLE_REQUEST_MAX = 16384, /* bytes of a request's method, URL and header fields together */
    KEYHOLE_HEADERS_MAX = 64,    /* header fields of a request */
    KEYHOLE_ANSWER_MAX = 65536,  /* bytes of what a discharger answers */
    KEYHOLE_MESSAGE_SIZE = 512,  /* of an error, its NUL counted */
};

#define KEYHOLE_WHOLE SIZE_MAX  /* a size: up to the NUL */
#define KEYHOLE_NEVER INT64_MAX /* a moment: none */
#define KEYHOLE_NOW   INT64_MIN /* a moment: by the system's clock */

/* ---- errors ---- */

/* Values do not change. keyhole_error_code() has them as words, for scripts and logs. */
enum keyhole_status {
    KEYHOLE_OK = 0,
    KEYHOLE_ERROR_INTERNAL = 1,
    KEYHOLE_ERROR_MEMORY = 2,        /* memory is used up */
    KEYHOLE_ERROR_USAGE = 3,         /* an argument that cannot be meant: NULL, empty, too many */
    KEYHOLE_ERROR_SYNTAX = 4,        /* a caveat, hole, URL or header field is not well-formed */
    KEYHOLE_ERROR_UNKNOWN = 5,       /* it names something that is not known here */
    KEYHOLE_ERROR_TYPE = 6,          /* a value of the wrong type */
    KEYHOLE_ERROR_RANGE = 7,         /* a number or a count beyond its limit */
    KEYHOLE_ERROR_TOO_LONG = 8,      /* a text beyond its limit */
    KEYHOLE_ERROR_MALFORMED = 9,     /* this is no token, or no discharge */
    KEYHOLE_ERROR_GRAPH = 10,        /* discharges that do not fit the holes one to one */
    KEYHOLE_ERROR_SIGNATURE = 11,    /* a signature does not verify */
    KEYHOLE_ERROR_CRYPTO = 12,       /* a cryptographic library failed */
    KEYHOLE_ERROR_NOT_FOUND = 13,    /* there is no such thing, or no means of doing it, here */
    KEYHOLE_ERROR_EXISTS = 14,       /* there is one already */
    KEYHOLE_ERROR_IO = 15,           /* reading or writing failed, or a connection */
    KEYHOLE_ERROR_PERMISSION = 16,   /* not allowed: a discharger that is not trusted */
    KEYHOLE_ERROR_PROTOCOL = 17,     /* a discharger said what it may not say */
    KEYHOLE_ERROR_CLOSED = 18,       /* the other side went away, or the wait was ended */
    KEYHOLE_ERROR_TIMEOUT = 19,      /* it took too long */
    KEYHOLE_ERROR_CONFIG = 20,       /* these four are of the broker's and do not come from here */
    KEYHOLE_ERROR_DATABASE = 21,     /* - */
    KEYHOLE_ERROR_MASTER_KEY = 22,   /* - */
    KEYHOLE_ERROR_AUDIT_BROKEN = 23, /* - */
    KEYHOLE_ERROR_DENIED = 24,       /* a person or a discharger refused */
    KEYHOLE_ERROR_UNSUPPORTED = 25,  /* not supported here */
};

/* What went wrong, in full. The caller's own; nothing in it has to be freed. */
struct keyhole_error {
    enum keyhole_status status;
    /* Index of the caveat, host, method or path among those that were given; -1: not of one. */
    int caveat;
    /* Where in that text reading stopped, in bytes from 0; -1: nowhere in particular. (A message
     * that names a byte counts from 1, as editors do.) */
    int byte;
    /* One or more sentences for people, without a newline at the end. What came from elsewhere and
     * could upset a terminal is escaped in it. */
    char message[KEYHOLE_MESSAGE_SIZE];
};

/* The word for a status, "out-of-range", and its sentence, "a number or size out of range". Static,
 * never NULL; for a value that is not known, those of KEYHOLE_ERROR_INTERNAL. */
KEYHOLE_API const char *keyhole_error_code(enum keyhole_status status);
KEYHOLE_API const char *keyhole_error_text(enum keyhole_status status);

/* ---- memory ---- */

/* Free a text that a function of this library gave to the caller, and nothing else; it is
 * overwritten first. NULL is taken. */
KEYHOLE_API void keyhole_free(char *text);

/* ---- tokens ---- */

/* A token with its discharges. It does not change. */
struct keyhole_token;

/* Whether a text has the mark of Keyhole's tokens, "kh1_", anywhere in it: a glance for whoever
 * must not pass one on. True says nothing about whether the rest is a token. */
KEYHOLE_API bool keyhole_text_has_token(const char *text, size_t size);

/*
 * Read a token: Keyhole's own text, with or without a vendor prefix before its mark, or that of
 * another macaroon library (enum keyhole_format). White space around it is no part of it. Strict:
 * what any reader could read otherwise is refused. Free with keyhole_token_free().
 *
 * KEYHOLE_ERROR_MALFORMED, _GRAPH, _TOO_LONG, _USAGE, _MEMORY.
 */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status keyhole_token_parse(const char *text,
                                                                       size_t size,
                                                                       struct keyhole_token **out,
                                                                       struct keyhole_error *error);
KEYHOLE_API void keyhole_token_free(struct keyhole_token *token);

/* How a token is written (keyhole-token(5)). Other libraries know no vendor prefix: it is left out.
 */
enum keyhole_format {
    KEYHOLE_FORMAT_KEYHOLE = 1, /* prefix, "kh1_", base64url of all macaroons in V2 */
    KEYHOLE_FORMAT_V1 = 2,      /* base64url of packets; one macaroon a line: libmacaroons */
    KEYHOLE_FORMAT_V2 = 3,      /* base64url of V2: pymacaroons, macaroon.v2 of Go */
    KEYHOLE_FORMAT_JSON = 4,    /* V2 JSON, an array when there are discharges: js-macaroon */
};

/* Write a token. `size` (may be NULL) gets the text's size. Free the text with keyhole_free().
 * KEYHOLE_ERROR_USAGE for an unknown format, _TOO_LONG when the format cannot hold it, _MEMORY. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_token_encode(const struct keyhole_token *token, enum keyhole_format format, char **text,
                     size_t *size, struct keyhole_error *error);

/* ---- what a token says of itself ---- */

/* None of it is verified. Texts of `user`, `credential`, ids and `location` are printable ASCII. */
struct keyhole_claims {
    bool is_keyhole;  /* a Keyhole broker made it, it says; else the next six are empty */
    const char *user; /* "" when it is none of Keyhole's */
    size_t credential_count;
    const char *const *credential; /* names of what it is for */
    const char *token_id;          /* 32 hexadecimal digits: its name in the audit log */
    int64_t issued_at, expires_at; /* as the broker wrote them */
    /* The earliest end that expiry and caveats on time alone set: from that second on the token is
     * refused. KEYHOLE_NEVER: none. */
    int64_t ends_at;
    const char
        *lineage; /* 32 hexadecimal digits: names the token as it is now, and all made of it */
    const char *location;    /* of the root macaroon; may be "" */
    const char *prefix;      /* the vendor prefix; may be "" */
    size_t macaroon_count;   /* the root, and its discharges */
    size_t caveat_count;     /* in all of them, holes counted: indices of keyhole_token_caveat() */
    size_t open_hole_count;  /* indices of keyhole_token_open_hole() */
    size_t unreadable_count; /* caveats that a broker does not understand: it refuses the token */
    const char *problem;     /* why it is none of Keyhole's; "" when it is */
};

/* Borrowed from the token. NULL for NULL. */
KEYHOLE_API const struct keyhole_claims *keyhole_token_claims(const struct keyhole_token *token);

enum keyhole_kind {
    KEYHOLE_KIND_UNREADABLE = 0, /* not in the language: a broker refuses the token */
    KEYHOLE_KIND_CONDITION = 1,  /* limits requests */
    KEYHOLE_KIND_LABEL = 2,      /* a holder's name; `value` is it */
    KEYHOLE_KIND_DEMAND = 3,     /* says in clear what the hole after it demands; so does `value` */
    KEYHOLE_KIND_PARENT = 4,     /* in a discharge: the lineage that it is for, which is `value` */
    KEYHOLE_KIND_HOLE = 5,       /* a third-party caveat */
};

enum keyhole_origin {
    KEYHOLE_ORIGIN_HOLDER = 0,     /* added after the mint, by whoever held the token */
    KEYHOLE_ORIGIN_MINT = 1,       /* the broker wrote it */
    KEYHOLE_ORIGIN_DISCHARGER = 2, /* stands in a discharge */
};

/* One caveat. A holder may have written any byte into any of these texts: escape them before they
 * go to a terminal, or show keyhole_caveat_words(). */
struct keyhole_caveat {
    enum keyhole_kind kind;
    enum keyhole_origin origin;
    size_t macaroon;   /* 0: the root; else the discharge */
    size_t index;      /* in its macaroon */
    const char *text;  /* as written; "" of a hole */
    size_t text_size;  /* in bytes; there may be NULs in what is unreadable */
    const char *value; /* by its kind; else "" */
    /* Of a condition that speaks of time alone: when it stops to hold. Of a filled hole: when its
     * discharge ends. Else, and when there is no end, KEYHOLE_NEVER. */
    int64_t ends_at;
    const char *problem; /* of what is unreadable: what was expected; else "" */

    /* Of a hole; else "", NULL, 0 and false. */
    const char *location;        /* the discharger's URL, as whoever added the hole wrote it */
    const char *demand;          /* "user = alice and factor = yubikey for 8h"; "": not said */
    const unsigned char *ticket; /* what the discharger opens */
    size_t ticket_size;          /* in bytes */
    bool is_filled;
    size_t discharge; /* of a filled one: the index of the macaroon that fills it */
    const char *by;   /* of a filled one: who vouched, as the discharge has it; may be "" */
};

/* The caveats of a token, the root's first, then discharge by discharge; `index` is below
 * claims->caveat_count. Borrowed from the token. NULL when there is none of that index. */
KEYHOLE_API const struct keyhole_caveat *keyhole_token_caveat(const struct keyhole_token *token,
                                                              size_t index);

/* The holes that nobody has filled, those of discharges too; `index` is below
 * claims->open_hole_count. Borrowed from the token. NULL when there is none of that index. */
KEYHOLE_API const struct keyhole_caveat *keyhole_token_open_hole(const struct keyhole_token *token,
                                                                 size_t index);

/* A caveat in plain words, "the method is GET or HEAD", "before 2026-12-01T00:00:00Z, in 2 hours"
 * seen from `now`. Safe for terminals. Free with keyhole_free(). KEYHOLE_ERROR_RANGE for an index
 * that there is not, _USAGE, _MEMORY. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_caveat_words(const struct keyhole_token *token, size_t index, int64_t now, char **text,
                     struct keyhole_error *error);

/* All of it as JSON, the object that `keyhole inspect --json` prints (keyhole-inspect(1)), in ASCII
 * and with a newline at its end. Free with keyhole_free(). KEYHOLE_ERROR_USAGE, _MEMORY. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_token_json(const struct keyhole_token *token, int64_t now, char **text,
                   struct keyhole_error *error);

/* ---- narrowing ---- */

/*
 * A token with more caveats, in the order given: the short way. Each is checked by the language and
 * written canonically; `caveat` has `count` texts that end with a NUL. Discharges that the token
 * has stay good for what is made of it. Free `*out` with keyhole_token_free(); `token` is as it
 * was.
 *
 * KEYHOLE_ERROR_SYNTAX, _UNKNOWN, _TYPE, _RANGE, _TOO_LONG with error->caveat and error->byte;
 * _USAGE, _MEMORY, _CRYPTO.
 */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_token_narrow(const struct keyhole_token *token, const char *const *caveat, size_t count,
                     struct keyhole_token **out, struct keyhole_error *error);

/* What is to be added to a token, collected step by step. It can be applied to several tokens. A
 * call that fails adds nothing. */
struct keyhole_attenuation;

/* Empty. Free with keyhole_attenuation_free(). KEYHOLE_ERROR_USAGE, _MEMORY. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_attenuation_new(struct keyhole_attenuation **out, struct keyhole_error *error);
KEYHOLE_API void keyhole_attenuation_free(struct keyhole_attenuation *attenuation);

/* One caveat, "query[limit] <= 100". Errors as for keyhole_token_narrow(); error->caveat is 0. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_attenuation_add_caveat(struct keyhole_attenuation *attenuation, const char *text,
                               size_t size, struct keyhole_error *error);

/* These hosts and no other; likewise methods (in capitals) and paths (each begins with '/' or '*').
 * `*` stands for a label of a host at its front, for a segment of a path or a part of one, `**` for
 * any number of segments. `count` texts that end with a NUL, at least one; error->caveat is the
 * index of one that cannot be meant. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_attenuation_add_hosts(struct keyhole_attenuation *attenuation, const char *const *host,
                              size_t count, struct keyhole_error *error);
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_attenuation_add_methods(struct keyhole_attenuation *attenuation, const char *const *method,
                                size_t count, struct keyhole_error *error);
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_attenuation_add_paths(struct keyhole_attenuation *attenuation, const char *const *path,
                              size_t count, struct keyhole_error *error);

/* An end: `seconds` (1 to ten years) after `now`. KEYHOLE_ERROR_RANGE. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_attenuation_add_lifetime(struct keyhole_attenuation *attenuation, int64_t now,
                                 int64_t seconds, struct keyhole_error *error);

/* A name for whoever gets the token: shown by inspect, kept in the audit log. Add it first, so that
 * it heads the caveats of its holder. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_attenuation_add_label(struct keyhole_attenuation *attenuation, const char *label,
                              struct keyhole_error *error);

/*
 * A hole: until somebody vouches for `demand`, as "user = alice and factor = yubikey for 15m", the
 * token is worth nothing. `discharger` is who is to be asked, its URL and its public key in one
 * word, "https://discharge.example#kd1_...". The ticket is sealed when the attenuation is applied,
 * here, and nobody is asked. Holes stand after all caveats of the attenuation, in their order.
 *
 * KEYHOLE_ERROR_SYNTAX, _UNKNOWN, _TYPE, _RANGE, _TOO_LONG with error->byte; _USAGE, _MEMORY.
 */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_attenuation_add_hole(struct keyhole_attenuation *attenuation, const char *demand,
                             const char *discharger, struct keyhole_error *error);

/* Put that vendor prefix before the token in place of the one that it has, "sk-ant-" for clients
 * that look how a key begins; "" takes it away. KEYHOLE_ERROR_USAGE for one that cannot stand
 * there. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_attenuation_set_prefix(struct keyhole_attenuation *attenuation, const char *prefix,
                               struct keyhole_error *error);

/* Make the narrower token. Free it with keyhole_token_free(); `token` and `attenuation` are as they
 * were. KEYHOLE_ERROR_RANGE when it would have too many caveats, _TOO_LONG when its text would be
 * too long, _MALFORMED for a hole in a token that no Keyhole broker made, _MEMORY, _CRYPTO. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_token_attenuate(const struct keyhole_token *token,
                        const struct keyhole_attenuation *attenuation, struct keyhole_token **out,
                        struct keyhole_error *error);

/* What would make the narrower token useless from the start: caveats that can never hold together,
 * a moment that is past at `now`. Sentences, each ended by a newline; "" when there is nothing to
 * say. Only what is certain is said. Free with keyhole_free(). KEYHOLE_ERROR_USAGE, _MEMORY. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_attenuation_warnings(const struct keyhole_attenuation *attenuation,
                             const struct keyhole_token *token, int64_t now, char **text,
                             struct keyhole_error *error);

/* Check one caveat without a token. `canonical` (may be NULL) gets the one way in which it is
 * written; free it with keyhole_free(). Errors as for keyhole_token_narrow(). */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_caveat_check(const char *text, size_t size, char **canonical, struct keyhole_error *error);

/* ---- judging, offline ---- */

/* What is known of a request. What was not said is not known, and a caveat that rests on it is
 * neither held nor failed. */
struct keyhole_request;

/*
 * From a method in capitals and a whole URL, "https://api.example.com/v1/models?limit=5". The
 * moment is that of the call. Free with keyhole_request_free(). KEYHOLE_ERROR_SYNTAX for what a
 * broker would refuse too, _TOO_LONG, _USAGE, _MEMORY.
 */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status keyhole_request_new(const char *method,
                                                                       const char *url,
                                                                       struct keyhole_request **out,
                                                                       struct keyhole_error *error);
KEYHOLE_API void keyhole_request_free(struct keyhole_request *request);

/* One more header field. From the first on, all of them count as known: one that is not given is
 * not there. Give them as they come: those that a broker keeps from caveats (Host, Content-Length,
 * Connection and what it names, X-Forwarded-*, one that holds a token) are left out by the library.
 * KEYHOLE_ERROR_SYNTAX, _TOO_LONG, _RANGE, _USAGE. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_request_add_header(struct keyhole_request *request, const char *name, const char *value,
                           struct keyhole_error *error);

/* The body, `size` bytes of anything (at most KEYHOLE_BODY_MAX), which are copied; 0: there is
 * none. Give the header fields too, if any: they say whether it is JSON. KEYHOLE_ERROR_TOO_LONG,
 * _USAGE, _MEMORY. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_request_set_body(struct keyhole_request *request, const void *body, size_t size,
                         struct keyhole_error *error);

/* When it is made. KEYHOLE_ERROR_USAGE. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_request_set_time(struct keyhole_request *request, int64_t time,
                         struct keyhole_error *error);

/* The address that it comes from, as text, or "unix". KEYHOLE_ERROR_SYNTAX, _USAGE. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_request_set_client(struct keyhole_request *request, const char *address,
                           struct keyhole_error *error);

/* Which of the token's credentials is to be used; one that it has alone is known without.
 * KEYHOLE_ERROR_USAGE, _TOO_LONG. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_request_set_credential(struct keyhole_request *request, const char *name,
                               struct keyhole_error *error);

/* What a token's own caveats say of a request. */
struct keyhole_judgement;

enum keyhole_verdict {
    KEYHOLE_VERDICT_FAILS = 0, /* the broker refuses: a caveat fails, a hole is open, it is over */
    /* Nothing that a holder can judge is against it, and something could not be judged: what is the
     * broker's to know (groups, counters) or was not said of the request. */
    KEYHOLE_VERDICT_UNKNOWN = 1,
    /* Every caveat holds. No permission yet: the broker asks its key, its rules, and what was
     * revoked. */
    KEYHOLE_VERDICT_HOLDS = 2,
};

/* Judge a request by a token. Both are as they were. Free with keyhole_judgement_free().
 * KEYHOLE_ERROR_MALFORMED for a token that no Keyhole broker made, _USAGE, _MEMORY. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_judge(const struct keyhole_token *token, const struct keyhole_request *request,
              struct keyhole_judgement **out, struct keyhole_error *error);
KEYHOLE_API void keyhole_judgement_free(struct keyhole_judgement *judgement);

/* KEYHOLE_VERDICT_FAILS for NULL. */
KEYHOLE_API enum keyhole_verdict
keyhole_judgement_verdict(const struct keyhole_judgement *judgement);

/* Texts as in struct keyhole_caveat: a holder may have written any of them. */
struct keyhole_finding {
    enum keyhole_verdict verdict;
    const char *text; /* the caveat as written; "hole, open"; "lifetime" for the token's expiry */
    const char *by;   /* who added it: "mint", "holder 1", "discharge 1"; "" of what is no caveat */
    const char *label;  /* the label of that holder; "" when there is none */
    const char *change; /* of what fails: "method is POST, and would have to be GET"; else "" */
};

/* How each caveat was judged, in the order of keyhole_token_caveat(); after the last one the
 * token's expiry. Borrowed from the judgement. NULL when there is none of that index. */
KEYHOLE_API const struct keyhole_finding *
keyhole_judgement_finding(const struct keyhole_judgement *judgement, size_t index);

/* All of it as JSON, the object that `keyhole explain --json` prints (keyhole-explain(1)). Its
 * `verdict` is this judgement's: "deny", "unknown" or "holds", where the program, which speaks of
 * the broker's decision, says "unknown" of the last two. Free with keyhole_free().
 * KEYHOLE_ERROR_USAGE, _MEMORY. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_judgement_json(const struct keyhole_judgement *judgement, char **text,
                       struct keyhole_error *error);

/* ---- discharges that are at hand ---- */

enum keyhole_binding {
    /* A discharge with a `parent` must be for this token as it is now, and needs no more. One
     * without is bound the classic way, to the signature of this token: narrowing the token
     * afterwards makes it worthless. */
    KEYHOLE_BIND = 1,
    KEYHOLE_BOUND = 2, /* taken as it is: somebody has bound it already */
};

/*
 * Put a discharge behind a token whose open hole it fills. `discharge` is one macaroon, in V2
 * binary or in base64url of that, `size` bytes. Free `*out` with keyhole_token_free(); `token` is
 * as it was.
 *
 * KEYHOLE_ERROR_MALFORMED when it is no discharge, _GRAPH when it fills no hole of this token, or
 * is for another lineage, _RANGE, _TOO_LONG, _USAGE, _MEMORY, _CRYPTO.
 */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_token_add_discharge(const struct keyhole_token *token, const void *discharge, size_t size,
                            enum keyhole_binding binding, struct keyhole_token **out,
                            struct keyhole_error *error);

/* Take a discharge out again, and those that fill its holes: the hole is open then. `discharge` is
 * 1 to claims->macaroon_count - 1, as in keyhole_caveat.discharge. KEYHOLE_ERROR_RANGE, _USAGE,
 * _MEMORY. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_token_drop_discharge(const struct keyhole_token *token, size_t discharge,
                             struct keyhole_token **out, struct keyhole_error *error);

/* ---- asking dischargers ---- */

/*
 * keyhole_discharge() speaks the discharge protocol (docs/PROTOCOL.discharge.md) as `keyhole
 * discharge` does: for each open hole it asks the discharger, checks what comes back against the
 * token, has it shown, has it answered, and checks the discharge. What reaches outside is the
 * caller's: functions that are called back, on the thread of the call.
 *
 * There is no HTTP in the library: that would load libcurl and some thirty libraries more into
 * every program that narrows a token. A program that fills holes has a client already, or makes one
 * of libcurl in forty lines: docs/examples/c/discharge.c.
 */

/* One HTTP exchange. Texts live as long as the call. */
struct keyhole_http_request {
    const char *method; /* "GET" or "POST" */
    const char *url;    /* whole; https, or http to this machine */
    const char *body;   /* application/json; NULL: none */
    size_t body_size;   /* in bytes */
    int64_t timeout_ms; /* how long it may take, in milliseconds; at least 1 */
};
struct keyhole_http_answer;

/* To be called once, from a keyhole_http_function: the status and the body (`size` bytes, copied;
 * at most KEYHOLE_ANSWER_MAX) of what came back. KEYHOLE_ERROR_TOO_LONG, _USAGE, _MEMORY. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_http_answer_set(struct keyhole_http_answer *answer, int status, const void *body,
                        size_t size);

/*
 * Make the exchange. Redirects must not be followed and TLS must be verified: what is sent is for
 * that place alone. A status is no error, whatever it is. Return KEYHOLE_OK after
 * keyhole_http_answer_set(); else KEYHOLE_ERROR_IO, _TIMEOUT or what fits, with a sentence in
 * `error` (never NULL here).
 */
typedef enum keyhole_status keyhole_http_function(void *context,
                                                  const struct keyhole_http_request *request,
                                                  struct keyhole_http_answer *answer,
                                                  struct keyhole_error *error);

/* How a hole is filled; values can be added up. */
enum keyhole_way {
    KEYHOLE_WAY_FIDO2 = 1,   /* a security key signs */
    KEYHOLE_WAY_SSH = 2,     /* an SSH key signs */
    KEYHOLE_WAY_BROWSER = 4, /* a person opens a page; the library waits */
};

struct keyhole_bytes {
    const unsigned char *data;
    size_t size; /* in bytes */
};

/* What a discharger asks. It was checked: it is about this token, for this discharger's own site,
 * and vouches for what the hole demands. Everything lives as long as the call. */
struct keyhole_question {
    enum keyhole_way way;
    const char *discharger; /* its URL */
    const char *code;       /* to be compared with the page's; "": none */
    int64_t expires_at;     /* 0: it does not say */
    /* Of FIDO2 and SSH: what is vouched for, for people: lines, safe for terminals. The very text
     * that is signed, in words. "" for the browser, whose page shows it. */
    const char *shown;
    /* Of FIDO2 and SSH: what is signed, 32 bytes. */
    const unsigned char *challenge;

    /* Of SSH: an SSHSIG in this namespace over the challenge, by one of these keys. */
    const char *ssh_namespace;          /* "discharge@keyhole" */
    const char *const *ssh_fingerprint; /* "SHA256:..." */
    size_t ssh_fingerprint_count;

    /* Of FIDO2: an assertion (WebAuthn) over these client data by one of these credentials. */
    const char *rp_id;
    const char *client_data; /* JSON; its SHA-256 is the authenticator's clientDataHash */
    const struct keyhole_bytes *credential;
    size_t credential_count;
    bool verification; /* a PIN or fingerprint is demanded */

    const char *page_url; /* of the browser: what to open */
};
struct keyhole_answer;

/* To be called once, from a keyhole_answer_function: an armoured SSHSIG, which ends with a NUL; or
 * an assertion: the credential's id, the authenticator data and the signature, which are copied.
 * KEYHOLE_ERROR_USAGE, _TOO_LONG, _MEMORY. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status keyhole_answer_ssh(struct keyhole_answer *answer,
                                                                      const char *armour);
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_answer_fido2(struct keyhole_answer *answer, struct keyhole_bytes credential,
                     struct keyhole_bytes authenticator_data, struct keyhole_bytes signature);

/* Show the question to whoever is to answer: before anything is signed; of the browser, `page_url`
 * and `code`, before the library waits. KEYHOLE_OK to go on; KEYHOLE_ERROR_DENIED ends it all, with
 * a sentence in `error` (never NULL here). */
typedef enum keyhole_status keyhole_show_function(void *context,
                                                  const struct keyhole_question *question,
                                                  struct keyhole_error *error);
/* Answer it. KEYHOLE_OK after keyhole_answer_ssh() or keyhole_answer_fido2();
 * KEYHOLE_ERROR_NOT_FOUND when it cannot be done here, and another way is tried; all else ends it.
 */
typedef enum keyhole_status keyhole_answer_function(void *context,
                                                    const struct keyhole_question *question,
                                                    struct keyhole_answer *answer,
                                                    struct keyhole_error *error);

/* How keyhole_discharge() is to go about it. Start from KEYHOLE_DISCHARGE_SETTINGS_INIT. */
struct keyhole_discharge_settings {
    size_t size;   /* of this structure, in bytes */
    void *context; /* for the functions below */
    /* URLs of dischargers, as "https://discharge.example"; nothing is sent to any other, whatever a
     * token says. */
    const char *const *trusted;
    size_t trusted_count;
    keyhole_http_function *http; /* needed */
    keyhole_show_function *show; /* needed: a person must see what they vouch for */
    /* Each of these opens its way. NULL: not that way. */
    keyhole_answer_function *fido2, *ssh;
    bool browser;       /* by a page: the library polls, by `http` */
    int64_t timeout_ms; /* for all of it, in milliseconds; 0: five minutes */
    int64_t now;        /* KEYHOLE_NOW but for tests */
};
#define KEYHOLE_DISCHARGE_SETTINGS_INIT                                                            \
    {                                                                                              \
        sizeof(struct keyhole_discharge_settings), NULL, NULL, 0, NULL, NULL, NULL, NULL, false,   \
            0, KEYHOLE_NOW                                                                         \
    }

/*
 * Fill all open holes of a token, those of its discharges too, and those whose discharge has ended.
 * Blocks until it is done. Ways are tried in the order FIDO2, SSH, browser. A token without open
 * holes comes back as it is. Nothing is kept for another time. Free `*out` with
 * keyhole_token_free(); `token` is as it was.
 *
 * KEYHOLE_ERROR_PERMISSION for a hole at a place that is not trusted, _DENIED when somebody
 * refuses, _NOT_FOUND when no way is open, _PROTOCOL, _TIMEOUT, _IO, _USAGE, _MEMORY.
 */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_discharge(const struct keyhole_token *token,
                  const struct keyhole_discharge_settings *settings, struct keyhole_token **out,
                  struct keyhole_error *error);

/* Answer with an SSH key, by OpenSSH's own ssh-keygen, which is run and waited for: it knows
 * agents, passphrases and security keys, and talks to whoever is at the terminal. `file` names a
 * private or a public key; NULL: the agent's keys and those in ~/.ssh. To be called from one's own
 * keyhole_answer_function, in place of keyhole_answer_ssh(). KEYHOLE_ERROR_NOT_FOUND when no key is
 * one that is asked for, or OpenSSH is missing; _IO, _TIMEOUT, _USAGE, _MEMORY. */
KEYHOLE_API KEYHOLE_MUST_CHECK enum keyhole_status
keyhole_ssh_answer(const char *file, struct keyhole_answer *answer, struct keyhole_error *error);

#ifdef __cplusplus
}
#endif

#endif
