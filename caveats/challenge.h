/* SPDX-License-Identifier: Apache-2.0
 *
 * What a person vouches for, word for word: the text that is shown is the text that is signed.
 *
 *     challenge = SHA-256( purpose | text | nonce, 32 bytes )
 *
 * The text is one `key=value` a line, ended by a newline, in the order of schema/challenge.def.
 * Control and bidirectional characters are escaped (\u{202e}), and the backslash (\\), so that a
 * line cannot look like two and cannot look like another. The discharger keeps the text; the client
 * computes the challenge again and checks what it was shown.
 */
#ifndef KEYHOLE_CHALLENGE_H
#define KEYHOLE_CHALLENGE_H

#include "bytes.h"
#include "errors.h"

enum { CHALLENGE_SIZE = 32, CHALLENGE_NONCE_SIZE = 32, CHALLENGE_TEXT_MAX = 8192 };

enum challenge_purpose { CHALLENGE_UNSET = 0, CHALLENGE_DISCHARGE, CHALLENGE_ENROLL };
/* "keyhole-discharge-v1", "keyhole-enroll-v1" */
const char *challenge_purpose_name(enum challenge_purpose purpose);
/* The namespace of an SSHSIG: "discharge@keyhole", "enroll@keyhole". */
const char *challenge_ssh_namespace(enum challenge_purpose purpose);

enum challenge_key {
    CHALLENGE_KEY_UNSET = 0,
#define KH_CHALLENGE(name, text, many, label) CHALLENGE_##name,
#include "../schema/challenge.def"
    CHALLENGE_KEY_COUNT
};
const char *challenge_key_label(enum challenge_key key); /* "Token", for people */

struct challenge_line {
    enum challenge_key key;
    struct bytes value; /* as it is, not escaped */
};
enum { CHALLENGE_LINES_MAX = 64 };

/* Append the text; lines must stand in the order of the table. KH_ERR_TOO_LONG, KH_ERR_SYNTAX. */
KH_MUST_CHECK enum kh_err challenge_text_print(const struct challenge_line *line, size_t count,
                                               struct buffer *out, struct fault *fault);
/* Strict: what challenge_text_print printed, and nothing else. Values are unescaped into `storage`.
 */
KH_MUST_CHECK enum kh_err challenge_text_parse(struct bytes text, struct buffer *storage,
                                               struct challenge_line line[CHALLENGE_LINES_MAX],
                                               size_t *count, struct fault *fault);
/* The value of the first line of that key; empty when there is none. */
struct bytes challenge_find(const struct challenge_line *line, size_t count,
                            enum challenge_key key);

KH_MUST_CHECK bool challenge_digest(enum challenge_purpose purpose, struct bytes text,
                                    const uint8_t nonce[CHALLENGE_NONCE_SIZE],
                                    uint8_t out[CHALLENGE_SIZE]);

/* Append `text` with control and bidirectional characters escaped as above, and nothing else
 * changed: for showing people what somebody else wrote. */
void challenge_escape(struct bytes text, struct buffer *out);

#endif
