/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands that narrow tokens have in common on the command line.
 */
#ifndef KEYHOLE_CLIENT_ATTENUATE_OPTIONS_H
#define KEYHOLE_CLIENT_ATTENUATE_OPTIONS_H

#include "attenuate.h"
#include "cli.h"

/* Ids; a command's own are below. */
enum {
    ATTENUATE_OPTION_CAVEAT = 200,
    ATTENUATE_OPTION_HOST,
    ATTENUATE_OPTION_METHOD,
    ATTENUATE_OPTION_PATH,
    ATTENUATE_OPTION_FOR,
    ATTENUATE_OPTION_LABEL,
};

/* Rows of an option table. */
#define ATTENUATE_OPTIONS_CONDITIONS                                                               \
    {ATTENUATE_OPTION_CAVEAT, "caveat", "TEXT", true,                                              \
     "a condition, as 'query[limit] <= 100'; several must all hold"},                              \
        {ATTENUATE_OPTION_HOST, "host", "HOST", true,                                              \
         "this host; given several times, any of them"},                                           \
        {ATTENUATE_OPTION_METHOD, "method", "METHOD", true,                                        \
         "this method; given several times, any of them"},                                         \
    {                                                                                              \
        ATTENUATE_OPTION_PATH, "path", "PATH", true,                                               \
            "this path; * is a segment or part of one, ** any number of segments; given several "  \
            "times, any of them"                                                                   \
    }

/* What --caveat, --host, --method and --path say. */
KH_MUST_CHECK enum kh_err attenuate_options_conditions(struct attenuation *a,
                                                       const struct options *options,
                                                       struct fault *fault);
/* --for in seconds; `*seconds` is left alone when it is not given. KH_ERR_USAGE. */
KH_MUST_CHECK enum kh_err attenuate_options_lifetime(const struct options *options,
                                                     int64_t *seconds, struct fault *fault);

/* Say what is wrong with a caveat or hole, and where in it: a wrong command line, whatever it is.
 * `refused` is empty when it is something else. */
enum cli_exit attenuate_options_refuse(const struct cli *cli, struct bytes refused, bool is_caveat,
                                       const struct fault *fault);
/* What attenuation_warn finds. */
void attenuate_options_warn(const struct cli *cli, const struct attenuation *a,
                            const struct token *token);

#endif
