/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolling SSH keys, and filling holes with them. */
#include "services.h"
#include "ssh_signer.h"

#define FOR_ALICE "user = alice and factor = ssh for 8h"

struct world {
    struct services s;
    struct ssh_signer plain, sk, bobs;
};

static void
sign(struct world *w, const struct ssh_signer *signer, enum challenge_purpose purpose,
     const char *name_space, struct buffer *out)
{
    char text[64];
    BUFFER_AUTO digest;
    buffer_init(&digest, 64);
    services_challenge(&w->s, "ssh", purpose, text);
    services_decode(text, &digest);
    ssh_signer_sign(signer, name_space, buffer_bytes(&digest), out);
}

static void
enroll(struct world *w, const char *user, const char *name, const struct ssh_signer *signer,
       const struct ssh_signer *shown, const char *name_space)
{
    char code[32], url[256];
    BUFFER_AUTO line, signature;
    buffer_init(&line, 1024);
    buffer_init(&signature, 4096);
    services_invite(&w->s, user, code);
    services_ask_to_enroll(&w->s, code, name, "ssh");
    assert_answer(&w->s, 201);
    assert_string_equal(services_text(&w->s, "ssh.namespace"), "enroll@keyhole");
    snprintf(url, sizeof url, "%s", services_text(&w->s, "ssh.answer_url"));
    sign(w, signer, CHALLENGE_ENROLL, name_space, &signature);
    ssh_signer_line(shown, &line);
    services_post(&w->s, url,
                  json_pack("{s:s, s:s}", "public_key", buffer_text(&line), "signature",
                            buffer_text(&signature)));
}

static void
open_world(struct world *w)
{
    services_open(&w->s, ATTESTATION_REQUIRED);
    services_add_user(&w->s, "alice");
    services_add_user(&w->s, "bob");
    ssh_signer_init(&w->plain, false);
    ssh_signer_init(&w->bobs, false);
    ssh_signer_init(&w->sk, true);
    enroll(w, "alice", "laptop", &w->plain, &w->plain, "enroll@keyhole");
    assert_answer(&w->s, 201);
    enroll(w, "alice", "token", &w->sk, &w->sk, "enroll@keyhole");
    assert_answer(&w->s, 201);
    enroll(w, "bob", "laptop", &w->bobs, &w->bobs, "enroll@keyhole");
    assert_answer(&w->s, 201);
}

static void
answer(struct world *w, const char *condition, const struct ssh_signer *signer,
       const char *name_space)
{
    char url[256];
    BUFFER_AUTO signature;
    buffer_init(&signature, 4096);
    services_ask(&w->s, condition, "ssh");
    assert_answer(&w->s, 201);
    snprintf(url, sizeof url, "%s", services_text(&w->s, "ssh.answer_url"));
    sign(w, signer, CHALLENGE_DISCHARGE, name_space, &signature);
    services_post(&w->s, url, json_pack("{s:s}", "signature", buffer_text(&signature)));
}

static void
what_is_refused(void **state)
{
    static const char *const bodies[] = {"{}", "{\"signature\":\"\"}", "{\"signature\":\"x\"}"};
    struct world w;
    struct ssh_signer stranger;
    (void)state;
    open_world(&w);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        services_ask(&w.s, FOR_ALICE, "ssh");
        services_request(&w.s, "POST", services_text(&w.s, "ssh.answer_url"), bytes_str(bodies[i]));
        assert_failure(&w.s, 403, "ssh-signature-malformed");
    }
    answer(&w, FOR_ALICE, &w.plain, "enroll@keyhole");
    assert_failure(&w.s, 403, "ssh-namespace");
    answer(&w, FOR_ALICE, &w.plain, "git");
    assert_failure(&w.s, 403, "ssh-namespace");
    answer(&w, FOR_ALICE, &w.bobs, "discharge@keyhole");
    assert_failure(&w.s, 403, "user-mismatch");
    ssh_signer_init(&stranger, false);
    answer(&w, FOR_ALICE, &stranger, "discharge@keyhole");
    assert_failure(&w.s, 403, "credential-unknown");
    memcpy(stranger.public_key, w.plain.public_key, sizeof stranger.public_key);
    answer(&w, FOR_ALICE, &stranger, "discharge@keyhole");
    assert_failure(&w.s, 403, "signature-invalid");
    answer(&w, "user = alice and factor = ssh-sk for 8h", &w.plain, "discharge@keyhole");
    assert_failure(&w.s, 403, "factor-mismatch");
    services_close(&w.s);
}

static void
a_signature_gives_a_discharge(void **state)
{
    struct world w;
    char caveats[1024];
    (void)state;
    open_world(&w);
    services_ask(&w.s, FOR_ALICE, "ssh");
    assert_int_equal(
        json_array_size(json_object_get(json_object_get(w.s.json, "ssh"), "fingerprints")), 2);
    answer(&w, FOR_ALICE, &w.plain, "discharge@keyhole");
    assert_answer(&w.s, 200);
    services_discharge(&w.s, caveats);
    assert_non_null(strstr(caveats, "label = \"ssh laptop, credential "));
    assert_non_null(strstr(caveats, "parent = " SERVICES_PARENT));
    answer(&w, FOR_ALICE, &w.plain, "discharge@keyhole");
    assert_answer(&w.s, 200);
    services_close(&w.s);
}

static void
a_security_key_has_to_be_touched_and_to_count(void **state)
{
    struct world w;
    char caveats[1024];
    (void)state;
    open_world(&w);
    w.sk.counter = 2;
    w.sk.flags = 0;
    answer(&w, FOR_ALICE, &w.sk, "discharge@keyhole");
    assert_failure(&w.s, 403, "presence-missing");
    w.sk.flags = 1;
    answer(&w, "user = alice and factor = ssh-sk and verification = pin for 8h", &w.sk,
           "discharge@keyhole");
    assert_failure(&w.s, 403, "verification-missing");
    // None of these moved the counter.
    w.sk.flags = 5;
    answer(&w, "user = alice and factor = ssh-sk and verification = pin for 8h", &w.sk,
           "discharge@keyhole");
    assert_answer(&w.s, 200);
    services_discharge(&w.s, caveats);
    assert_non_null(strstr(caveats, "label = \"ssh-sk token, credential "));
    answer(&w, FOR_ALICE, &w.sk, "discharge@keyhole");
    assert_failure(&w.s, 403, "authenticator-cloned");
    w.sk.counter = 9;
    answer(&w, FOR_ALICE, &w.sk, "discharge@keyhole");
    assert_failure(&w.s, 403, "authenticator-cloned");
    services_close(&w.s);
}

static void
what_is_not_enrolled(void **state)
{
    struct world w;
    struct ssh_signer other, untouched;
    (void)state;
    open_world(&w);
    ssh_signer_init(&other, false);
    ssh_signer_init(&untouched, true);
    untouched.flags = 0;
    // Somebody else's key, shown with one's own signature.
    enroll(&w, "alice", "other", &other, &w.bobs, "enroll@keyhole");
    assert_failure(&w.s, 403, "signature-invalid");
    enroll(&w, "alice", "other", &other, &other, "discharge@keyhole");
    assert_failure(&w.s, 403, "ssh-namespace");
    enroll(&w, "alice", "other", &untouched, &untouched, "enroll@keyhole");
    assert_failure(&w.s, 403, "presence-missing");
    enroll(&w, "alice", "again", &w.bobs, &w.bobs, "enroll@keyhole");
    assert_failure(&w.s, 409, "credential-exists");
    enroll(&w, "alice", "other", &other, &other, "enroll@keyhole");
    assert_answer(&w.s, 201);
    assert_string_equal(services_text(&w.s, "kind"), "ssh");
    assert_string_equal(services_text(&w.s, "user"), "alice");
    assert_true(json_is_false(json_object_get(w.s.json, "attested")));
    services_close(&w.s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(what_is_refused),
        fixture_test(a_signature_gives_a_discharge),
        fixture_test(a_security_key_has_to_be_touched_and_to_count),
        fixture_test(what_is_not_enrolled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
