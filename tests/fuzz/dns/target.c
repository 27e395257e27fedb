/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/proxy/dns_answer.c
 *
 * An answer is never much longer than its question, repeats its id, is marked as an answer, and has
 * an address only when the name is one of ours. The same question has the same answer.
 *
 * Input: a DNS message.
 */

#include "../../../broker/proxy/dns_answer.h"
#include "../fuzz.h"

static unsigned asked, granted;

static bool
allowed(void *context, struct bytes host)
{
    (void)context;
    bool yes = bytes_is(host, "api.test") || bytes_ends(host, BYTES(".api.test"));
    for (size_t i = 0; i < host.n; i++)
        FUZZ_CHECK(host.p[i] > 0x20 && host.p[i] < 0x7f && !(host.p[i] >= 'A' && host.p[i] <= 'Z'));
    asked++;
    granted += yes;
    return yes;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct dns_rules rules = {.address = {192, 0, 2, 10}, .allowed = allowed};
    const struct dns_rules nothing = {.allowed = allowed};
    struct dns_name name = {"?"}, other = {"?"};
    struct bytes query = bytes_of(data, size);
    BUFFER_AUTO out = {0};
    BUFFER_AUTO again = {0};

    asked = granted = 0;
    buffer_init(&out, DNS_ANSWER_MAX);
    buffer_init(&again, DNS_ANSWER_MAX);
    enum dns_outcome outcome = dns_answer(query, &rules, &name, &out);
    FUZZ_CHECK(!out.failed && out.n <= size + DNS_ANSWER_EXTRA);
    FUZZ_CHECK((outcome == DNS_DROPPED) == (out.n == 0));
    if (outcome == DNS_ANSWERED)
        FUZZ_CHECK(granted == 1 && asked == 1);
    if (out.n) {
        FUZZ_CHECK(out.n >= 12 && size >= 12 && memcmp(out.p, data, 2) == 0);
        FUZZ_CHECK((out.p[2] & 0x80) != 0 && (data[2] & 0x80) == 0);
        FUZZ_CHECK((out.p[7] == 1) == (outcome == DNS_ANSWERED && out.p[7]) && out.p[6] == 0);
    }
    if (outcome == DNS_ANSWERED || outcome == DNS_NAME_REFUSED)
        for (const char *c = name.text; *c; c++)
            FUZZ_CHECK(*c > 0x20 && *c < 0x7f);
    FUZZ_CHECK(dns_answer(query, &rules, &other, &again) == outcome);
    FUZZ_SAME(buffer_bytes(&out), buffer_bytes(&again));
    buffer_clear(&again);
    enum dns_outcome refused = dns_answer(query, &nothing, &other, &again);
    FUZZ_CHECK(refused != DNS_ANSWERED);
    return 0;
}
