/* SPDX-License-Identifier: Apache-2.0
 *
 * What keyhole run and keyhole env have in common: their options, and what these come to.
 */
#ifndef KEYHOLE_CLIENT_RUN_SETUP_H
#define KEYHOLE_CLIENT_RUN_SETUP_H

#include "attenuate_options.h"
#include "environment.h"
#include "local_broker.h"
#include "run_tokens.h"

/* Ids; a command's own are below. */
enum {
    RUN_OPTION_TOKEN = 300,
    RUN_OPTION_CREDENTIAL,
    RUN_OPTION_BROKER,
    RUN_OPTION_CACERT,
    RUN_OPTION_DIR,
    RUN_OPTION_CLEAR_KEYS,
    RUN_OPTION_QUIET,
};

/* Rows of an option table. */
#define RUN_OPTIONS                                                                                \
    {RUN_OPTION_TOKEN, "token", "TOKEN|-|@FILE|fd:N", true,                                        \
     "a token, else KEYHOLE_TOKEN; - is standard input. What stands on a command line is seen by " \
     "whoever may list processes"},                                                                \
        {RUN_OPTION_CREDENTIAL, "credential", "NAME", true,                                        \
         "only this one of the token's credentials; several times for several. Without a token, "  \
         "one is minted by the broker of this machine, if it is yours"},                           \
        ATTENUATE_OPTIONS_CONDITIONS,                                                              \
        {ATTENUATE_OPTION_FOR, "for", "TIME", false,                                               \
         "the tokens live for so long: 10m, 8h, 7d; else for 12h, or as long as the token given"}, \
        {ATTENUATE_OPTION_LABEL, "label", "NAME", false,                                           \
         "a name in the audit log, beside the one that the run gets of itself"},                   \
        {RUN_OPTION_BROKER, "broker", "URL|PATH", false,                                           \
         "the broker's URL or unix socket; else KEYHOLE_BROKER, else the one of this machine"},    \
        {RUN_OPTION_CACERT, "cacert", "FILE", false,                                               \
         "trust the certificates in FILE (PEM) for the broker and no others; else KEYHOLE_CA, "    \
         "else the system's"},                                                                     \
        {RUN_OPTION_DIR, "dir", "DIR", false,                                                      \
         "the state directory of the broker of this machine; else as keyholed's"},                 \
        {RUN_OPTION_CLEAR_KEYS, "clear-keys", NULL, false,                                         \
         "unset well-known variables with keys of other services in them"},                        \
    {                                                                                              \
        RUN_OPTION_QUIET, "quiet", NULL, false, "say nothing but what went wrong"                  \
    }

struct run_setup {
    const struct cli *cli;
    const struct options *options; /* borrowed, must live as long */
    struct broker_address broker;
    const char *ca_file; /* NULL: the system's roots */
    struct run_tokens tokens;
    struct environment environment[RUN_TOKENS_MAX]; /* one for each token */
    char label[RUN_LABEL_MAX];                      /* of the run */
};

/* Read the options, find broker and tokens, narrow them for `program` (a path; for the label), and
 * ask the broker what they need. `unix_socket`: one will do as the broker. Says what is wrong;
 * CLI_DONE when there is nothing. Free with run_setup_free, in any case. */
enum cli_exit run_setup_read(struct run_setup *setup, const struct cli *cli,
                             const struct options *options, const char *program, bool unix_socket);
void run_setup_free(struct run_setup *setup);

/* The first end of the tokens; INT64_MAX: none. */
int64_t run_setup_end(const struct run_setup *setup);

/* To stderr, unless --quiet. */
void run_setup_say(const struct run_setup *setup, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void run_setup_say_notes(const struct run_setup *setup, const struct buffer *notes);

#endif
