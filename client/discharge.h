/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling holes: for every open hole of a token a discharge is found or asked for, checked, and put
 * behind it (docs/PROTOCOL.discharge.md).
 *
 * Nothing is sent to a location that the client was not told to trust, nothing is touched or signed
 * before the question was checked and shown, and no discharge is taken that is not bound to this
 * very token.
 */
#ifndef KEYHOLE_CLIENT_DISCHARGE_H
#define KEYHOLE_CLIENT_DISCHARGE_H

#include "../caveats/hole.h"
#include "../caveats/token.h"
#include "dischargers.h"
#include "fido_keys.h"
#include "question.h"

enum { DISCHARGE_TEXT_MAX = 32768, DISCHARGE_MAX = TOKEN_TEXT_MAX };

enum discharge_way {
    DISCHARGE_ANY = 0, /* whichever is possible here, and the hole takes */
    DISCHARGE_FIDO2,
    DISCHARGE_SSH,
    DISCHARGE_BROWSER,
    DISCHARGE_KEPT, /* of an earlier time; not for settings */
};
const char *discharge_way_name(enum discharge_way way); /* "fido2", as in --with and the protocol */
const char *discharge_way_words(enum discharge_way way); /* "a security key" */
KH_MUST_CHECK bool discharge_way_parse(struct bytes text, enum discharge_way *out);

struct discharge_settings;

/* What reaches outside, and whoever is asked: the program's own (discharge_terminal), or a caller's
 * of the library. */
struct discharge_means {
    void (*say)(const struct discharge_settings *settings, const char *sentence);
    /* As http_call. */
    enum kh_err (*call)(const struct discharge_settings *settings,
                        const struct http_request *request, struct http_answer *out,
                        struct fault *fault);
    /* Add what the broker announces to `trusted`; NULL: there is no broker. */
    enum kh_err (*ask_broker)(const struct discharge_settings *settings, struct fault *fault);
    bool (*at_hand)(const struct discharge_settings *settings, enum discharge_way way);
    /* Show what is to be signed, or the page and its code; what fails ends it. */
    enum kh_err (*show)(const struct discharge_settings *settings, const struct question *question,
                        struct fault *fault);
    /* Answers to a question, as JSON for its answer_url. KH_ERR_NOT_FOUND: not possible here. */
    enum kh_err (*sign_fido2)(const struct discharge_settings *settings,
                              const struct question *question, json_t **out, struct fault *fault);
    enum kh_err (*sign_ssh)(const struct discharge_settings *settings,
                            const struct question *question, json_t **out, struct fault *fault);
    void (*waiting)(const struct discharge_settings *settings,
                    bool more); /* for the page; may be NULL */
};
/* A person at a terminal, libcurl, libfido2, OpenSSH. */
extern const struct discharge_means discharge_terminal;

/* How it is to be done, all borrowed. */
struct discharge_settings {
    const struct discharge_means *means;
    int64_t now;              /* seconds since 1970 */
    struct fido_context fido; /* who talks, which key, until when */
    struct dischargers *trusted;
    const struct broker_address *broker; /* whose dischargers are trusted too; NULL: none */
    bool broker_asked;                   /* false to begin with */
    const char *ca_file;
    const char *ssh_key; /* a file; NULL: the agent's keys and the default files */
    enum discharge_way way;
    bool no_open, no_reuse;
};

/* What became of one hole. */
struct discharge_filled {
    char location[TOKEN_LOCATION_MAX + 1];
    char demand[HOLE_TEXT_MAX + 1]; /* "" when the token does not say */
    enum discharge_way way;
    int64_t expires_at; /* INT64_MAX: never */
};
struct discharge_report {
    struct discharge_filled hole[TOKEN_DISCHARGES_MAX];
    size_t count;
};

/*
 * Fill all open holes, those of the discharges too, and those whose discharge has expired. On KH_OK
 * `*token` is replaced; nothing to fill is no error. KH_ERR_DENIED when a person or a discharger
 * refuses; KH_ERR_PERMISSION for a location that is not trusted; KH_ERR_PROTOCOL, KH_ERR_TIMEOUT,
 * KH_ERR_IO, …
 */
KH_MUST_CHECK enum kh_err discharge_fill(struct discharge_settings *settings, struct token **token,
                                         struct discharge_report *report, struct fault *fault);

/* The trusted discharger at that place; the broker is asked when nobody else knows it.
 * KH_ERR_PERMISSION with how to trust it. */
KH_MUST_CHECK enum kh_err discharge_find_trusted(struct discharge_settings *settings,
                                                 struct bytes location,
                                                 const struct discharger **out,
                                                 struct fault *fault);

/* ---- between the files of this ---- */

/* An open hole. Slices point into the token. */
struct discharge_hole {
    struct bytes ticket, location;
    uint8_t lineage[LINEAGE_ID_SIZE]; /* of the token as it is */
    char parent[2 * LINEAGE_ID_SIZE + 1];
    struct buffer condition; /* canonical; empty when the token does not say */
    struct hole_demand demand;
};

/* One question and its answer: the discharge (V2 binary) is appended. `*unsuitable` is set when
 * another way may do: the discharger said so (KH_ERR_DENIED), or it is not possible here
 * (KH_ERR_NOT_FOUND). */
KH_MUST_CHECK enum kh_err discharge_ask(const struct discharge_settings *settings,
                                        const struct discharge_hole *hole, const char *url,
                                        enum discharge_way way, struct buffer *out,
                                        bool *unsuitable, struct fault *fault);

/* Whether that way makes sense for the hole, and whether its means are at hand. */
bool discharge_way_is_possible(const struct discharge_settings *settings,
                               const struct discharge_hole *hole, enum discharge_way way);

/* Say it by the means of these settings. */
void discharge_say(const struct discharge_settings *settings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* By the agent or a key file: means->sign_ssh as the program and the library have it. */
KH_MUST_CHECK enum kh_err discharge_sign_ssh(const struct discharge_settings *settings,
                                             const struct question *question, json_t **out,
                                             struct fault *fault);
/* Show the link and wait until a person has answered; the final answer. */
KH_MUST_CHECK enum kh_err discharge_await_browser(const struct discharge_settings *settings,
                                                  const struct question *question,
                                                  struct http_answer *out, struct fault *fault);

/* Show a question to the person at the terminal: `why` heads it. */
void discharge_show(const struct cli *cli, const struct question *question, const char *why);
/* What is left of the time, at most `most` milliseconds; at least 1. */
long discharge_time_left(const struct discharge_settings *settings, long most);

#endif
