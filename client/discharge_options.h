/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands that fill holes have in common on the command line.
 */
#ifndef KEYHOLE_CLIENT_DISCHARGE_OPTIONS_H
#define KEYHOLE_CLIENT_DISCHARGE_OPTIONS_H

#include "discharge.h"

/* Ids; a command's own are below. */
enum {
    DISCHARGE_OPTION_DISCHARGER = 100,
    DISCHARGE_OPTION_BROKER,
    DISCHARGE_OPTION_CACERT,
    DISCHARGE_OPTION_WITH,
    DISCHARGE_OPTION_DEVICE,
    DISCHARGE_OPTION_PIN_FD,
    DISCHARGE_OPTION_SSH_KEY,
    DISCHARGE_OPTION_NO_OPEN,
    DISCHARGE_OPTION_NO_REUSE,
    DISCHARGE_OPTION_TIMEOUT,
};

/* Rows of an option table: whom to trust and how to reach them, */
#define DISCHARGE_OPTIONS_TRUST                                                                    \
    {DISCHARGE_OPTION_DISCHARGER, "discharger", "URL[#KEY]", true,                                 \
     "a discharger to trust, beside those of KEYHOLE_DISCHARGER, of keyhole trust, and of the "    \
     "broker"},                                                                                    \
        {DISCHARGE_OPTION_BROKER, "broker", "URL|PATH", false,                                     \
         "the broker's URL or unix socket; else KEYHOLE_BROKER"},                                  \
    {                                                                                              \
        DISCHARGE_OPTION_CACERT, "cacert", "FILE", false,                                          \
            "trust the certificates in FILE (PEM) and no others; else KEYHOLE_CA, else the "       \
            "system's"                                                                             \
    }
/* a security key, */
#define DISCHARGE_OPTIONS_FIDO                                                                     \
    {DISCHARGE_OPTION_DEVICE, "device", "PATH", false,                                             \
     "the security key at PATH, such as /dev/hidraw3; else whichever is plugged in"},              \
        {DISCHARGE_OPTION_PIN_FD, "pin-fd", "N", false,                                            \
         "read the security key's PIN from descriptor N; else it is asked for at the terminal"},   \
    {                                                                                              \
        DISCHARGE_OPTION_TIMEOUT, "timeout", "TIME", false,                                        \
            "give up after so long: 30s, 5m (the default)"                                         \
    }
/* and how holes are filled. */
#define DISCHARGE_OPTIONS_WAY                                                                      \
    {DISCHARGE_OPTION_WITH, "with", "fido2|ssh|browser", false,                                    \
     "in this way; else the first that is possible here and that the hole takes"},                 \
        {DISCHARGE_OPTION_SSH_KEY, "ssh-key", "FILE", false,                                       \
         "the SSH key in FILE; else one of ssh-agent or ~/.ssh that is enrolled"},                 \
        {DISCHARGE_OPTION_NO_OPEN, "no-open", NULL, false,                                         \
         "show the link for the browser, and do not open it"},                                     \
    {                                                                                              \
        DISCHARGE_OPTION_NO_REUSE, "no-reuse", NULL, false,                                        \
            "ask even if there is a discharge of an earlier time, and keep none"                   \
    }

/* What the options and the environment say, and what has to live as long. */
struct discharge_setup {
    struct discharge_settings settings;
    struct dischargers trusted;
    struct broker_address broker;
};

/* KH_ERR_USAGE and what the files that are read may give. Free with discharge_setup_free. */
KH_MUST_CHECK enum kh_err discharge_setup_read(const struct cli *cli, const struct options *options,
                                               struct discharge_setup *out, struct fault *fault);
void discharge_setup_free(struct discharge_setup *setup);

/* The token on standard output, or with `json` an object that says how its holes were filled. */
enum cli_exit discharge_print(const struct cli *cli, const struct token *token,
                              const struct discharge_report *report, bool json);

#endif
