/* SPDX-License-Identifier: Apache-2.0
 *
 * Security keys for tests of the client: software authenticators in this process, behind libfido2.
 */
#ifndef KEYHOLE_CLIENT_KEYS_TEST_H
#define KEYHOLE_CLIENT_KEYS_TEST_H

#include "../../../client/fido_sign.h"
#include "../../support/softauthn_fido.h"
#include "client_test.h"

#include <fcntl.h>
#include <unistd.h>

enum { TEST_KEYS_MAX = 3 };

#define TEST_ORIGIN "http://localhost:8438"
#define TEST_RP_ID  "localhost"

struct test_key {
    struct softauthn *authenticator;
    enum softauthn_status touch; /* what the person does */
    unsigned touches;
    bool gone; /* pulled out: opening it fails */
};

struct test_keys {
    struct test_key key[TEST_KEYS_MAX];
    size_t count;
    struct fido_backend backend;
    struct cli cli;
    char *said;
    size_t said_n;
    struct fido_context context;
};

static inline size_t
test_keys_list(const struct fido_backend *backend, struct fido_place out[FIDO_KEYS_MAX])
{
    const struct test_keys *keys = backend->context;
    for (size_t i = 0; i < keys->count; i++) {
        snprintf(out[i].path, sizeof out[i].path, "%zu", i);
        snprintf(out[i].name, sizeof out[i].name, "test key %zu", i);
    }
    return keys->count;
}

static inline int
test_keys_open(const struct fido_backend *backend, const char *path, fido_dev_t **out)
{
    const struct test_keys *keys = backend->context;
    size_t index = strtoul(path, NULL, 10);
    if (index >= keys->count || keys->key[index].gone)
        return FIDO_ERR_TX;
    *out = softauthn_fido_open(keys->key[index].authenticator);
    return *out != NULL ? FIDO_OK : FIDO_ERR_RX;
}

static inline enum softauthn_status
test_key_touch(void *argument, bool wait)
{
    struct test_key *key = argument;
    (void)wait;
    key->touches++;
    return key->touch;
}

static inline void
test_keys_init(struct test_keys *keys)
{
    *keys = (struct test_keys){.cli = {.now = TEST_NOW, .command = "test"}};
    keys->backend = (struct fido_backend){test_keys_list, test_keys_open, keys};
    keys->cli.err = open_memstream(&keys->said, &keys->said_n);
    keys->context = (struct fido_context){
        .cli = &keys->cli, .backend = &keys->backend, .pin_fd = -1, .deadline_ms = INT64_MAX / 2};
}

static inline struct test_key *
test_keys_plug(struct test_keys *keys, struct softauthn_options options)
{
    struct test_key *key = &keys->key[keys->count++];
    options.touch = test_key_touch;
    options.arg = key;
    key->authenticator = softauthn_new(&options);
    assert_non_null(key->authenticator);
    return key;
}

static inline const char *
test_keys_said(struct test_keys *keys)
{
    fflush(keys->cli.err);
    return keys->said;
}

static inline void
test_keys_free(struct test_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        softauthn_free(&keys->key[i].authenticator);
    if (keys->context.pin_fd >= 0)
        close(keys->context.pin_fd);
    fclose(keys->cli.err);
    free(keys->said);
}

/* Lines that --pin-fd gives. */
static inline void
test_keys_type(struct test_keys *keys, const char *lines)
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], lines, strlen(lines)), strlen(lines));
    close(pipes[1]);
    if (keys->context.pin_fd >= 0)
        close(keys->context.pin_fd);
    keys->context.pin_fd = pipes[0];
}

/* A question that was read and checked: what comes after that is tested here. */
static inline struct question *
test_question_new(bool verification)
{
    struct question *question = calloc(1, sizeof *question);
    question->kind = QUESTION_FIDO2;
    question->url = question->origin = TEST_ORIGIN;
    question->rp_id = TEST_RP_ID;
    question->rp_name = "Keyhole";
    question->user_name = "alice";
    question->verification = verification;
    question->algorithm[question->algorithm_count++] = COSE_ES256;
    buffer_init(&question->text, 16);
    buffer_init(&question->storage, 16);
    buffer_init(&question->user_id, 64);
    buffer_put_str(&question->user_id, "id of alice");
    memset(question->challenge, 7, CHALLENGE_SIZE);
    return question;
}

static inline void
test_question_offer(struct question *question, struct bytes credential)
{
    struct buffer *to = &question->credential[question->credential_count++];
    buffer_init(to, QUESTION_CREDENTIAL_MAX);
    buffer_put(to, credential);
}

/* A credential on that key for the question, which offers it from now on. */
static inline void
test_key_enroll_with(struct test_key *key, struct question *question, const char *pin)
{
    struct softauthn_request request = {
        .rp_id = TEST_RP_ID, .client_data = BYTES("{}"), .pin = pin};
    struct softauthn_registration made = {.id_n = 0};
    enum softauthn_status before = key->touch;
    key->touch = SOFTAUTHN_OK;
    assert_int_equal(softauthn_register(key->authenticator, &request, &made), SOFTAUTHN_OK);
    key->touch = before;
    test_question_offer(question, bytes_of(made.id, made.id_n));
    softauthn_registration_free(&made);
    key->touches = 0;
}

static inline void
test_key_enroll(struct test_key *key, struct question *question)
{
    test_key_enroll_with(key, question, NULL);
}

static inline struct buffer
test_member(const json_t *object, const char *name)
{
    struct buffer out;
    buffer_init(&out, FIDO_DATA_MAX);
    if (!answer_base64(object, name, &out))
        fail_msg("no %s in the answer", name);
    return out;
}

#endif
