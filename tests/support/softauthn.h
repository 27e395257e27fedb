/* SPDX-License-Identifier: Apache-2.0
 *
 * A software authenticator for tests: CTAP 2.1 and U2F with OpenSSL, honest or lying.
 *
 * In process it takes one CTAP command and gives the answer (softauthn_ctap, softauthn_u2f), or
 * stands behind libfido2 (softauthn_fido.h), or makes what a browser would send
 * (softauthn_register, softauthn_assert). build/tests/bin/softauthn is the same as a process behind
 * a socket. It has an attestation root and leaf of its own, made when it begins to live.
 */
#ifndef KEYHOLE_TESTS_SOFTAUTHN_H
#define KEYHOLE_TESTS_SOFTAUTHN_H

#include "../../caveats/bytes.h"

struct softauthn;

enum {
    SOFTAUTHN_MESSAGE_MAX = 7609, /* the most that CTAPHID carries */
    SOFTAUTHN_ES256 = -7,
    SOFTAUTHN_EDDSA = -8,
    SOFTAUTHN_RS256 = -257,
};

/* CTAP status bytes, as far as a test may want to name them. */
enum softauthn_status {
    SOFTAUTHN_OK = 0x00,
    SOFTAUTHN_INVALID_COMMAND = 0x01,
    SOFTAUTHN_INVALID_PARAMETER = 0x02,
    SOFTAUTHN_INVALID_LENGTH = 0x03,
    SOFTAUTHN_INVALID_CBOR = 0x12,
    SOFTAUTHN_MISSING_PARAMETER = 0x14,
    SOFTAUTHN_CREDENTIAL_EXCLUDED = 0x19,
    SOFTAUTHN_UNSUPPORTED_ALGORITHM = 0x26,
    SOFTAUTHN_OPERATION_DENIED = 0x27,
    SOFTAUTHN_KEY_STORE_FULL = 0x28,
    SOFTAUTHN_INVALID_OPTION = 0x2c,
    SOFTAUTHN_KEEPALIVE_CANCEL = 0x2d,
    SOFTAUTHN_NO_CREDENTIALS = 0x2e,
    SOFTAUTHN_USER_ACTION_TIMEOUT = 0x2f,
    SOFTAUTHN_NOT_ALLOWED = 0x30,
    SOFTAUTHN_PIN_INVALID = 0x31,
    SOFTAUTHN_PIN_BLOCKED = 0x32,
    SOFTAUTHN_PIN_AUTH_INVALID = 0x33,
    SOFTAUTHN_PIN_AUTH_BLOCKED = 0x34,
    SOFTAUTHN_PIN_NOT_SET = 0x35,
    SOFTAUTHN_PIN_REQUIRED = 0x36,
    SOFTAUTHN_PIN_POLICY = 0x37,
    SOFTAUTHN_INVALID_SUBCOMMAND = 0x3e,
    SOFTAUTHN_OTHER = 0x7f,
};

enum softauthn_format {
    SOFTAUTHN_PACKED, /* with a certificate */
    SOFTAUTHN_SELF,   /* packed, signed by the credential itself */
    SOFTAUTHN_NONE,
    SOFTAUTHN_U2F, /* an old key: knows no CTAP 2 at all */
};

enum softauthn_lie {
    SOFTAUTHN_HONEST,
#define SOFTAUTHN_LIE(name, word, sentence) SOFTAUTHN_LIE_##name,
#include "softauthn_lies.def"
    SOFTAUTHN_LIE_COUNT
};

struct softauthn_options {
    enum softauthn_format format;
    enum softauthn_lie lie;
    int algorithm;     /* COSE; 0: the first that is asked for and known here */
    const char *pin;   /* set from the start; NULL: none */
    int pin_protocol;  /* 1 or 2; 0: both */
    const char *state; /* a file that outlives the authenticator; NULL: memory alone */
    uint32_t firmware; /* 0x050704: the certificate says 5.7.4 as Yubico's do; 0: says nothing */
    /* Whether the user touches: SOFTAUTHN_OK, _OPERATION_DENIED, _USER_ACTION_TIMEOUT or
     * _KEEPALIVE_CANCEL, after however long. `wait` is false for U2F, which is asked again and
     * again: anything but SOFTAUTHN_OK is "not yet". NULL: touches at once. */
    enum softauthn_status (*touch)(void *arg, bool wait);
    void *arg;
};

/* NULL when there is no memory, or the state file cannot be read or written. */
struct softauthn *softauthn_new(const struct softauthn_options *options);
void softauthn_free(struct softauthn **authenticator);
/* From now on. What a certificate says is decided at each registration, too. */
void softauthn_set_lie(struct softauthn *a, enum softauthn_lie lie);
void softauthn_set_counter(struct softauthn *a, uint32_t counter);

/* One command without its transport: command byte and CBOR, gives status byte and CBOR. */
void softauthn_ctap(struct softauthn *a, struct bytes command, struct buffer *answer);
/* One APDU; the answer ends with the status word. */
void softauthn_u2f(struct softauthn *a, struct bytes apdu, struct buffer *answer);
/* CTAPHID without its reports: INIT, CBOR, MSG, PING, WINK. False: no such command here. */
KH_MUST_CHECK bool softauthn_message(struct softauthn *a, uint8_t command, struct bytes in,
                                     struct buffer *out);

/* What a browser does between a page and an authenticator. Both give a CTAP status. */
struct softauthn_request {
    const char *rp_id;
    struct bytes client_data; /* JSON, hashed here */
    const char *pin;          /* verify the user; NULL: do not */
    struct bytes credential;  /* assertion: of this one; registration: but not on the same key */
};
struct softauthn_registration {
    struct buffer attestation; /* an attestation object */
    uint8_t id[64];
    size_t id_n;
};
struct softauthn_assertion {
    struct buffer authenticator_data, signature;
    uint8_t id[64];
    size_t id_n;
};
enum softauthn_status softauthn_register(struct softauthn *a, const struct softauthn_request *r,
                                         struct softauthn_registration *out);
enum softauthn_status softauthn_assert(struct softauthn *a, const struct softauthn_request *r,
                                       struct softauthn_assertion *out);
void softauthn_registration_free(struct softauthn_registration *r);
void softauthn_assertion_free(struct softauthn_assertion *a);

const uint8_t *softauthn_aaguid(void);                                                /* 16 bytes */
struct bytes softauthn_root(const struct softauthn *a);                               /* DER */
KH_MUST_CHECK bool softauthn_write_root(const struct softauthn *a, const char *path); /* PEM */
/* Words of the options: "packed", "noup", "es256". False: unknown. */
KH_MUST_CHECK bool softauthn_format_parse(const char *word, enum softauthn_format *out);
KH_MUST_CHECK bool softauthn_lie_parse(const char *word, enum softauthn_lie *out); /* "honest" */
KH_MUST_CHECK bool softauthn_algorithm_parse(const char *word, int *out);
const char *softauthn_lie_word(enum softauthn_lie lie);
const char *softauthn_lie_sentence(enum softauthn_lie lie);

#endif
