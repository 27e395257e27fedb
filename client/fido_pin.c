/* SPDX-License-Identifier: Apache-2.0
 *
 * PINs: when one is needed, where it comes from, and what a wrong one costs.
 */
#include "fido_sign.h"

#include "../caveats/text.h"
#include "terminal.h"

#include <stdio.h>

enum { FIDO_PIN_MAX = 63 }; /* bytes of UTF-8 (CTAP 2.1, 6.5.1) */

static void
fido_say_touch(const struct fido_context *context, const struct fido_key *key)
{
    BUFFER_AUTO name;
    buffer_init(&name, 1024);
    text_put_safe(&name, bytes_str(key->place.name));
    cli_say(context->cli, "touch the security key now (%s)", buffer_text(&name));
}

static enum kh_err
fido_ask_pin(const struct fido_context *context, const struct fido_key *key, struct buffer *pin,
             struct fault *fault)
{
    int retries = -1;
    char prompt[128] = "PIN of the security key: ";
    BUFFER_AUTO line;
    buffer_init_secret(&line, FIDO_PIN_MAX + 2);
    if (fido_dev_get_retry_count(key->dev, &retries) == FIDO_OK && retries >= 0 && retries <= 3)
        snprintf(prompt, sizeof prompt, "PIN of the security key (%d tr%s left%s): ", retries,
                 retries == 1 ? "y" : "ies", retries == 1 ? ", then it locks itself" : "");
    enum kh_err err = context->pin_fd >= 0 ? terminal_read_descriptor(context->pin_fd, &line, fault)
                                           : terminal_ask(prompt, true, &line, fault);
    if (err == KH_ERR_NOT_FOUND)
        return fault_set(fault, KH_ERR_USAGE,
                         "the security key's PIN is needed, and there is no terminal to ask at: "
                         "give --pin-fd");
    if (err == KH_OK && line.n > FIDO_PIN_MAX)
        err = fault_set(fault, KH_ERR_USAGE, "a PIN has at most %d bytes", FIDO_PIN_MAX);
    if (err == KH_OK)
        buffer_put(pin, buffer_bytes(&line));
    return err;
}

static enum kh_err
fido_check_pin_is_possible(const struct fido_key *key, struct fault *fault)
{
    if (!fido_dev_is_fido2(key->dev) || !fido_dev_supports_pin(key->dev))
        return fault_set(fault, KH_ERR_UNSUPPORTED,
                         "a PIN is demanded, and this security key cannot check one: use another "
                         "key");
    return fido_dev_has_pin(key->dev) ? KH_OK
                                      : fido_fault(FIDO_ERR_PIN_NOT_SET, &key->place, fault);
}

// Whether another attempt makes sense; says why it takes one.
static bool
fido_try_again(const struct fido_context *context, const struct fido_key *key, int code,
               bool *use_pin)
{
    int retries = -1;
    if (!*use_pin) {
        // What a fingerprint did not do a PIN may; some keys want one for everything.
        *use_pin = code == FIDO_ERR_PIN_REQUIRED || code == FIDO_ERR_UV_BLOCKED ||
                   code == FIDO_ERR_UV_INVALID;
        return *use_pin;
    }
    if (code != FIDO_ERR_PIN_INVALID)
        return false;
    if (fido_dev_get_retry_count(key->dev, &retries) == FIDO_OK && retries >= 0)
        cli_say(context->cli, "the PIN is wrong; %d tr%s left before the key locks itself", retries,
                retries == 1 ? "y" : "ies");
    else
        cli_say(context->cli, "the PIN is wrong");
    // A descriptor has one PIN: the same again would only use up a try.
    return context->pin_fd < 0 && retries != 0;
}

static enum kh_err
fido_attempt_once(const struct fido_context *context, const struct fido_key *key, bool use_pin,
                  fido_attempt_fn *attempt, void *argument, int *code, struct fault *fault)
{
    struct buffer pin;
    buffer_init_secret(&pin, FIDO_PIN_MAX + 2);
    enum kh_err err = use_pin ? fido_check_pin_is_possible(key, fault) : KH_OK;
    if (err == KH_OK && use_pin)
        err = fido_ask_pin(context, key, &pin, fault);
    if (err == KH_OK) {
        fido_say_touch(context, key);
        fido_wait_begin(context, key);
        *code = attempt(key, use_pin ? buffer_text(&pin) : NULL, argument);
        err = fido_wait_end(context, key, *code, fault);
    }
    buffer_free(&pin);
    return err;
}

enum kh_err
fido_attempt(const struct fido_context *context, const struct fido_key *key, bool verification,
             bool pin_if_set, fido_attempt_fn *attempt, void *argument, struct fault *fault)
{
    bool fingerprint = fido_dev_has_uv(key->dev);
    bool use_pin = (verification && !fingerprint) ||
                   (pin_if_set && !fingerprint && fido_dev_has_pin(key->dev));
    for (;;) {
        int code = FIDO_OK;
        enum kh_err err = fido_attempt_once(context, key, use_pin, attempt, argument, &code, fault);
        if (err == KH_OK || code == FIDO_OK || !fido_try_again(context, key, code, &use_pin))
            return err;
    }
}
