/* SPDX-License-Identifier: Apache-2.0
 *
 * One credential: an upstream secret with the hosts it may go to, where clients put their key, and
 * how the real one is put on a request.
 *
 * What the operator gives and what the database holds are the same texts (struct store_credential);
 * both go through credential_build, which checks each and writes it in its one canonical form.
 */
#ifndef KEYHOLE_CREDENTIAL_H
#define KEYHOLE_CREDENTIAL_H

#include "../messages.h"
#include "../store/store.h"
#include "key_health.h"
#include "preset.h"
#include "seal.h"

#define CREDENTIAL_SECRET_MARK "{secret}"

enum {
    CREDENTIAL_NAME_MAX = 64,
    CREDENTIAL_SECRET_MAX =
        16384, /* of all kinds; those that go into a header: inject_internal.h */
    CREDENTIAL_FIELD_MAX = 256,
    CREDENTIAL_CA_MAX = 65536,
};

struct credential {
    struct store_credential row;  /* canonical texts; `sealed` is empty */
    struct route route;           /* the same as the proxies see it */
    const struct preset *preset;  /* NULL without one */
    struct bytes inject_template; /* of the kinds that have one */
    struct secret *secret;
    struct secret *previous;      /* grace.h */
    int64_t previous_until;       /* 0: none is kept */
    struct access *access;        /* what the secret was exchanged for (access.h) */
    struct key_health health;     /* what the upstream says of the key */
    struct key_health tokens;     /* answers that are OAuth tokens, and were refused */
    struct credential_text *text; /* owns what the slices point into */
};

/* Letters, digits, '.', '_', '-'; begins with a letter or digit; 1 to CREDENTIAL_NAME_MAX. */
KH_MUST_CHECK bool credential_name_check(struct bytes name);

/* Check and build, without the secret. `complete`: fill in what is left out, from the preset or by
 * convention; a row of the database is complete. The fault names the member that is wrong. */
KH_MUST_CHECK enum kh_err credential_build(const struct store_credential *given, bool complete,
                                           struct credential **out, struct fault *fault);
void credential_free(struct credential **credential);

/* Whether this text can be put on a request of this credential. */
KH_MUST_CHECK enum kh_err credential_check_secret(const struct credential *credential,
                                                  struct bytes secret, struct fault *fault);

/* The wall: whether a request may go there, and whether its token was in one of the slots. */
bool credential_allows_host(const struct credential *credential, struct bytes scheme,
                            struct bytes host, uint16_t port);
bool credential_allows_slot(const struct credential *credential, const struct slot *slot);

/* ---- for credential*.c alone ---- */

/* A copy that lives as long as the credential. KH_ERR_MEMORY. */
KH_MUST_CHECK enum kh_err credential_keep(struct credential *credential, struct bytes text,
                                          struct bytes *out);
KH_MUST_CHECK enum kh_err credential_add_slot(struct credential *credential, struct bytes text,
                                              struct fault *fault);
KH_MUST_CHECK enum kh_err credential_set_inject(struct credential *credential, struct bytes text,
                                                struct fault *fault);
/* That what a slot is a part of is whole again by the injection. */
KH_MUST_CHECK enum kh_err credential_check_slots(const struct credential *credential,
                                                 struct fault *fault);
/* Options and whatever else the injection demands of the whole credential. */
KH_MUST_CHECK enum kh_err credential_check_inject(const struct credential *credential,
                                                  struct fault *fault);
KH_MUST_CHECK enum kh_err credential_add_resolve(struct credential *credential, struct bytes text,
                                                 struct fault *fault);
KH_MUST_CHECK enum kh_err credential_add_network(struct credential *credential, struct bytes text,
                                                 struct fault *fault);
KH_MUST_CHECK enum kh_err credential_set_upstream_ca(struct credential *credential,
                                                     struct bytes pem, struct fault *fault);
/* Append to a list of the row. */
KH_MUST_CHECK enum kh_err credential_list_add(struct credential *credential, enum store_list list,
                                              struct bytes text, struct fault *fault);
/* The name of a header (in lower case) or parameter that may carry a key, appended. */
KH_MUST_CHECK enum kh_err credential_field_name(struct bytes text, struct buffer *out,
                                                struct fault *fault);
KH_MUST_CHECK enum kh_err credential_parameter_name(struct bytes text, struct buffer *out,
                                                    struct fault *fault);
KH_MUST_CHECK enum kh_err credential_cookie_name(struct bytes text, struct buffer *out,
                                                 struct fault *fault);
/* A form's field, or a JSON pointer. */
KH_MUST_CHECK enum kh_err credential_body_field(struct bytes text, struct buffer *out,
                                                struct fault *fault);
/* A slot for an injection that was given without one, and the other way round; "" when unclear. */
void credential_slot_for_inject(struct bytes inject, struct buffer *out);
void credential_inject_for_slot(struct bytes slot, struct buffer *out);

#endif
