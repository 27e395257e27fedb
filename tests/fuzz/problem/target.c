/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/http/http1_write.c broker/http/json_text.c
 *
 * Whatever text a refusal quotes, the answer is one HTTP answer with one JSON body that says it,
 * and nothing of the text ends a line or a string.
 *
 * Input: a byte of reason, a byte of flags, and the detail.
 */

#include <jansson.h>

#include "../../../broker/http/http1_write.h"
#include "../../../broker/http/json_text.h"
#include "../fuzz.h"

static struct http1_problem
problem_of(uint8_t reason, uint8_t flags, struct bytes detail)
{
    enum kh_reason why = (enum kh_reason)(reason % KH_REASON_COUNT);
    return (struct http1_problem){
        .code = kh_reason_code(why),
        .title = kh_reason_sentence(why),
        .advice = kh_reason_advice(why),
        .status = (unsigned)kh_reason_status(why),
        .detail = detail,
        .retry_after_s = flags & 1 ? 7 : 0,
        .request_id_hex = flags & 2 ? BYTES("00112233445566778899aabbccddeeff") : BYTES_EMPTY,
        .close = flags & 4,
        .head = flags & 8,
        .basic_challenge = flags & 16,
        .for_nginx = flags & 32,
        .allow = flags & 64 ? "GET, POST" : NULL,
    };
}

static void
check_body(struct bytes body, const struct http1_problem *problem)
{
    json_error_t error;
    json_t *json =
        json_loadb((const char *)body.p, body.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    FUZZ_CHECK(json_is_object(json));
    FUZZ_SAME(bytes_str(json_string_value(json_object_get(json, "code"))),
              bytes_str(problem->code));
    const json_t *detail = json_object_get(json, "detail");
    FUZZ_CHECK((problem->detail.n > 0) == (detail != NULL));
    if (detail && bytes_is_utf8(problem->detail))
        FUZZ_SAME(bytes_of(json_string_value(detail), json_string_length(detail)), problem->detail);
    json_decref(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http1_head head;
    struct bytes rest = bytes_of(data, size);
    uint8_t reason = fuzz_u8(&rest), flags = fuzz_u8(&rest);
    struct http1_problem problem = problem_of(reason, flags, bytes_slice(rest, 0, 2000));
    const char *why = NULL;
    size_t scanned = 0;
    BUFFER_AUTO out = {0};

    buffer_init(&out, 1 << 18);
    http1_write_problem(&out, &problem);
    if (out.failed)
        return 0;
    struct bytes method = problem.head ? BYTES("HEAD") : BYTES("GET");
    if (http1_parse_response(buffer_bytes(&out), method, &head, &scanned, &why) != HTTP1_DONE) {
        fuzz_show(why ? why : "incomplete", buffer_bytes(&out));
        FUZZ_CHECK(!"an answer that parses");
    }
    FUZZ_CHECK(head.status == (problem.for_nginx && problem.status != 401 ? 403 : problem.status));
    struct bytes body = bytes_from(buffer_bytes(&out), head.length);
    if (problem.head)
        FUZZ_CHECK(body.n == 0);
    else
        FUZZ_CHECK(head.body == BODY_LENGTH && body.n == head.content_length);
    const struct http1_field *line = http1_find(&head, "keyhole-problem");
    if (body.n > 0)
        check_body(body, &problem);
    if (line)
        check_body(line->value, &problem);
    return 0;
}
