/* SPDX-License-Identifier: Apache-2.0
 *
 * WebAuthn Level 2, the relying party's side: registrations and assertions, judged without any I/O.
 *
 * Every check is made in the order of schema/discharge.def and has a code of its own. libfido2 does
 * the signatures; what it leaves out (chain, leaf certificate, presence unless told, bytes that
 * follow, client data) is done here. A verdict that is zero vouches for nothing.
 */
#ifndef KEYHOLE_WEBAUTHN_H
#define KEYHOLE_WEBAUTHN_H

#include "../config.h"
#include "../failure.h"

enum {
    WEBAUTHN_CREDENTIAL_ID_MAX = 1023,
    WEBAUTHN_PUBLIC_KEY_MAX = 1024, /* COSE */
    WEBAUTHN_AAGUID_SIZE = 16,
    WEBAUTHN_INPUT_MAX = 65536, /* of any one member, decoded */
};

/* The attestation roots of a directory, and intermediates that are not trusted by themselves. */
struct webauthn_trust;

struct webauthn_trust_certificate {
    char file[256];    /* its name in the directory */
    char subject[256]; /* terminal-safe */
    uint8_t sha256[32];
    bool root;   /* self-signed: trusted. Else an intermediate that may complete a chain */
    bool yubico; /* one of Yubico's published roots, by fingerprint */
    int64_t expires_at;
};
/* Every *.pem of the directory; one that cannot be read is an error. A missing directory has no
 * roots. */
KH_MUST_CHECK enum kh_err webauthn_trust_read(const char *directory, struct webauthn_trust **out,
                                              struct fault *fault);
void webauthn_trust_free(struct webauthn_trust **trust);
size_t webauthn_trust_count(const struct webauthn_trust *trust);
const struct webauthn_trust_certificate *webauthn_trust_at(const struct webauthn_trust *trust,
                                                           size_t index);
/* Copy every certificate of a PEM file into the directory, each into a file named by its
 * fingerprint; what is there already stays. `added` gets at most `cap` of them. */
KH_MUST_CHECK enum kh_err webauthn_trust_add(const char *directory, struct bytes pem,
                                             struct webauthn_trust_certificate *added, size_t cap,
                                             size_t *count, struct fault *fault);

/* What is expected, whoever answers. */
struct webauthn_expectation {
    struct bytes rp_id;
    struct bytes origin;    /* exact: scheme, host, port unless it is the default */
    struct bytes challenge; /* raw */
    bool verification;      /* a PIN or fingerprint is demanded */
};

struct webauthn_rules {
    const struct webauthn_trust *trust; /* may be NULL: no roots */
    enum attestation_demand attestation;
    const uint8_t (*aaguid)[WEBAUTHN_AAGUID_SIZE]; /* models; none: any */
    size_t aaguid_count;
    uint32_t firmware; /* the oldest, as in struct discharger_settings; 0: any */
    int64_t now;       /* for the validity of certificates */
};

/* One step of a verdict, for a person: what was looked at, and what was found. */
enum { WEBAUTHN_STEPS_MAX = 32 };
struct webauthn_step {
    enum failure check; /* that it would have failed with */
    bool passed;
    char found[200]; /* terminal-safe */
};
struct webauthn_verdict {
    enum failure failure; /* FAILURE_NONE: accepted */
    char detail[240];     /* of a failure */
    struct webauthn_step step[WEBAUTHN_STEPS_MAX];
    size_t step_count;
};

struct webauthn_credential {
    uint8_t id[WEBAUTHN_CREDENTIAL_ID_MAX];
    size_t id_n;
    uint8_t public_key[WEBAUTHN_PUBLIC_KEY_MAX]; /* COSE, as the authenticator wrote it */
    size_t public_key_n;
    int algorithm; /* COSE */
    uint8_t aaguid[WEBAUTHN_AAGUID_SIZE];
    uint32_t counter;
    bool u2f;          /* fido-u2f: signs no flags and no counter of a registration */
    bool verified;     /* UV at registration */
    bool attested;     /* the chain leads to a root of the directory */
    bool yubikey;      /* to one of Yubico's published ones */
    uint32_t firmware; /* as above; 0: not known */
    char format[16];   /* "packed", "fido-u2f", "none" */
};

/* Checks 2 to 8, without "credential-exists", which is for whoever has the database; the challenge
 * was found and deleted before. `verdict` is filled in any case; the result is its failure. */
KH_MUST_CHECK enum failure webauthn_register(const struct webauthn_expectation *expectation,
                                             const struct webauthn_rules *rules,
                                             struct bytes client_data, struct bytes attestation,
                                             struct webauthn_credential *out,
                                             struct webauthn_verdict *verdict);

struct webauthn_assertion {
    uint32_t counter;
    bool verified;
    bool cloned; /* FAILURE_AUTHENTICATOR_CLONED: the signature was good, the counter was not */
};
/* The owner was compared already; `credential` is as it was stored. */
KH_MUST_CHECK enum failure webauthn_assert(const struct webauthn_expectation *expectation,
                                           const struct webauthn_credential *credential,
                                           struct bytes client_data,
                                           struct bytes authenticator_data, struct bytes signature,
                                           struct webauthn_assertion *out,
                                           struct webauthn_verdict *verdict);

/* A RegistrationResponseJSON (WebAuthn Level 3), as browsers' toJSON() writes it. */
struct webauthn_registration_json {
    struct buffer id, client_data, attestation; /* decoded; owned */
};
KH_MUST_CHECK enum failure webauthn_registration_read(struct bytes json,
                                                      struct webauthn_registration_json *out,
                                                      struct fault *fault);
void webauthn_registration_free(struct webauthn_registration_json *json);
/* An AuthenticationResponseJSON. */
struct webauthn_assertion_json {
    struct buffer id, client_data, authenticator_data, signature;
};
KH_MUST_CHECK enum failure webauthn_assertion_read(struct bytes json,
                                                   struct webauthn_assertion_json *out,
                                                   struct fault *fault);
void webauthn_assertion_free(struct webauthn_assertion_json *json);

/* "cb69481e-8ff7-4039-93ec-0a2729a154a8" */
enum { AAGUID_TEXT_SIZE = 37 };
void webauthn_aaguid_print(const uint8_t aaguid[WEBAUTHN_AAGUID_SIZE], char out[AAGUID_TEXT_SIZE]);
/* "5.7.4" */
void webauthn_firmware_print(uint32_t firmware, char out[16]);

#endif
