/* SPDX-License-Identifier: Apache-2.0 */
/* The passphrase, between the start of one authority and the next. */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

enum kh_err
secret_init(struct secret *secret, struct bytes value, struct fault *fault)
{
    *secret = (struct secret){0};
    if (value.n == 0)
        return KH_OK;
    if (value.n > SECRET_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "a passphrase has at most %d bytes", SECRET_MAX);
    if (sodium_init() < 0 || (secret->p = sodium_malloc(value.n)) == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no locked memory for the passphrase");
    memcpy(secret->p, value.p, value.n);
    secret->n = value.n;
    sodium_mprotect_noaccess(secret->p);
    return KH_OK;
}

void
secret_fini(struct secret *secret)
{
    sodium_free(secret->p);
    *secret = (struct secret){0};
}

enum kh_err
secret_pipe(const struct secret *secret, int *fd, struct fault *fault)
{
    int ends[2];
    *fd = -1;
    if (secret->p == NULL)
        return KH_OK;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fault_set(fault, KH_ERR_IO, "no pipe for the passphrase: %s", strerror(errno));
    // SECRET_MAX is less than a pipe holds: this does not block.
    sodium_mprotect_readonly(secret->p);
    ssize_t n = write(ends[1], secret->p, secret->n);
    sodium_mprotect_noaccess(secret->p);
    close(ends[1]);
    if (n != (ssize_t)secret->n) {
        close(ends[0]);
        return fault_set(fault, KH_ERR_IO, "the passphrase could not be handed on");
    }
    *fd = ends[0];
    return KH_OK;
}
