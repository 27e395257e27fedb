/* SPDX-License-Identifier: Apache-2.0
 *
 * Which security keys are there, and which one is meant.
 */
#include "fido_keys.h"

#include "../caveats/text.h"
#include "monotonic.h"

#include <stdio.h>
#include <string.h>

enum { FIDO_TOUCH_STEP_MS = 50 };

static size_t
fido_keys_list(const struct fido_context *context, struct fido_place place[FIDO_KEYS_MAX])
{
    if (context->device == NULL)
        return context->backend->list(context->backend, place);
    place[0] = (struct fido_place){.name = "security key"};
    snprintf(place[0].path, sizeof place[0].path, "%s", context->device);
    return 1;
}

enum kh_err
fido_keys_open(const struct fido_context *context, struct fido_keys *out, struct fault *fault)
{
    struct fido_place place[FIDO_KEYS_MAX];
    struct fido_keys keys = {.count = 0};
    int code = FIDO_OK;
    fido_init(FIDO_DISABLE_U2F_FALLBACK);
    size_t count = fido_keys_list(context, place), failed = 0;
    if (count == 0)
        return fault_set(fault, KH_ERR_NOT_FOUND,
                         "no security key is plugged in; plug one in, or use --with ssh or --with "
                         "browser");
    for (size_t i = 0; i < count; i++) {
        struct fido_key *key = &keys.key[keys.count];
        code = context->backend->open(context->backend, place[i].path, &key->dev);
        key->place = place[i];
        if (code == FIDO_OK)
            keys.count++;
        else
            failed = i;
    }
    if (keys.count == 0)
        return fault_set(
            fault, KH_ERR_PERMISSION,
            "%s cannot be opened (%s): udev lets whoever is logged in at this machine use "
            "security keys, and nobody else",
            place[failed].path, fido_strerr(code));
    *out = keys;
    return KH_OK;
}

static void
fido_key_close(struct fido_key *key)
{
    if (key->dev != NULL)
        fido_dev_close(key->dev);
    fido_dev_free(&key->dev);
}

void
fido_keys_close(struct fido_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        fido_key_close(&keys->key[i]);
    keys->count = 0;
}

void
fido_keys_filter(struct fido_keys *keys, const bool keep[FIDO_KEYS_MAX])
{
    size_t kept = 0;
    for (size_t i = 0; i < keys->count; i++) {
        if (keep[i])
            keys->key[kept++] = keys->key[i];
        else
            fido_key_close(&keys->key[i]);
    }
    keys->count = kept;
}

// ---- which of several ----

// SIZE_MAX: none was touched yet.
static size_t
fido_keys_poll_touch(const struct fido_keys *keys, bool blinking[FIDO_KEYS_MAX])
{
    for (size_t i = 0; i < keys->count; i++) {
        int touched = 0;
        if (!blinking[i])
            continue;
        // A key that is pulled out is one fewer to choose from.
        if (fido_dev_get_touch_status(keys->key[i].dev, &touched, FIDO_TOUCH_STEP_MS) != FIDO_OK)
            blinking[i] = false;
        else if (touched)
            return i;
    }
    return SIZE_MAX;
}

static enum kh_err
fido_keys_await_touch(const struct fido_context *context, const struct fido_keys *keys,
                      bool blinking[FIDO_KEYS_MAX], size_t *chosen, struct fault *fault)
{
    for (;;) {
        size_t left = 0;
        *chosen = fido_keys_poll_touch(keys, blinking);
        if (*chosen != SIZE_MAX)
            return KH_OK;
        for (size_t i = 0; i < keys->count; i++)
            left += blinking[i];
        if (interrupt_happened())
            return fault_set(fault, KH_ERR_CLOSED, "interrupted");
        if (left == 0)
            return fault_set(fault, KH_ERR_IO,
                             "none of the security keys answers any more; plug one in and try "
                             "again");
        if (monotonic_ms() >= context->deadline_ms)
            return fault_set(fault, KH_ERR_TIMEOUT,
                             "none of the security keys was touched in time; try again");
    }
}

enum kh_err
fido_keys_select(const struct fido_context *context, struct fido_keys *keys, struct fault *fault)
{
    bool blinking[FIDO_KEYS_MAX] = {false}, keep[FIDO_KEYS_MAX] = {false};
    size_t chosen = SIZE_MAX;
    if (keys->count <= 1)
        return KH_OK;
    cli_say(context->cli, "%zu security keys are plugged in: touch the one to use", keys->count);
    interrupt_begin();
    for (size_t i = 0; i < keys->count; i++) {
        fido_dev_set_sigmask(keys->key[i].dev, interrupt_mask());
        blinking[i] = fido_dev_get_touch_begin(keys->key[i].dev) == FIDO_OK;
    }
    enum kh_err err = fido_keys_await_touch(context, keys, blinking, &chosen, fault);
    for (size_t i = 0; i < keys->count; i++)
        if (blinking[i] && i != chosen)
            fido_dev_cancel(keys->key[i].dev);
    interrupt_end();
    if (err != KH_OK)
        return err;
    keep[chosen] = true;
    fido_keys_filter(keys, keep);
    return KH_OK;
}

// ---- one wait ----

void
fido_wait_begin(const struct fido_context *context, const struct fido_key *key)
{
    int64_t left = context->deadline_ms - monotonic_ms();
    interrupt_begin();
    fido_dev_set_sigmask(key->dev, interrupt_mask());
    fido_dev_set_timeout(key->dev, left < 1 ? 1 : left > INT32_MAX ? INT32_MAX : (int)left);
}

enum kh_err
fido_wait_end(const struct fido_context *context, const struct fido_key *key, int code,
              struct fault *fault)
{
    bool silent = code == FIDO_ERR_RX || code == FIDO_ERR_TX;
    bool late = silent && monotonic_ms() >= context->deadline_ms;
    bool interrupted = interrupt_happened();
    if (late || interrupted)
        fido_dev_cancel(key->dev);
    interrupt_end();
    if (code == FIDO_OK)
        return KH_OK;
    if (interrupted)
        return fault_set(fault, KH_ERR_CLOSED, "interrupted");
    if (late)
        return fault_set(fault, KH_ERR_TIMEOUT,
                         "the security key was not touched in time; try again, and touch it when "
                         "it blinks");
    return fido_fault(code, &key->place, fault);
}

// ---- what codes mean ----

static const struct {
    int code;
    enum kh_err err;
    const char *sentence;
} fido_sentence[] = {
    {FIDO_ERR_OPERATION_DENIED, KH_ERR_DENIED, "declined at the security key"},
    {FIDO_ERR_NOT_ALLOWED, KH_ERR_DENIED, "the security key does not allow that"},
    {FIDO_ERR_USER_ACTION_TIMEOUT, KH_ERR_TIMEOUT,
     "the security key was not touched in time; try again, and touch it when it blinks"},
    {FIDO_ERR_ACTION_TIMEOUT, KH_ERR_TIMEOUT,
     "the security key was not touched in time; try again, and touch it when it blinks"},
    {FIDO_ERR_KEEPALIVE_CANCEL, KH_ERR_DENIED, "cancelled at the security key"},
    {FIDO_ERR_NO_CREDENTIALS, KH_ERR_NOT_FOUND,
     "the security key is not one that is asked for; enrol it first: keyhole enroll"},
    {FIDO_ERR_INVALID_CREDENTIAL, KH_ERR_NOT_FOUND,
     "the security key is not one that is asked for; enrol it first: keyhole enroll"},
    {FIDO_ERR_CREDENTIAL_EXCLUDED, KH_ERR_EXISTS, "this security key is enrolled already"},
    {FIDO_ERR_PIN_INVALID, KH_ERR_DENIED, "the PIN is wrong"},
    {FIDO_ERR_PIN_AUTH_BLOCKED, KH_ERR_DENIED,
     "the PIN was wrong three times in a row: unplug the security key, plug it in again, and try "
     "again"},
    {FIDO_ERR_PIN_BLOCKED, KH_ERR_DENIED,
     "the security key is locked: its PIN was wrong too often. Only a reset of the key helps, "
     "which ends all that it was enrolled for; use another key"},
    {FIDO_ERR_UV_BLOCKED, KH_ERR_DENIED,
     "the security key does not take fingerprints any more until its PIN was given"},
    {FIDO_ERR_UV_INVALID, KH_ERR_DENIED, "the security key does not know that finger"},
    {FIDO_ERR_PIN_NOT_SET, KH_ERR_UNSUPPORTED,
     "a PIN is asked for, and the security key has none: set one with ykman fido access change-pin "
     "or fido2-token -S, then try again"},
    {FIDO_ERR_PIN_REQUIRED, KH_ERR_DENIED, "the security key asks for its PIN"},
    {FIDO_ERR_PIN_POLICY_VIOLATION, KH_ERR_DENIED, "the security key does not take such a PIN"},
    {FIDO_ERR_KEY_STORE_FULL, KH_ERR_TOO_LONG, "the security key is full"},
    {FIDO_ERR_UNSUPPORTED_ALGORITHM, KH_ERR_UNSUPPORTED,
     "the security key knows none of the algorithms that are taken"},
    {FIDO_ERR_UNSUPPORTED_OPTION, KH_ERR_UNSUPPORTED,
     "the security key cannot do what is asked for: use another one"},
    {FIDO_ERR_USER_PRESENCE_REQUIRED, KH_ERR_TIMEOUT,
     "the security key was not touched; try again"},
    {FIDO_ERR_RX, KH_ERR_IO,
     "the security key does not answer: was it unplugged? Plug it in and try again"},
    {FIDO_ERR_TX, KH_ERR_IO,
     "the security key does not answer: was it unplugged? Plug it in and try again"},
};

enum kh_err
fido_fault(int code, const struct fido_place *place, struct fault *fault)
{
    BUFFER_AUTO name;
    buffer_init(&name, 1024);
    text_put_safe(&name, bytes_str(place->name));
    for (size_t i = 0; i < sizeof fido_sentence / sizeof fido_sentence[0]; i++)
        if (fido_sentence[i].code == code)
            return fault_set(fault, fido_sentence[i].err, "%s (%s)", fido_sentence[i].sentence,
                             buffer_text(&name));
    return fault_set(fault, KH_ERR_IO, "the security key (%s) failed: %s", buffer_text(&name),
                     fido_strerr(code));
}
