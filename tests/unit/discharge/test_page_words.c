/* SPDX-License-Identifier: Apache-2.0 */
/* What a hole demands, in plain words. */
#include "../../../broker/discharge/pages.h"
#include "services.h"

static void
assert_words(const char *condition, const char *words, const char *factors)
{
    struct hole_demand demand;
    BUFFER_AUTO out, list;
    buffer_init(&out, 1024);
    buffer_init(&list, 1024);
    assert_ok(hole_demand_read(bytes_str(condition), &demand, fault));
    words_put_demand(&out, &demand);
    words_put_factors(&list, &demand);
    hole_demand_free(&demand);
    assert_string_equal(buffer_text(&out), words);
    assert_string_equal(buffer_text(&list), factors);
}

static void
sentences(void **state)
{
    (void)state;
    assert_words("user = alice for 1h", "you are alice, and touch your own security key",
                 "yubikey, fido2, ssh, ssh-sk");
    assert_words("user in alice, bob, carol and factor = yubikey for 1h",
                 "you are alice, bob or carol, and touch your own YubiKey", "yubikey");
    assert_words("factor = fido2 and verification = pin for 1h",
                 "you are enrolled here, touch your own security key, and unlock it with its PIN "
                 "or fingerprint",
                 "yubikey, fido2");
    assert_words("user = \"\\u202ebob\" and factor = fido2 for 1h",
                 "you are \\u{202e}bob, and touch your own security key", "yubikey, fido2");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sentences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
