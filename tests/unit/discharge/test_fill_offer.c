/* SPDX-License-Identifier: Apache-2.0 */
/* Whose authenticators are named, and that nobody learns who is enrolled. */
#include "../../../broker/webauthn/ssh_signature.h"
#include "../../../caveats/hole.h"
#include "services.h"

static void
add(struct services *s, const char *user, const char *name, const char *credential,
    enum authenticator_kind kind, bool yubikey, bool u2f)
{
    struct discharge_authenticator row = stores_row(user, name, credential);
    bool name_taken;
    row.kind = kind;
    row.yubikey = row.attested = yubikey;
    row.u2f = u2f;
    assert_ok(stores_enroll(s->store, &row, &name_taken, fault));
}

/* "a,b" of what is offered, decoded. Decoys are "?". */
static const char *
offered(struct services *s, const char *condition, const char *way)
{
    static char out[2048];
    size_t i;
    const json_t *item;
    services_ask(s, condition, way);
    assert_answer(s, 201);
    const json_t *list = json_object_get(json_object_get(s->json, way), "credentials");
    if (list == NULL)
        list = json_object_get(json_object_get(s->json, way), "fingerprints");
    out[0] = '\0';
    json_array_foreach(list, i, item)
    {
        BUFFER_AUTO raw;
        buffer_init(&raw, 1024);
        bool decoded = base64_decode(BASE64_URL, bytes_str(json_string_value(item)), &raw);
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", i ? "," : "",
                 decoded && raw.n < 32 ? buffer_text(&raw) : "?");
    }
    return out;
}

static void
those_who_are_suitable_are_named(void **state)
{
    struct services s;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "alice");
    services_add_user(&s, "bob");
    add(&s, "alice", "plain", "plain", AUTHENTICATOR_FIDO2, false, false);
    add(&s, "alice", "yubi", "yubi", AUTHENTICATOR_FIDO2, true, false);
    add(&s, "alice", "old", "old", AUTHENTICATOR_FIDO2, true, true);
    add(&s, "alice", "ssh", "ssh", AUTHENTICATOR_SSH, false, false);
    add(&s, "bob", "plain", "bobs", AUTHENTICATOR_FIDO2, false, false);
    assert_string_equal(offered(&s, "user = alice for 1h", "fido2"), "old,plain,yubi");
    assert_string_equal(offered(&s, "user = alice and factor = yubikey for 1h", "fido2"),
                        "old,yubi");
    assert_string_equal(
        offered(&s, "user = alice and factor = yubikey and verification = pin for 1h", "fido2"),
        "yubi");
    assert_string_equal(offered(&s, "user in alice, bob for 1h", "fido2"), "old,plain,yubi,bobs");
    assert_string_equal(offered(&s, "factor = fido2 for 1h", "fido2"), "old,plain,yubi,bobs");
    assert_string_equal(offered(&s, "user = bob and factor = yubikey for 1h", "fido2"), "?");
    services_close(&s);
}

static void
what_was_cloned_is_not(void **state)
{
    struct services s;
    bool cloned = false;
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "alice");
    add(&s, "alice", "plain", "plain", AUTHENTICATOR_FIDO2, false, false);
    struct discharge_authenticator row = stores_find(s.store, "plain");
    assert_ok(discharge_authenticator_used(s.store, row.id, 5, s.now, &cloned, fault));
    assert_string_equal(offered(&s, "user = alice for 1h", "fido2"), "plain");
    assert_ok(discharge_authenticator_used(s.store, row.id, 5, s.now, &cloned, fault));
    assert_true(cloned);
    assert_string_equal(offered(&s, "user = alice for 1h", "fido2"), "?");
    services_close(&s);
}

// Answers for nobody, for a user without a key, and for one whose key does not fit are alike.
static void
nobody_learns_who_is_enrolled(void **state)
{
    static const char *const users[] = {"nobody", "bare", "sshonly", "no such name: \\\"*"};
    struct services s;
    char first[256] = "";
    (void)state;
    services_open(&s, ATTESTATION_OPTIONAL);
    services_add_user(&s, "bare");
    services_add_user(&s, "sshonly");
    add(&s, "sshonly", "ssh", "ssh", AUTHENTICATOR_SSH, false, false);
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        char condition[128], again[256];
        snprintf(condition, sizeof condition, "user = \"%s\" for 1h", users[i]);
        BUFFER_AUTO canonical;
        struct hole hole;
        buffer_init(&canonical, 512);
        assert_ok(hole_parse(bytes_str(condition), &canonical, &hole, fault));
        snprintf(condition, sizeof condition, "%s", buffer_text(&canonical));
        assert_string_equal(offered(&s, condition, "fido2"), "?");
        const json_t *list = json_object_get(json_object_get(s.json, "fido2"), "credentials");
        snprintf(again, sizeof again, "%s", json_string_value(json_array_get(list, 0)));
        assert_int_equal(strlen(again), 86); // 64 bytes, as YubiKeys have them
        assert_string_not_equal(again, first);
        assert_string_equal(offered(&s, condition, "fido2"), "?");
        list = json_object_get(json_object_get(s.json, "fido2"), "credentials");
        assert_string_equal(json_string_value(json_array_get(list, 0)), again);
        snprintf(first, sizeof first, "%s", again);
    }
    services_ask(&s, "user = nobody for 1h", "ssh");
    const json_t *list = json_object_get(json_object_get(s.json, "ssh"), "fingerprints");
    assert_int_equal(json_array_size(list), 1);
    assert_int_equal(json_string_length(json_array_get(list, 0)), SSH_FINGERPRINT_SIZE - 1);
    services_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(those_who_are_suitable_are_named),
        fixture_test(what_was_cloned_is_not),
        fixture_test(nobody_learns_who_is_enrolled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
