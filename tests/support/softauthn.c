/* SPDX-License-Identifier: Apache-2.0 */
/* The software authenticator: its life, its words, and which command goes where. */

#include "softauthn.h"

#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "softauthn_internal.h"

enum {
    MAKE_CREDENTIAL = 0x01,
    GET_ASSERTION = 0x02,
    GET_INFO = 0x04,
    CLIENT_PIN = 0x06,
    RESET = 0x07,
    NEXT_ASSERTION = 0x08,
    SELECTION = 0x0b,

    HID_PING = 0x01,
    HID_MSG = 0x03,
    HID_INIT = 0x06,
    HID_WINK = 0x08,
    HID_CBOR = 0x10,

    CAPABILITY_WINK = 0x01,
    CAPABILITY_CBOR = 0x04,
};

static const struct {
    const char *word, *sentence;
} lie_table[SOFTAUTHN_LIE_COUNT] = {
    [SOFTAUTHN_HONEST] = {"honest", "tells the truth"},
#define SOFTAUTHN_LIE(name, word, sentence) [SOFTAUTHN_LIE_##name] = {word, sentence},
#include "softauthn_lies.def"
};

static const char *const format_words[] = {
    [SOFTAUTHN_PACKED] = "packed",
    [SOFTAUTHN_SELF] = "self",
    [SOFTAUTHN_NONE] = "none",
    [SOFTAUTHN_U2F] = "u2f",
};

static const struct {
    const char *word;
    int algorithm;
} algorithm_words[] = {
    {"es256", SOFTAUTHN_ES256}, {"eddsa", SOFTAUTHN_EDDSA}, {"rs256", SOFTAUTHN_RS256}};

bool
softauthn_lie_parse(const char *word, enum softauthn_lie *out)
{
    for (int i = 0; i < SOFTAUTHN_LIE_COUNT; i++)
        if (strcmp(word, lie_table[i].word) == 0) {
            *out = (enum softauthn_lie)i;
            return true;
        }
    return false;
}

bool
softauthn_format_parse(const char *word, enum softauthn_format *out)
{
    for (size_t i = 0; i < sizeof(format_words) / sizeof(*format_words); i++)
        if (strcmp(word, format_words[i]) == 0) {
            *out = (enum softauthn_format)i;
            return true;
        }
    return false;
}

bool
softauthn_algorithm_parse(const char *word, int *out)
{
    for (size_t i = 0; i < sizeof(algorithm_words) / sizeof(*algorithm_words); i++)
        if (strcmp(word, algorithm_words[i].word) == 0) {
            *out = algorithm_words[i].algorithm;
            return true;
        }
    return false;
}

const char *
softauthn_lie_word(enum softauthn_lie lie)
{
    return lie_table[lie].word;
}

const char *
softauthn_lie_sentence(enum softauthn_lie lie)
{
    return lie_table[lie].sentence;
}

const uint8_t *
softauthn_aaguid(void)
{
    static const uint8_t aaguid[16] = {0xc7, 0x2e, 0x91, 0x4b, 0x58, 0xd0, 0x4f, 0x3a,
                                       0x9e, 0x66, 0x6b, 0x65, 0x79, 0x68, 0x6f, 0x6c};
    return aaguid;
}

bool
softauthn_lies(const struct softauthn *a, enum softauthn_lie lie)
{
    return a->options.lie == lie;
}

enum softauthn_status
softauthn_touched(struct softauthn *a, bool wait)
{
    return a->options.touch ? a->options.touch(a->options.arg, wait) : SOFTAUTHN_OK;
}

struct softauthn *
softauthn_new(const struct softauthn_options *options)
{
    struct softauthn *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return NULL;
    a->options = *options;
    a->agreement = EVP_EC_gen("P-256");
    if (options->state)
        a->state_path = strdup(options->state);
    softauthn_pin_new_token(a);
    if (a->agreement == NULL || (options->state && a->state_path == NULL) ||
        !softauthn_state_load(a) ||
        (options->pin && !softauthn_pin_set(a, bytes_str(options->pin))))
        softauthn_free(&a);
    return a;
}

void
softauthn_free(struct softauthn **authenticator)
{
    struct softauthn *a = *authenticator;
    *authenticator = NULL;
    if (a == NULL)
        return;
    EVP_PKEY_free(a->agreement);
    free(a->state_path);
    wipe(a, sizeof(*a));
    free(a);
}

void
softauthn_set_lie(struct softauthn *a, enum softauthn_lie lie)
{
    a->options.lie = lie;
}

void
softauthn_set_counter(struct softauthn *a, uint32_t counter)
{
    a->state.counter = counter;
}

static void
write_versions(const struct softauthn *a, struct buffer *out)
{
    ctap_write_int(out, 1); // versions
    ctap_write_array(out, 3);
    ctap_write_text(out, "U2F_V2");
    ctap_write_text(out, "FIDO_2_0");
    ctap_write_text(out, "FIDO_2_1");
    ctap_write_int(out, 2); // extensions
    ctap_write_array(out, 1);
    ctap_write_text(out, "credProtect");
    ctap_write_int(out, 3);
    ctap_write_bytes(out, bytes_of(softauthn_aaguid(), 16));
    ctap_write_int(out, 4); // options
    ctap_write_map(out, 4);
    ctap_write_text(out, "rk");
    ctap_write_bool(out, true);
    ctap_write_text(out, "up");
    ctap_write_bool(out, true);
    ctap_write_text(out, "clientPin");
    ctap_write_bool(out, a->state.pin_set);
    ctap_write_text(out, "pinUvAuthToken");
    ctap_write_bool(out, true);
}

static void
write_algorithms(const struct softauthn *a, struct buffer *out)
{
    size_t n = sizeof(algorithm_words) / sizeof(*algorithm_words);
    ctap_write_int(out, 10); // algorithms
    ctap_write_array(out, a->options.algorithm ? 1 : n);
    for (size_t i = 0; i < n; i++) {
        if (a->options.algorithm && a->options.algorithm != algorithm_words[i].algorithm)
            continue;
        ctap_write_map(out, 2);
        ctap_write_text(out, "alg");
        ctap_write_int(out, algorithm_words[i].algorithm);
        ctap_write_text(out, "type");
        ctap_write_text(out, "public-key");
    }
}

static enum softauthn_status
get_info(struct softauthn *a, struct buffer *out)
{
    ctap_write_map(out, 8);
    write_versions(a, out);
    ctap_write_int(out, 5); // maxMsgSize
    ctap_write_int(out, 1200);
    ctap_write_int(out, 6); // pinUvAuthProtocols, the best first
    ctap_write_array(out, a->options.pin_protocol ? 1 : 2);
    ctap_write_int(out, a->options.pin_protocol ? a->options.pin_protocol : 2);
    if (a->options.pin_protocol == 0)
        ctap_write_int(out, 1);
    ctap_write_int(out, 9); // transports
    ctap_write_array(out, 1);
    ctap_write_text(out, "usb");
    write_algorithms(a, out);
    return SOFTAUTHN_OK;
}

static enum softauthn_status
reset(struct softauthn *a)
{
    enum softauthn_status status = softauthn_touched(a, true);
    if (status != SOFTAUTHN_OK)
        return status;
    memset(a->state.credential, 0, sizeof(a->state.credential));
    a->state.pin_set = false;
    a->state.pin_retries = SOFTAUTHN_PIN_RETRIES;
    a->pin_mismatches = 0;
    a->answers.count = 0;
    softauthn_pin_new_token(a);
    return softauthn_state_save(a) ? SOFTAUTHN_OK : SOFTAUTHN_OTHER;
}

static enum softauthn_status
obey(struct softauthn *a, struct bytes command, struct buffer *out)
{
    if (command.n == 0)
        return SOFTAUTHN_INVALID_LENGTH;
    struct ctap_reader in = {.rest = bytes_from(command, 1)};
    switch (command.p[0]) {
    case MAKE_CREDENTIAL:
        return softauthn_make_credential(a, &in, out);
    case GET_ASSERTION:
        return softauthn_get_assertion(a, &in, out);
    case NEXT_ASSERTION:
        return softauthn_next_assertion(a, out);
    case GET_INFO:
        return get_info(a, out);
    case CLIENT_PIN:
        return softauthn_client_pin(a, &in, out);
    case RESET:
        return reset(a);
    case SELECTION:
        return softauthn_touched(a, true);
    default:
        return SOFTAUTHN_INVALID_COMMAND;
    }
}

void
softauthn_ctap(struct softauthn *a, struct bytes command, struct buffer *answer)
{
    size_t start = answer->n;
    buffer_put_byte(answer, SOFTAUTHN_OK);
    enum softauthn_status status =
        a->options.format == SOFTAUTHN_U2F ? SOFTAUTHN_INVALID_COMMAND : obey(a, command, answer);
    if (status == SOFTAUTHN_OK && !answer->failed)
        return;
    answer->n = start;
    answer->failed = false;
    buffer_put_byte(answer, status == SOFTAUTHN_OK ? SOFTAUTHN_OTHER : (uint8_t)status);
}

/* CTAPHID_INIT, 11.2.9.1.3; the transport puts the channel in. */
static bool
answer_init(const struct softauthn *a, struct bytes nonce, struct buffer *out)
{
    if (nonce.n != 8)
        return false;
    const uint8_t capabilities =
        CAPABILITY_WINK | (a->options.format == SOFTAUTHN_U2F ? 0 : CAPABILITY_CBOR);
    const uint8_t rest[] = {0, 0, 0, 1, /* channel */ 2, /* protocol */ 1, 0, 0, capabilities};
    buffer_put(out, nonce);
    buffer_put(out, bytes_of(rest, sizeof(rest)));
    return true;
}

bool
softauthn_message(struct softauthn *a, uint8_t command, struct bytes in, struct buffer *out)
{
    switch (command) {
    case HID_PING:
        buffer_put(out, in);
        return true;
    case HID_WINK:
        return in.n == 0;
    case HID_INIT:
        return answer_init(a, in, out);
    case HID_MSG:
        softauthn_u2f(a, in, out);
        return true;
    case HID_CBOR:
        if (a->options.format == SOFTAUTHN_U2F)
            return false;
        softauthn_ctap(a, in, out);
        return true;
    default:
        return false;
    }
}
