/* SPDX-License-Identifier: Apache-2.0
 *
 * Invitation codes: made, read as people type them, hashed.
 */
#include "enroll.h"

#include <sodium.h>
#include <string.h>

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// 0 when it is none.
static char
normal_letter(uint8_t c)
{
    if (c >= 'a' && c <= 'z')
        c = (uint8_t)(c - 'a' + 'A');
    if (c == 'O')
        return '0';
    if (c == 'I' || c == 'L')
        return '1';
    return c != 0 && strchr(crockford, c) ? (char)c : 0;
}

bool
invitation_hash(struct bytes typed, uint8_t out[INVITATION_HASH_SIZE])
{
    char letters[SERVICE_CODE_LETTERS];
    size_t n = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < typed.n; i++) {
        if (typed.p[i] == '-' || typed.p[i] == ' ')
            continue;
        char c = normal_letter(typed.p[i]);
        ok = c != 0 && n < SERVICE_CODE_LETTERS;
        if (ok)
            letters[n++] = c;
    }
    ok = ok && n == SERVICE_CODE_LETTERS;
    if (ok)
        crypto_hash_sha256(out, (const uint8_t *)letters, n);
    wipe(letters, sizeof letters);
    return ok;
}

void
invitation_print_new(struct buffer *code)
{
    for (size_t i = 0; i < SERVICE_CODE_LETTERS; i++) {
        if (i > 0 && i % 4 == 0)
            buffer_put_byte(code, '-');
        buffer_put_byte(code, (uint8_t)crockford[randombytes_uniform(sizeof crockford - 1)]);
    }
}

enum kh_err
service_invite(struct service *service, struct bytes user, int64_t now, struct buffer *code,
               struct fault *fault)
{
    uint8_t hash[INVITATION_HASH_SIZE];
    BUFFER_AUTO text;
    buffer_init_secret(&text, 2 * SERVICE_CODE_LETTERS);
    invitation_print_new(&text);
    if (!invitation_hash(buffer_bytes(&text), hash))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    enum kh_err err = discharge_invitation_add(service->store, user, hash,
                                               now + SERVICE_INVITATION_LIFETIME_S, fault);
    if (!err)
        buffer_put(code, buffer_bytes(&text));
    return err;
}
