/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/inject.h"
#include "../../../broker/authority/mint.h"
#include "jwt_keys.h"

#include <ctype.h>

static void
unknown_names(void **state)
{
    const struct preset *preset = NULL;

    (void)state;
    assert_fault(preset_find(BYTES_EMPTY, &preset, fault), KH_ERR_UNKNOWN, "no such preset");
    assert_fault(preset_find(BYTES("gihtub"), &preset, fault), KH_ERR_UNKNOWN,
                 "did you mean github?");
    assert_null(preset);
    assert_null(preset_at(preset_count()));
}

static void
words(void **state)
{
    struct bytes rest = BYTES("  one two   three "), word;

    (void)state;
    assert_true(preset_word(&rest, &word) && bytes_is(word, "one"));
    assert_true(preset_word(&rest, &word) && bytes_is(word, "two"));
    assert_true(preset_word(&rest, &word) && bytes_is(word, "three"));
    assert_false(preset_word(&rest, &word));
    rest = BYTES_EMPTY;
    assert_false(preset_word(&rest, &word));
}

static struct bytes
secret_for(enum inject_kind kind)
{
    switch (kind) {
    case INJECT_BASIC:
        return BYTES("user:password");
    case INJECT_SIGV4:
        return BYTES("AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    case INJECT_JWT: {
        static char account[4096];
        size_t n = (size_t)snprintf(account, sizeof account,
                                    "{\"client_email\": \"a@b.example\", \"private_key\": \"");
        for (const char *p = RSA_PKCS8; *p; p++)
            n += (size_t)snprintf(account + n, sizeof account - n, *p == '\n' ? "\\n" : "%c", *p);
        snprintf(account + n, sizeof account - n, "\"}");
        return bytes_str(account);
    }
    default:
        return BYTES("abc123");
    }
}

// Where everybody has a host of their own, the sentence says how to name it.
static void
a_preset_without_hosts_asks_for_one(void **state)
{
    static const char *const names[] = {"azure-openai", "npm", "pypi", "docker"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct store_credential row = {.name = BYTES("x"), .preset = bytes_str(names[i])};
        struct credential *credential = NULL;
        assert_fault(credential_build(&row, true, &credential, fault), KH_ERR_USAGE,
                     "say it with --host");
        row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = BYTES("own.example");
        assert_ok(credential_build(&row, true, &credential, fault));
        assert_true(credential_allows_host(credential, BYTES("https"), BYTES("own.example"), 443));
        credential_free(&credential);
    }
}

// Every row of the table makes a credential by itself, and its parts are what they must be.
static void
every_row_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < preset_count(); i++) {
        const struct preset *preset = preset_at(i);
        struct store_credential row = {
            .name = bytes_str(preset->name), .preset = bytes_str(preset->name), .enabled = true};
        struct credential *credential = NULL;
        struct bytes rest = bytes_str(preset->environment), word;
        bool own_options = strcmp(preset->name, "github-app") == 0; // which app, where
        if (own_options) {
            row.item[STORE_LIST_OPTIONS][0] = BYTES("issuer=12345");
            row.item[STORE_LIST_OPTIONS][1] = BYTES("installation=678");
            row.item_count[STORE_LIST_OPTIONS] = 2;
        }
        if (strlen(preset->hosts) == 0)
            row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = BYTES("own.example");
        assert_ok(credential_build(&row, true, &credential, fault));
        assert_ptr_equal(credential->preset, preset);
        // A base URL needs one host to lead to.
        assert_false(bytes_starts(credential->route.host[0], BYTES("*.")));
        assert_true(credential->route.slot_count > 0);
        assert_ok(
            credential_check_secret(credential, secret_for(credential->route.inject_kind), fault));
        assert_true(preset->probe[0] == '/' || strcmp(preset->probe, "-") == 0);
        const char *status = strpbrk(preset->probe, " \n");
        if (status && *status == ' ') {
            assert_true(atoi(status + 1) >= 400 && atoi(status + 1) <= 499);
            assert_true(status[4] == '\0' || status[4] == '\n');
        }
        while (preset_word(&rest, &word)) {
            size_t equals = bytes_index(word, '=');
            assert_true(equals > 0 && equals < word.n);
            for (size_t j = 0; j < equals; j++)
                assert_true(isalpha(word.p[j]) || word.p[j] == '_');
            assert_true(bytes_find(word, BYTES("{token}")) < word.n ||
                        bytes_find(word, BYTES("{base}")) < word.n ||
                        bytes_ends(word, BYTES("=__token__")) ||
                        bytes_ends(word, BYTES("=unused")));
        }
        assert_true(strlen(preset->doc) > 0);
        assert_true(mint_prefix_check(bytes_str(preset->token_prefix)));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(preset->name, preset_at(j)->name);
        credential_free(&credential);
    }
}

static void
the_promised_ones(void **state)
{
    static const struct {
        const char *name, *host, *slot, *header, *prefix;
    } rows[] = {
        {"openai", "api.openai.com", "bearer", "authorization", "sk-"},
        {"anthropic", "api.anthropic.com", "header:x-api-key", "x-api-key", "sk-ant-"},
        {"github", "github.com", "basic", "authorization", "ghp_"},
        {"gitlab", "gitlab.com", "header:private-token", "authorization", "glpat-"},
        {"stripe", "api.stripe.com", "basic", "authorization", "sk_live_"},
        {"google", "generativelanguage.googleapis.com", "query:key", "x-goog-api-key", "AIza"},
        {"slack", "slack.com", "bearer", "authorization", "xoxb-"},
        {"huggingface", "huggingface.co", "bearer", "authorization", "hf_"},
        {"cloudflare", "api.cloudflare.com", "bearer", "authorization", ""},
        {"telegram", "api.telegram.org", "path", NULL, "0:"},
        {"sentry", "sentry.io", "bearer", "authorization", ""},
        {"datadog", "api.datadoghq.eu", "header:dd-api-key", "dd-api-key", ""},
        {"aws", "bucket.s3.eu-west-1.amazonaws.com", "aws", NULL, ""},
        {"gcp", "storage.googleapis.com", "bearer", NULL, "ya29."},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct store_credential row = {.name = BYTES("x"), .preset = bytes_str(rows[i].name)};
        struct credential *credential = NULL;
        bool has_slot = false;
        assert_ok(credential_build(&row, true, &credential, fault));
        assert_true(
            credential_allows_host(credential, BYTES("https"), bytes_str(rows[i].host), 443));
        for (size_t j = 0; j < credential->row.item_count[STORE_LIST_SLOTS]; j++)
            has_slot =
                has_slot || bytes_is(credential->row.item[STORE_LIST_SLOTS][j], rows[i].slot);
        assert_true(has_slot);
        if (rows[i].header)
            assert_true(bytes_is(credential->route.inject_name, rows[i].header));
        assert_string_equal(credential->preset->token_prefix, rows[i].prefix);
        credential_free(&credential);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(words),
        cmocka_unit_test(a_preset_without_hosts_asks_for_one),
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(the_promised_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
