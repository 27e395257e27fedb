/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/ticket.h"
#include "unit.h"

#define KEY "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"

static void
refused_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum kh_err err;
    } cases[] = {
        {"", KH_ERR_SYNTAX},
        {"discharge.example", KH_ERR_SYNTAX},
        {"ftp://discharge.example", KH_ERR_SYNTAX},
        {"https://", KH_ERR_SYNTAX},
        {"https:///", KH_ERR_SYNTAX},
        {"https://discharge.example//", KH_ERR_SYNTAX},
        {"https://discharge.example/path", KH_ERR_SYNTAX},
        {"https://discharge.example?q", KH_ERR_SYNTAX},
        {"https://discharge.example#f", KH_ERR_SYNTAX},
        {"https://alice@discharge.example", KH_ERR_SYNTAX},
        {"https://alice:pw@discharge.example", KH_ERR_SYNTAX},
        {"https://discharge.example:0", KH_ERR_SYNTAX},
        {"https://discharge.example:65536", KH_ERR_SYNTAX},
        {"https://discharge.example:", KH_ERR_SYNTAX},
        {"https://discharge.example\\@evil.example", KH_ERR_SYNTAX},
        {"https://discharge.example evil", KH_ERR_SYNTAX},
        {" https://discharge.example", KH_ERR_SYNTAX},
        {"https://discharge.example\n", KH_ERR_SYNTAX},
        {"https://1.2.3", KH_ERR_SYNTAX},
        {"http://discharge.example", KH_ERR_USAGE},
        {"http://localhost.example", KH_ERR_USAGE},
        {"http://127.0.0.1.example", KH_ERR_USAGE},
        {"http://128.0.0.1", KH_ERR_USAGE},
        {"http://0.0.0.0", KH_ERR_USAGE},
        {"http://[::2]", KH_ERR_USAGE},
        {"http://[::]:8438", KH_ERR_USAGE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[DISCHARGER_URL_MAX + 1] = "as it was";
        struct fault fault = {0};
        expect_err(cases[i].url, discharger_url_parse(bytes_str(cases[i].url), out, &fault),
                   cases[i].err);
        expect_text(cases[i].url, bytes_str(out), "as it was");
        assert_true(fault.detail[0] != '\0');
    }
    char out[DISCHARGER_URL_MAX + 1], longest[400] = "https://";
    memset(longest + 8, 'a', 193);
    for (size_t i = 30; i < 190; i += 30)
        longest[i] = '.';
    expect_err("201", discharger_url_parse(bytes_of(longest, 201), out, NULL), KH_ERR_SYNTAX);
    expect_err("200", discharger_url_parse(bytes_of(longest, 200), out, NULL), KH_OK);
    expect_err("NUL", discharger_url_parse(BYTES("https://a.example\0b"), out, NULL),
               KH_ERR_SYNTAX);
}

static void
canonical_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *canonical;
    } cases[] = {
        {"https://discharge.example", "https://discharge.example"},
        {"HTTPS://Discharge.Example/", "https://discharge.example"},
        {"https://discharge.example.:443/", "https://discharge.example"},
        {"https://discharge.example:8438", "https://discharge.example:8438"},
        {"https://discharge.example:80", "https://discharge.example:80"},
        {"https://b\xc3\xbc"
         "cher.example",
         "https://xn--bcher-kva.example"},
        {"https://[2001:DB8:0::1]:443", "https://[2001:db8::1]"},
        {"http://localhost:8438", "http://localhost:8438"},
        {"http://LOCALHOST:80/", "http://localhost"},
        {"http://127.0.0.1:8438", "http://127.0.0.1:8438"},
        {"http://127.9.8.7", "http://127.9.8.7"},
        {"http://[::1]:8438", "http://[::1]:8438"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[DISCHARGER_URL_MAX + 1], again[DISCHARGER_URL_MAX + 1];
        struct fault fault = {0};
        if (discharger_url_parse(bytes_str(cases[i].url), out, &fault) != KH_OK)
            FAIL_WITH("%s: %s", cases[i].url, fault.detail);
        expect_text(cases[i].url, bytes_str(out), cases[i].canonical);
        expect_err("again", discharger_url_parse(bytes_str(out), again, NULL), KH_OK);
        expect_text("again", bytes_str(again), out);
    }
}

static void
refused_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "with its public key"},
        {"https://discharge.example", "with its public key"},
        {"https://discharge.example#" KEY, "with its public key"},
        {"#kd1_" KEY, "begins with https://"},
        {"https://discharge.example/x#kd1_" KEY, "nothing else"},
        {"https://discharge.example#kd1_", "not a public key"},
        {"https://discharge.example#kd1_" KEY "A", "not a public key"},
        {"https://discharge.example#kd1_" KEY "=", "not a public key"},
        {"https://discharge.example#kd1_" KEY " ", "not a public key"},
        {"https://discharge.example#kd1_" KEY "#kd1_" KEY, "not a public key"},
        {"https://discharge.example#kd1_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw", "not a"},
        {"https://discharge.example#kd1_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyB", "not a"},
        {"https://discharge.example#kd1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "not a"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct discharger out = {.url = "as it was"};
        struct fault fault = {0};
        expect_err(cases[i].text, discharger_parse(bytes_str(cases[i].text), &out, &fault),
                   KH_ERR_SYNTAX);
        expect_text(cases[i].text, bytes_str(out.url), "as it was");
        if (!strstr(fault.detail, cases[i].says))
            FAIL_WITH("%s: expected \"%s\", got: %s", cases[i].text, cases[i].says, fault.detail);
    }
    struct discharger out;
    expect_err("http", discharger_parse(BYTES("http://example.com#kd1_" KEY), &out, NULL),
               KH_ERR_USAGE);
}

static void
one_word(void **state)
{
    (void)state;
    struct discharger out;
    BUFFER_AUTO text;
    buffer_init(&text, DISCHARGER_TEXT_MAX);
    memset(&out, 'x', sizeof out);
    expect_err("parse", discharger_parse(BYTES("https://Discharge.example/#kd1_" KEY), &out, NULL),
               KH_OK);
    expect_text("url", bytes_str(out.url), "https://discharge.example");
    expect_text("name", bytes_str(out.name), "");
    for (uint8_t i = 0; i < TICKET_PUBLIC_KEY_SIZE; i++)
        assert_int_equal(out.public_key[i], i + 1);
    discharger_print(&out, &text);
    expect_text("print", buffer_bytes(&text), "https://discharge.example#kd1_" KEY);
}

/* SHA-256 of 01 02 … 20, computed elsewhere (sha256sum). */
static void
key_ids(void **state)
{
    (void)state;
    struct discharger out;
    uint8_t id[TICKET_KEY_ID_SIZE];
    static const uint8_t expected[] = {0xae, 0x21, 0x6c, 0x2e};
    expect_err("parse", discharger_parse(BYTES("http://localhost#kd1_" KEY), &out, NULL), KH_OK);
    assert_true(discharger_key_id(out.public_key, id));
    assert_memory_equal(id, expected, sizeof expected);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_urls),  cmocka_unit_test(canonical_urls),
        cmocka_unit_test(refused_texts), cmocka_unit_test(one_word),
        cmocka_unit_test(key_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
