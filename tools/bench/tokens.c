/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens per second on one core, without sockets: attenuating, verifying a chain, judging a
 * request. One line of JSON for each, CPU time. SECONDS is the only argument. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../caveats/caveat.h"
#include "../../caveats/decide.h"
#include "../../caveats/policy.h"

static const uint8_t root_key[TOKEN_KEY_SIZE] = "a root key of thirty-two bytes!!";
static const uint8_t hole_key[TOKEN_KEY_SIZE] = "the key inside of the ticket....";

#define ISSUED   1780000000
#define EXPIRES  1790000000
#define LOCATION BYTES("https://broker.example")

static const struct bytes five[] = {
    BYTES("method in GET, POST"),
    BYTES("host = upstream.example"),
    BYTES("path ~ /v1/**"),
    BYTES("time < 2100-01-01T00:00:00Z"),
    BYTES("header[x-forbidden] absent"),
};

static const char rules[] =
    "version: 1\n"
    "groups:\n  eng: [alice, bob, carol]\n  ops: [dave]\n"
    "grants:\n"
    "  - { name: ops-all, to: [group ops], credentials: [one] }\n"
    "  - name: eng-one\n    to: [group eng]\n    credentials: [one]\n"
    "    caveats: [\"method in GET, POST\", \"path ~ /v1/** or path = /models\"]\n"
    "forbid:\n"
    "  - { name: no-deletes, when: [credential = one, method = DELETE] }\n"
    "  - { name: no-admin, when: [\"path ~ /v1/admin/**\"] }\n";

struct subject {
    struct buffer plain, discharged;
    struct token *scanned; /* of plain */
    struct policy *policy;
    struct chain_cache *chains;
};

static void
check(bool good, const char *what, const struct fault *fault)
{
    if (good)
        return;
    fprintf(stderr, "tokens: %s: %s\n", what, fault != NULL ? fault->detail : "failed");
    exit(1);
}

static struct token *
scan(const struct buffer *text)
{
    struct token *token = NULL;
    struct fault fault = {0};
    check(token_scan(buffer_bytes(text), &token, &fault) == KH_OK, "scan", &fault);
    return token;
}

// A hole, and the discharge that fills it: bound to the lineage, as dischargers do.
static void
fill_hole(struct subject *s)
{
    struct fault fault = {0};
    struct buffer open, discharge;
    uint8_t lineage[LINEAGE_ID_SIZE];
    char hex[2 * LINEAGE_ID_SIZE + 1], parent[80];
    buffer_init(&open, TOKEN_TEXT_MAX);
    buffer_init(&discharge, TOKEN_TEXT_MAX);
    buffer_init(&s->discharged, TOKEN_TEXT_MAX);
    enum kh_err err = token_add_hole(s->scanned, BYTES("user = alice and factor = fido2 for 8h"),
                                     hole_key, BYTES("a ticket, which would be sealed"),
                                     BYTES("https://discharger.example"), &open, &fault);
    check(err == KH_OK, "hole", &fault);
    struct token *token = scan(&open);
    token_lineage_last(token, lineage);
    check(bytes_to_hex(bytes_of(lineage, sizeof lineage), hex, sizeof hex), "lineage", NULL);
    snprintf(parent, sizeof parent, "parent = %s", hex);
    struct bytes conditions[] = {BYTES("time < 2100-01-01T00:00:00Z"), bytes_str(parent)};
    err = token_discharge_make(BYTES("a ticket, which would be sealed"), hole_key,
                               BYTES("https://discharger.example"), conditions, 2, &discharge,
                               &fault);
    check(err == KH_OK, "discharge", &fault);
    struct bytes one = buffer_bytes(&discharge);
    err = token_add_discharges(token, &one, 1, &s->discharged, &fault);
    check(err == KH_OK, "fill", &fault);
    token_free(&token);
    buffer_free(&open);
    buffer_free(&discharge);
}

static void
prepare(struct subject *s)
{
    struct fault fault = {0};
    const struct token_identity identity = {
        .key_id = 7,
        .token_id = "sixteen bytes...",
        .issued_at = ISSUED,
        .expires_at = EXPIRES,
        .principal = BYTES("alice"),
        .credential = {BYTES("one")},
        .credential_count = 1,
    };
    buffer_init(&s->plain, TOKEN_TEXT_MAX);
    enum kh_err err = token_mint(&identity, root_key, LOCATION, five, 5, &s->plain, &fault);
    check(err == KH_OK, "mint", &fault);
    s->scanned = scan(&s->plain);
    fill_hole(s);
    err = policy_read("rules", bytes_str(rules), &s->policy, &fault);
    check(err == KH_OK, "policy", &fault);
    check(chain_cache_new(64, &s->chains) == KH_OK, "chains", NULL);
}

/* ---- the world that requests are judged in ---- */

static bool
know_key(void *context, uint32_t key_id, uint8_t key[TOKEN_KEY_SIZE])
{
    (void)context;
    memcpy(key, root_key, TOKEN_KEY_SIZE);
    return key_id == 7;
}

static bool
know_no_revocation(void *context, const struct token_identity *identity,
                   const struct token_verified *verified, struct bytes credential)
{
    (void)context, (void)identity, (void)verified, (void)credential;
    return false;
}

static bool
know_credential(void *context, struct bytes name, struct decision_credential *out)
{
    (void)context;
    *out = (struct decision_credential){
        .name = name, .enabled = true, .host_allowed = true, .slot_allowed = true};
    return true;
}

static void
judge(const struct buffer *text, const struct policy *policy, struct chain_cache *chains)
{
    static const struct fact_pair headers[] = {{BYTES("accept"), BYTES("*/*")},
                                               {BYTES("user-agent"), BYTES("bench")}};
    const struct facts facts = {
        .scheme = BYTES("https"),
        .host = BYTES("upstream.example"),
        .port = 443,
        .method = BYTES("GET"),
        .path = BYTES("/v1/hello"),
        .header = headers,
        .header_count = 2,
        .client = BYTES("127.0.0.1"),
        .time = ISSUED + 1000,
    };
    const struct decision_world world = {
        .root_key = know_key,
        .revoked = know_no_revocation,
        .credential = know_credential,
        .chains = chains,
        .policy = policy,
    };
    struct decision decision;
    decide(&world, buffer_bytes(text), BYTES_EMPTY, &facts, &decision, NULL);
    if (decision.verdict != DECISION_ALLOW) {
        fprintf(stderr, "tokens: denied: %s\n", decision.detail);
        exit(1);
    }
}

/* ---- what is measured ---- */

static void
attenuate(struct subject *s)
{
    const struct bytes caveat = BYTES("path ~ /v1/models/**");
    struct fault fault;
    struct buffer out;
    buffer_init(&out, TOKEN_TEXT_MAX);
    struct token *token = scan(&s->plain);
    check(token_attenuate(token, &caveat, 1, &out, &fault) == KH_OK, "attenuate", &fault);
    token_free(&token);
    buffer_free(&out);
}

static void
verify(struct subject *s)
{
    struct token_verified verified;
    struct fault fault;
    check(token_verify(s->scanned, root_key, &verified, &fault) == KH_OK, "verify", &fault);
}

static void
judge_plain(struct subject *s)
{
    judge(&s->plain, NULL, NULL);
}

static void
judge_policy(struct subject *s)
{
    judge(&s->plain, s->policy, NULL);
}

static void
judge_discharged(struct subject *s)
{
    judge(&s->discharged, NULL, NULL);
}

static void
judge_again(struct subject *s)
{
    judge(&s->plain, s->policy, s->chains);
}

static void
judge_discharged_again(struct subject *s)
{
    judge(&s->discharged, s->policy, s->chains);
}

static const struct {
    const char *name;
    void (*work)(struct subject *);
} jobs[] = {
    {"attenuate by one caveat, 5 caveats before", attenuate},
    {"verify the chain, 5 caveats", verify},
    {"judge, 5 caveats", judge_plain},
    {"judge, 5 caveats, policy", judge_policy},
    {"judge, 5 caveats, discharge", judge_discharged},
    {"judge, 5 caveats, policy, token seen before", judge_again},
    {"judge, 5 caveats, policy, discharge, token seen before", judge_discharged_again},
};

static double
cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1;
    struct subject subject = {0};
    if (sodium_init() < 0)
        return 1;
    prepare(&subject);
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        unsigned long count = 0;
        for (int warm = 0; warm < 1000; warm++)
            jobs[i].work(&subject);
        double start = cpu_seconds(), used = 0;
        while ((used = cpu_seconds() - start) < seconds) {
            for (int n = 0; n < 100; n++)
                jobs[i].work(&subject);
            count += 100;
        }
        printf("{\"name\":\"%s\",\"per_second\":%.0f,\"us_each\":%.3f}\n", jobs[i].name,
               (double)count / used, used * 1e6 / (double)count);
    }
    token_free(&subject.scanned);
    policy_free(&subject.policy);
    chain_cache_free(&subject.chains);
    buffer_free(&subject.plain);
    buffer_free(&subject.discharged);
    return 0;
}
