/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors as callers see them: the same numbers, words and sentences as everywhere in Keyhole.
 */
#include "internal.h"

#include "../../caveats/text.h"
#include "../caret.h"

#include <stdio.h>

// The numbers are a promise; schema/errors.def grows at its end, and so does the header.
#define KH_ERROR(name, code, sentence)                                                             \
    _Static_assert((int)KEYHOLE_ERROR_##name == (int)KH_ERR_##name, "see keyhole_status");
#include "../../schema/errors.def"
_Static_assert((int)KEYHOLE_OK == (int)KH_OK, "see keyhole_status");
_Static_assert((int)KEYHOLE_ERROR_UNSUPPORTED == KH_ERR_COUNT - 1, "see keyhole_status");
_Static_assert(KEYHOLE_MESSAGE_SIZE > sizeof((struct fault *)0)->detail, "a fault fits whole");

const char *
keyhole_version(void)
{
    return KEYHOLE_VERSION;
}

enum kh_err
library_error_of(enum keyhole_status status)
{
    return (unsigned)status < KH_ERR_COUNT ? (enum kh_err)status : KH_ERR_INTERNAL;
}

const char *
keyhole_error_code(enum keyhole_status status)
{
    return kh_err_code(library_error_of(status));
}

const char *
keyhole_error_text(enum keyhole_status status)
{
    return kh_err_sentence(library_error_of(status));
}

// What does not fit is cut at the end of a character.
static void
error_put_message(struct keyhole_error *error, struct bytes sentence)
{
    BUFFER_AUTO safe;
    buffer_init(&safe, sentence.n * 10 + 1);
    text_put_message(&safe, sentence);
    if (safe.failed) { // without memory even for that
        snprintf(error->message, sizeof error->message, "%s",
                 kh_err_sentence(library_error_of(error->status)));
        return;
    }
    size_t n = safe.n;
    if (n >= sizeof error->message) {
        n = sizeof error->message - 1;
        while (n > 0 && (safe.p[n] & 0xc0) == 0x80)
            n--;
    }
    if (n > 0)
        memcpy(error->message, safe.p, n);
    error->message[n] = '\0';
}

enum keyhole_status
library_fail(struct keyhole_error *error, enum kh_err err, const struct fault *fault)
{
    if (error == NULL)
        return (enum keyhole_status)err;
    bool says = fault != NULL && fault->detail[0] != '\0';
    error->status = (enum keyhole_status)err;
    error->caveat = error->byte = -1;
    error_put_message(error, bytes_str(says ? fault->detail : kh_err_sentence(err)));
    return error->status;
}

enum keyhole_status
library_fail_at(struct keyhole_error *error, enum kh_err err, const struct fault *fault,
                size_t index, bool has_byte)
{
    enum keyhole_status status = library_fail(error, err, fault);
    size_t byte = has_byte ? caret_byte(fault) : SIZE_MAX;
    if (error == NULL)
        return status;
    error->caveat = index <= KEYHOLE_CAVEATS_MAX ? (int)index : -1;
    error->byte = byte <= INT32_MAX ? (int)byte : -1;
    return status;
}

enum keyhole_status
library_refuse(struct keyhole_error *error, const char *what)
{
    struct fault fault;
    return library_fail(error, fault_set(&fault, KH_ERR_USAGE, "%s", what), &fault);
}
