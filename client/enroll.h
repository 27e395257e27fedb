/* SPDX-License-Identifier: Apache-2.0
 *
 * Registering an authenticator with an invitation's code (docs/PROTOCOL.discharge.md, Enrolment).
 */
#ifndef KEYHOLE_CLIENT_ENROLL_H
#define KEYHOLE_CLIENT_ENROLL_H

#include "discharge.h"

enum enroll_kind { ENROLL_FIDO2 = 0, ENROLL_SSH };

struct enrolment {
    enum enroll_kind kind;
    const char *code; /* of the invitation */
    const char *name; /* of the authenticator; NULL: the discharger finds one */
    const char *url;  /* the discharger, trusted, canonical */
};

struct enroll_result {
    char user[65], name[65], kind[17], model[65], firmware[17]; /* not terminal-safe; may be "" */
    bool attested, yubikey;
};

/* KH_ERR_DENIED when a person or the discharger refuses, and what the key or the network gives. */
KH_MUST_CHECK enum kh_err enroll_run(const struct discharge_settings *settings,
                                     const struct enrolment *enrolment, struct enroll_result *out,
                                     struct fault *fault);

/* Sign an enrolment's question with the key of `settings->ssh_key`, or the only one there is.
 * KH_ERR_USAGE when there are several, or none that can be named. */
KH_MUST_CHECK enum kh_err enroll_sign_ssh(const struct discharge_settings *settings,
                                          const struct question *question, json_t **out,
                                          struct fault *fault);

#endif
