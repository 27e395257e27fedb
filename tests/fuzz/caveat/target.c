/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: caveats/caveat.c caveats/predicate.c caveats/predicate_value.c caveats/predicate_judge.c
 * caveats/quoted.c caveats/body_facts.c caveats/explain.c
 *
 * A caveat that is read prints a text that reads as the same; judging twice says the same; what
 * holds may hold by some reading; a forbid never says less than the caveat; explaining agrees.
 *
 * Input: a caveat on the first line, and facts on the others: "METHOD URL", "Name: value" fields,
 * "!" and the text of a JSON body.
 */

#include "../../../caveats/body_facts.h"
#include "../../../caveats/body_need.h"
#include "../../../caveats/caveat.h"
#include "../../../caveats/explain.h"
#include "../../../caveats/request_text.h"
#include "../fuzz.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static const char *const words[] = {
    "method in GET, HEAD",
    "path ~ /v1/** or method != POST",
    "query[limit] <= 100",
    "query[n] = 1.0",
    "body[/model] in gpt-4o, \"gpt-4o-mini\"",
    "body[/n] < 1e3 or body[/s] present",
    "header[content-type] = application/json",
    "time < 2026-12-01T00:00:00Z",
    "host ~ *.example.com",
    "client in 192.0.2.0/24, unix",
    "port = 443",
    "scheme = https",
    "body-size <= 1MiB",
    "uses <= 3",
    "rate <= 10/1m",
    "label = \"a\\u00e9\"",
    "user = alice or group = eng",
    "credential = openai",
    "upgrade absent",
    "POST https://api.example.com/v1/models?limit=100&n=01&n=1",
    "GET https://api.example.com/v1/%2e/a",
    "DELETE http://[2001:db8::1]:8080/",
    "Content-Type: application/json",
    "Accept: a, b",
    "!{\"model\":\"gpt-4o\",\"n\":999,\"s\":null}",
    "![1,2,{\"a\":true}]",
    NULL,
};

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    return fuzz_mutate_lines(data, size, max, seed, words);
}

struct scene {
    struct request_text request;
    struct facts facts;
    struct fact_body_value value[BODY_POINTERS_MAX];
    struct buffer storage;
};

static void
scene_read(struct scene *scene, struct bytes rest, const struct body_need *need)
{
    static const struct bytes groups[] = {BYTES("eng"), BYTES("ops")};
    struct bytes line = fuzz_line(&rest), body = BYTES_EMPTY;
    bool has_body = false;

    buffer_init(&scene->storage, BODY_VALUES_TEXT_MAX);
    FUZZ_CHECK(buffer_reserve(&scene->storage, BODY_VALUES_TEXT_MAX));
    if (request_text_read(line, 0, &scene->request, NULL) != KH_OK)
        return; /* facts of nothing at all */
    while (rest.n) {
        line = fuzz_line(&rest);
        if (line.n && line.p[0] == '!') {
            body = bytes_from(line, 1);
            has_body = true;
        } else {
            (void)!request_text_header(&scene->request, line, NULL);
        }
    }
    scene->facts = scene->request.facts;
    scene->facts.client = BYTES("192.0.2.7");
    scene->facts.time = 1780000000;
    scene->facts.user = BYTES("alice");
    scene->facts.credential = BYTES("openai");
    scene->facts.group = groups;
    scene->facts.group_count = 2;
    if (has_body) {
        const struct body_question question = {need->pointer, need->count, need->sha256};
        scene->facts.body = body_facts_read(body, scene->facts.header, scene->facts.header_count,
                                            &question, scene->value, &scene->storage);
    }
}

static void
judge(const struct caveat *caveat, const struct facts *facts)
{
    BUFFER_AUTO text = {0};
    bool holds = caveat_holds(caveat, facts);
    enum caveat_verdict verdict = caveat_judge(caveat, facts);
    enum judgement hidden = caveat_judge_hidden(caveat, facts, NULL, NULL);
    enum judgement reading = caveat_judge_any_reading(caveat, facts, NULL, NULL);

    FUZZ_CHECK(holds == caveat_holds(caveat, facts));
    FUZZ_CHECK(holds == (verdict == CAVEAT_HOLDS));
    FUZZ_CHECK(holds == (hidden == JUDGEMENT_HOLDS));
    FUZZ_CHECK((verdict == CAVEAT_NEEDS_BODY) == (hidden == JUDGEMENT_NEEDS_BODY));
    if (holds)
        FUZZ_CHECK(reading == JUDGEMENT_HOLDS);
    if (caveat_counter(caveat))
        FUZZ_CHECK(!holds);
    if (facts->body.is_read)
        FUZZ_CHECK(verdict != CAVEAT_NEEDS_BODY || !facts->body.has_sha256);
    FUZZ_CHECK(caveat_next_change(caveat, facts->time) > facts->time);
    (void)caveat_end(caveat);
    buffer_init(&text, 1 << 16);
    explain_caveat(caveat, facts, &text);
}

static void
same_again(const struct caveat *caveat, const struct facts *facts)
{
    BUFFER_AUTO text = {0};
    BUFFER_AUTO text_again = {0};
    struct caveat *again = NULL;

    buffer_init(&text, 1 << 16);
    buffer_init(&text_again, 1 << 16);
    caveat_print(caveat, &text);
    FUZZ_CHECK(!text.failed);
    /* What is printed is quoted and may be longer than a caveat may be. */
    enum kh_err err = caveat_parse(buffer_bytes(&text), &again, NULL);
    if (err == KH_ERR_TOO_LONG)
        return;
    if (err != KH_OK)
        fuzz_show("printed", buffer_bytes(&text));
    FUZZ_CHECK(err == KH_OK);
    caveat_print(again, &text_again);
    FUZZ_SAME(buffer_bytes(&text), buffer_bytes(&text_again));
    FUZZ_CHECK(caveat_judge(caveat, facts) == caveat_judge(again, facts));
    caveat_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scene scene;
    static struct body_need need;
    struct bytes rest = bytes_of(data, size), line = fuzz_line(&rest);
    struct caveat *caveat = NULL;
    struct fault fault = {0};

    enum kh_err err = caveat_parse(line, &caveat, &fault);
    FUZZ_CHECK((err == KH_OK) == (caveat != NULL));
    if (err != KH_OK) {
        FUZZ_CHECK(fault.detail[0] != '\0');
        return 0;
    }
    FUZZ_CHECK(caveat->count >= 1);
    memset(&need, 0, sizeof need);
    memset(&scene, 0, sizeof scene);
    (void)body_need_add(&need, caveat);
    scene_read(&scene, rest, &need);
    judge(caveat, &scene.facts);
    same_again(caveat, &scene.facts);
    caveat_free(&caveat);
    request_text_free(&scene.request);
    buffer_free(&scene.storage);
    return 0;
}
