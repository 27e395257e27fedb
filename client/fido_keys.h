/* SPDX-License-Identifier: Apache-2.0
 *
 * Security keys, by libfido2: which are plugged in, which one is meant, how long it may blink.
 */
#ifndef KEYHOLE_CLIENT_FIDO_KEYS_H
#define KEYHOLE_CLIENT_FIDO_KEYS_H

#include "cli.h"
#include "interrupt.h"

#include <fido.h>

enum { FIDO_KEYS_MAX = 16, FIDO_PATH_MAX = 256, FIDO_NAME_MAX = 128 };

struct fido_place {
    char path[FIDO_PATH_MAX]; /* "/dev/hidraw3" */
    char name[FIDO_NAME_MAX]; /* "YubiKey OTP+FIDO+CCID"; not terminal-safe */
};

/* Where keys come from. */
struct fido_backend {
    size_t (*list)(const struct fido_backend *backend, struct fido_place out[FIDO_KEYS_MAX]);
    /* A FIDO_ERR code; on FIDO_OK `*out` is open. */
    int (*open)(const struct fido_backend *backend, const char *path, fido_dev_t **out);
    void *context;
};
/* USB; a build for tests has others (fido_backend.c). */
extern const struct fido_backend fido_backend_system;

struct fido_context {
    const struct cli *cli;
    const struct fido_backend *backend;
    const char *device;  /* the path of one key; NULL: all that are plugged in */
    int pin_fd;          /* where the PIN comes from; -1: the terminal */
    int64_t deadline_ms; /* monotonic: when to give up */
};

struct fido_key {
    struct fido_place place;
    fido_dev_t *dev; /* open */
};

struct fido_keys {
    struct fido_key key[FIDO_KEYS_MAX];
    size_t count;
};

/* Open what is plugged in. KH_ERR_NOT_FOUND when there is none, KH_ERR_PERMISSION when there is one
 * that cannot be opened. */
KH_MUST_CHECK enum kh_err fido_keys_open(const struct fido_context *context, struct fido_keys *out,
                                         struct fault *fault);
void fido_keys_close(struct fido_keys *keys);
/* Close those that `keep` is not true for. */
void fido_keys_filter(struct fido_keys *keys, const bool keep[FIDO_KEYS_MAX]);

/* When several are there, the one that a person touches; the others stop blinking and are closed.
 * KH_ERR_TIMEOUT, KH_ERR_IO, KH_ERR_CLOSED (Ctrl-C). */
KH_MUST_CHECK enum kh_err fido_keys_select(const struct fido_context *context,
                                           struct fido_keys *keys, struct fault *fault);

/* ---- one operation that may wait for a person: between these two ---- */

/* What is left of the time goes to the key; Ctrl-C ends the wait and not the program. */
void fido_wait_begin(const struct fido_context *context, const struct fido_key *key);
/* Afterwards, with its code: a key that still blinks is told to stop. KH_OK, or what is wrong and
 * what to do. After Ctrl-C the program normally ends here. */
KH_MUST_CHECK enum kh_err fido_wait_end(const struct fido_context *context,
                                        const struct fido_key *key, int code, struct fault *fault);

/* What a FIDO_ERR code means for a person: KH_ERR_DENIED when somebody refused or is not let. */
enum kh_err fido_fault(int code, const struct fido_place *place, struct fault *fault);

#endif
