/* SPDX-License-Identifier: Apache-2.0
 *
 * A request from text: parsed, and made canonical for one destination.
 */
#ifndef KEYHOLE_REQUEST_TEST_H
#define KEYHOLE_REQUEST_TEST_H

#include "http_test.h"

#include "../../../broker/http/http1_write.h"
#include "../../../broker/http/request.h"

struct parsed {
    struct http1_head head;
    struct request request;
    struct fault fault;
};

static inline void
parse_head(const char *text, struct http1_head *head)
{
    const char *why = "incomplete";
    size_t scanned = 0;

    if (http1_parse_request(bytes_str(text), head, &scanned, &why) != HTTP1_DONE) {
        print_text(why, bytes_str(text));
        fail();
    }
}

/* `text` stays the caller's, and must outlive `parsed`. */
static inline enum kh_reason
build_for(const char *text, const struct request_destination *to, struct parsed *parsed)
{
    struct request_destination destination = *to;

    memset(&parsed->fault, 0, sizeof parsed->fault);
    parse_head(text, &parsed->head);
    destination.path = parsed->head.path;
    return request_build(&parsed->head, &destination, &parsed->request, &parsed->fault);
}

static inline struct request_destination
to_example(void)
{
    return (struct request_destination){
        .way = WAY_HOST, .scheme = BYTES("https"), .host = BYTES("api.example.com"), .port = 443};
}

static inline void
build_ok(const char *text, struct parsed *parsed)
{
    struct request_destination to = to_example();
    enum kh_reason reason = build_for(text, &to, parsed);

    if (reason != KH_REASON_UNSET)
        fail_msg("refused: %s, %s", kh_reason_code(reason), parsed->fault.detail);
}

static inline void
assert_reason_at(enum kh_reason got, enum kh_reason want, const char *file, int line)
{
    if (got == want)
        return;
    fprintf(stderr, "got %s, expected %s\n", got ? kh_reason_code(got) : "no refusal",
            want ? kh_reason_code(want) : "no refusal");
    _fail(file, line);
}
#define assert_reason(got, want) assert_reason_at(got, want, __FILE__, __LINE__)

#endif
