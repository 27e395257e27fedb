/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing a challenge with a security key.
 */
#include "fido_sign.h"

#include "monotonic.h"

struct bytes
fido_cbor_bytes(struct bytes cbor)
{
    if (cbor.n == 0 || cbor.p[0] >> 5 != 2)
        return BYTES_EMPTY;
    uint8_t info = cbor.p[0] & 31;
    size_t head = info < 24 ? 1 : info == 24 ? 2 : info == 25 ? 3 : SIZE_MAX;
    if (head > cbor.n)
        return BYTES_EMPTY;
    size_t n = head == 1 ? info : head == 2 ? cbor.p[1] : (size_t)cbor.p[1] << 8 | cbor.p[2];
    return cbor.n - head == n ? bytes_from(cbor, head) : BYTES_EMPTY;
}

// Allowed credentials `from` up to `from + count` of the question.
static fido_assert_t *
fido_assert_prepare(const struct question *question, struct bytes client_data, size_t from,
                    size_t count)
{
    fido_assert_t *assertion = fido_assert_new();
    bool ok = assertion != NULL &&
              fido_assert_set_clientdata(assertion, client_data.p, client_data.n) == FIDO_OK &&
              fido_assert_set_rp(assertion, question->rp_id) == FIDO_OK;
    for (size_t i = from; ok && i < from + count; i++)
        ok = fido_assert_allow_cred(assertion, question->credential[i].p,
                                    question->credential[i].n) == FIDO_OK;
    if (!ok)
        fido_assert_free(&assertion);
    return assertion;
}

// ---- which key knows a credential: asked without a touch, over data that means nothing ----

enum { FIDO_SILENT_TIMEOUT_MS = 5000 };

enum fido_knows { FIDO_KNOWS_NONE = 0, FIDO_KNOWS_ONE, FIDO_KNOWS_PERHAPS };

static enum fido_knows
fido_key_knows(const struct fido_context *context, const struct fido_key *key,
               const struct question *question, size_t index)
{
    struct fido_context brief = *context;
    if (brief.deadline_ms > monotonic_ms() + FIDO_SILENT_TIMEOUT_MS)
        brief.deadline_ms = monotonic_ms() + FIDO_SILENT_TIMEOUT_MS;
    fido_assert_t *assertion = fido_assert_prepare(question, BYTES("which key"), index, 1);
    int code =
        assertion != NULL ? fido_assert_set_up(assertion, FIDO_OPT_FALSE) : FIDO_ERR_INTERNAL;
    struct fault ignored = {.err = KH_OK};
    if (code == FIDO_OK) {
        fido_wait_begin(&brief, key);
        code = fido_dev_get_assert(key->dev, assertion, NULL);
        if (fido_wait_end(&brief, key, code, &ignored) == KH_ERR_CLOSED)
            code = FIDO_ERR_RX;
    }
    fido_assert_free(&assertion);
    switch (code) {
    case FIDO_OK:
    case FIDO_ERR_USER_PRESENCE_REQUIRED: // U2F: known, and would have to be touched
        return FIDO_KNOWS_ONE;
    case FIDO_ERR_PIN_REQUIRED: // a key that says nothing before it knows its user
    case FIDO_ERR_UP_REQUIRED:
    case FIDO_ERR_UNSUPPORTED_OPTION:
    case FIDO_ERR_INVALID_OPTION:
        return FIDO_KNOWS_PERHAPS;
    default:
        return FIDO_KNOWS_NONE;
    }
}

// The first credential that this key knows; all of them when it does not say.
static bool
fido_find_credential(const struct fido_context *context, const struct fido_key *key,
                     const struct question *question, size_t *from, size_t *count)
{
    for (size_t i = 0; i < question->credential_count; i++) {
        enum fido_knows knows = fido_key_knows(context, key, question, i);
        if (knows == FIDO_KNOWS_NONE)
            continue;
        *from = knows == FIDO_KNOWS_ONE ? i : 0;
        *count = knows == FIDO_KNOWS_ONE ? 1 : question->credential_count;
        return true;
    }
    return false;
}

// Leaves the one key to use in `keys`.
static enum kh_err
fido_choose_key(const struct fido_context *context, const struct question *question,
                struct fido_keys *keys, size_t *from, size_t *count, struct fault *fault)
{
    bool keep[FIDO_KEYS_MAX] = {false};
    size_t ignored_from = 0, ignored_count = 0;
    for (size_t i = 0; i < keys->count; i++)
        keep[i] =
            fido_find_credential(context, &keys->key[i], question, &ignored_from, &ignored_count);
    fido_keys_filter(keys, keep);
    if (keys->count == 0)
        return fault_set(fault, KH_ERR_NOT_FOUND,
                         "no security key that is plugged in is one that %s asks for; enrol it "
                         "first: keyhole enroll",
                         question->url);
    enum kh_err err = fido_keys_select(context, keys, fault);
    if (err == KH_OK && !fido_find_credential(context, &keys->key[0], question, from, count))
        err = fido_fault(FIDO_ERR_NO_CREDENTIALS, &keys->key[0].place, fault);
    return err;
}

// ---- the signature ----

static int
fido_assert_attempt(const struct fido_key *key, const char *pin, void *argument)
{
    return fido_dev_get_assert(key->dev, argument, pin);
}

static enum kh_err
fido_assert_answer(const fido_assert_t *assertion, struct bytes client_data,
                   const struct buffer *only, json_t **out, struct fault *fault)
{
    struct bytes id = bytes_of(fido_assert_id_ptr(assertion, 0), fido_assert_id_len(assertion, 0));
    struct bytes data = fido_cbor_bytes(
        bytes_of(fido_assert_authdata_ptr(assertion, 0), fido_assert_authdata_len(assertion, 0)));
    struct bytes signature =
        bytes_of(fido_assert_sig_ptr(assertion, 0), fido_assert_sig_len(assertion, 0));
    // A key that was offered one credential need not name it (CTAP 2.1, 6.2.2).
    if (id.n == 0 && only != NULL)
        id = buffer_bytes(only);
    if (fido_assert_count(assertion) == 0 || id.n == 0 || data.n == 0 || signature.n == 0)
        return fault_set(fault, KH_ERR_IO, "the security key answered without a signature");
    return fido_assertion_json(id, client_data, data, signature, out, fault);
}

static enum kh_err
fido_assert_with(const struct fido_context *context, const struct question *question,
                 struct bytes client_data, struct fido_keys *keys, json_t **out,
                 struct fault *fault)
{
    size_t from = 0, count = 0;
    enum kh_err err = fido_choose_key(context, question, keys, &from, &count, fault);
    if (err != KH_OK)
        return err;
    bool verification = question->verification;
    fido_assert_t *assertion = fido_assert_prepare(question, client_data, from, count);
    if (assertion == NULL ||
        (verification && fido_assert_set_uv(assertion, FIDO_OPT_TRUE) != FIDO_OK))
        err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    if (err == KH_OK)
        err = fido_attempt(context, &keys->key[0], verification, false, fido_assert_attempt,
                           assertion, fault);
    if (err == KH_OK)
        err = fido_assert_answer(assertion, client_data,
                                 count == 1 ? &question->credential[from] : NULL, out, fault);
    fido_assert_free(&assertion);
    return err;
}

enum kh_err
fido_assert_question(const struct fido_context *context, const struct question *question,
                     json_t **out, struct fault *fault)
{
    struct fido_keys keys = {.count = 0};
    BUFFER_AUTO client_data;
    buffer_init(&client_data, FIDO_DATA_MAX);
    fido_client_data("webauthn.get", question->challenge, question->origin, &client_data);
    enum kh_err err = fido_keys_open(context, &keys, fault);
    if (err == KH_OK)
        err = fido_assert_with(context, question, buffer_bytes(&client_data), &keys, out, fault);
    fido_keys_close(&keys);
    return err;
}
