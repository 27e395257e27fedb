/* SPDX-License-Identifier: Apache-2.0 */
/* What outlives the software authenticator: its keys, credentials, counter and PIN, in a file. */

#include "softauthn_internal.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATE_MAGIC = 0x6b657931 };

static bool
begin(struct softauthn_state *s)
{
    *s = (struct softauthn_state){
        .magic = STATE_MAGIC, .size = sizeof(*s), .pin_retries = SOFTAUTHN_PIN_RETRIES};
    return softauthn_key_generate(SOFTAUTHN_ES256, &s->root_key) &&
           softauthn_key_generate(SOFTAUTHN_ES256, &s->leaf_key) &&
           softauthn_certificate_make_root(&s->root_key, s->root, &s->root_n);
}

bool
softauthn_state_load(struct softauthn *a)
{
    FILE *file = a->state_path ? fopen(a->state_path, "rb") : NULL;
    if (file == NULL)
        return begin(&a->state) && softauthn_state_save(a);
    size_t n = fread(&a->state, sizeof(a->state), 1, file);
    fclose(file);
    return n == 1 && a->state.magic == STATE_MAGIC && a->state.size == sizeof(a->state);
}

bool
softauthn_state_save(const struct softauthn *a)
{
    if (a->state_path == NULL)
        return true;
    char beside[4096];
    int length = snprintf(beside, sizeof(beside), "%s.new", a->state_path);
    if (length < 0 || (size_t)length >= sizeof(beside))
        return false;
    FILE *file = fopen(beside, "wb");
    if (file == NULL)
        return false;
    bool written = fwrite(&a->state, sizeof(a->state), 1, file) == 1;
    // whole or not at all: the process may be killed at any time, that is what tests do to it
    return fclose(file) == 0 && written && rename(beside, a->state_path) == 0;
}

struct bytes
softauthn_root(const struct softauthn *a)
{
    return bytes_of(a->state.root, a->state.root_n);
}

bool
softauthn_write_root(const struct softauthn *a, const char *path)
{
    const uint8_t *p = a->state.root;
    X509 *root = d2i_X509(NULL, &p, (long)a->state.root_n);
    FILE *file = root ? fopen(path, "w") : NULL;
    bool written = file && PEM_write_X509(file, root) == 1;
    if (file && fclose(file) != 0)
        written = false;
    X509_free(root);
    return written;
}
