/* SPDX-License-Identifier: Apache-2.0 */
/* A token in a field of the body, the key in its place; and what stands beside them. */
#include "fixture.h"

#include "../../../broker/http/request.h"

#define FORM  "application/x-www-form-urlencoded"
#define JSON  "application/json"
#define OTHER "kh1_AgELb3RoZXItdG9rZW4tdGV4dA"

static struct world *w;
static int client;

static void
begin(bool foreign_pass)
{
    const struct world_route route = {
        .credential = "api",
        .host = "api.test",
        .foreign_pass = foreign_pass,
        .slot = {{.kind = SLOT_BEARER},
                 {.kind = SLOT_FIELD, .name = BYTES("key")},
                 {.kind = SLOT_FIELD, .name = BYTES("/auth/key")}},
        .slot_count = 3,
    };
    w = world_new(&route, 1, NULL);
    client = connect_loopback(w->port);
}

static void
end(void)
{
    close(client);
    world_free(w);
}

/* `fields`: header lines of its own. */
static void
post(const char *type, const char *fields, const char *body)
{
    char head[2048];
    snprintf(head, sizeof head,
             "POST /~api/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n%s"
             "Content-Length: %zu\r\n\r\n",
             type, fields, strlen(body));
    send_text(client, head);
    send_text(client, body);
}

#define BEARER(text) "Authorization: Bearer " text "\r\n"

/* ---- what is refused ---- */

static const struct {
    const char *type, *fields, *body;
    enum kh_reason reason;
    const char *says;
} refused[] = {
    {FORM, "", "a=b", KH_REASON_TOKEN_MISSING, ""},
    {FORM, "", "key=", KH_REASON_TOKEN_MISSING, ""},
    {FORM, "", "key=real", KH_REASON_FOREIGN_KEY, ""},
    {FORM, BEARER(TOKEN), "key=real", KH_REASON_FOREIGN_KEY, ""},
    {FORM, "", "key=" TOKEN "&key=real", KH_REASON_TOKEN_MISPLACED, "twice"},
    {FORM, "", "key=" TOKEN "&key=", KH_REASON_TOKEN_MISPLACED, "twice"},
    {FORM, "", "key=" TOKEN "&Key=real", KH_REASON_TOKEN_MISPLACED, "by case"},
    {FORM, "", "key=" TOKEN "&a=b;key=real", KH_REASON_TOKEN_MISPLACED, "by case"},
    {FORM, BEARER(TOKEN), "KEY=real", KH_REASON_TOKEN_MISPLACED, "by case"},
    {FORM, BEARER(OTHER), "key=" TOKEN, KH_REASON_TOKEN_MISPLACED, "different tokens"},
    {JSON, "", "{\"auth\":{\"key\":\"real\"}}", KH_REASON_FOREIGN_KEY, ""},
    {JSON, "", "{\"auth\":{\"key\":\"" TOKEN "\"},\"Auth\":{\"key\":\"real\"}}",
     KH_REASON_TOKEN_MISPLACED, "by case"},
    {JSON, "", "{\"auth\":{\"key\":\"" TOKEN "\",\"kEy\":\"real\"}}", KH_REASON_TOKEN_MISPLACED,
     "by case"},
    {JSON, "", "{\"auth\":{\"key\":\"" TOKEN "\",\"\\u006Bey\":\"real\"}}",
     KH_REASON_TOKEN_MISPLACED, "twice"},
    {JSON, "", "{\"auth\":{\"key\":\"" TOKEN "\"}", KH_REASON_TOKEN_MISSING, ""},
    {JSON, BEARER(TOKEN), "{\"auth\":{\"key\":\"real\"}", KH_REASON_TOKEN_MISPLACED, "be read"},
    {JSON, "", "key=" TOKEN, KH_REASON_TOKEN_MISSING, ""},
    {FORM, "Content-Encoding: gzip\r\n", "key=" TOKEN, KH_REASON_TOKEN_MISSING, ""},
    {"text/plain", "", "key=" TOKEN, KH_REASON_TOKEN_MISSING, ""},
};

static void
test_refusals(void **state)
{
    (void)state;
    begin(false);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        post(refused[i].type, refused[i].fields, refused[i].body);
        const struct message_decide *decide = expect_decide(w);
        if (decide->refused != refused[i].reason)
            fail_msg("%s %s: %s", refused[i].fields, refused[i].body,
                     kh_reason_code(decide->refused));
        if (bytes_find(decide->refused_detail, bytes_str(refused[i].says)) ==
                decide->refused_detail.n &&
            refused[i].says[0])
            fail_msg("%s: %.*s", refused[i].body, BYTES_ARG(decide->refused_detail));
        assert_int_equal(decide->token.n, 0);
        allow(w); // what was refused here is refused, whatever the answer says
        read_answer(client);
        assert_contains(received.p, kh_reason_code(refused[i].reason));
        assert_false(wait_readable(w->upstream, 0));
    }
    end();
}

/* A key that may pass, and no token beside it. */
static void
test_foreign_keys_that_pass(void **state)
{
    (void)state;
    begin(true);
    post(FORM, BEARER(TOKEN), "key=real");
    assert_int_equal(expect_decide(w)->refused, KH_REASON_TOKEN_MISPLACED);
    deny(w, KH_REASON_TOKEN_MISPLACED);
    read_answer(client);
    post(FORM, BEARER("real"), "key=" TOKEN);
    assert_int_equal(expect_decide(w)->refused, KH_REASON_TOKEN_MISPLACED);
    deny(w, KH_REASON_TOKEN_MISPLACED);
    read_answer(client);
    post(FORM, "", "key=real");
    const struct message_decide *decide = expect_decide(w);
    assert_int_equal(decide->refused, KH_REASON_UNSET);
    assert_int_equal(decide->token.n, 0);
    assert_true(bytes_is(decide->wanted, "api"));
    deny(w, KH_REASON_FOREIGN_KEY);
    read_answer(client);
    end();
}

/* ---- what is sent ---- */

static const char *
header_of(const struct message_decide *decide, const char *name)
{
    static char value[256];
    for (size_t i = 0; i < decide->header_count; i++) {
        if (bytes_is(decide->header[i].name, name)) {
            snprintf(value, sizeof value, "%.*s", BYTES_ARG(decide->header[i].value));
            return value;
        }
    }
    return NULL;
}

static void
allow_field(const char *name, const char *key)
{
    struct message_decision decision = allow_decision();
    decision.edit[0] = (struct edit){EDIT_FIELD_SET, bytes_str(name), bytes_str(key)};
    answer_decision(w, &decision);
}

/* The upstream reads all of it, and answers. */
static void
expect_sent(const char *body)
{
    char length[64];
    int upstream = accept_upstream(w);
    read_until(upstream, &sent_up, body);
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    assert_contains(sent_up.p, length);
    assert_lacks(sent_up.p, "kh1_");
    send_text(upstream, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    read_answer(client);
    expect_finished(w);
    close(upstream);
}

static void
test_the_key_in_its_place(void **state)
{
    (void)state;
    begin(false);
    post(FORM, "", "x=1+2&k%65y=" TOKEN "&y=%41");
    const struct message_decide *decide = expect_decide(w);
    assert_int_equal(decide->refused, KH_REASON_UNSET);
    assert_true(bytes_is(decide->token, TOKEN));
    assert_int_equal(decide->slot.kind, SLOT_FIELD);
    assert_true(bytes_is(decide->slot.name, "key"));
    assert_int_equal(decide->body.size, strlen("x=1+2&k%65y=" REQUEST_KEY "&y=%41"));
    allow_field("key", "a&b");
    expect_sent("x=1+2&k%65y=a%26b&y=%41");
    post(JSON, "", "{ \"auth\": {\"key\" : \"" TOKEN "\"} }\n");
    assert_true(bytes_is(expect_decide(w)->slot.name, "/auth/key"));
    allow_field("/auth/key", "q\"\\");
    expect_sent("{ \"auth\": {\"key\" : \"q\\\"\\\\\"} }\n");
    end();
}

/* RFC 9530: they speak of a body that nobody gets. */
static void
test_digests_of_the_body_that_was(void **state)
{
    static const char digests[] =
        "X-One: 1\r\nContent-MD5: x\r\nDigest: sha-256=x\r\n"
        "Content-Digest: sha-256=:eA==:\r\nX-Two: 2\r\n"
        "Repr-Digest: sha-256=:eA==:\r\nWant-Content-Digest: sha-256=1\r\n";
    static const char *const gone[] = {"content-md5", "digest", "content-digest", "repr-digest"};
    static const char *const kept[] = {"x-one", "x-two", "want-content-digest"};
    (void)state;
    begin(false);
    post(FORM, digests, "key=" TOKEN);
    const struct message_decide *decide = expect_decide(w);
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        assert_null(header_of(decide, gone[i]));
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        assert_non_null(header_of(decide, kept[i]));
    allow_field("key", "real");
    expect_sent("key=real");
    assert_null(strcasestr(sent_up.p, "\r\ncontent-md5"));
    assert_null(strcasestr(sent_up.p, "\r\ncontent-digest"));
    // Of a body that goes as it came they are the client's to say.
    post(FORM, "Authorization: Bearer " TOKEN "\r\nContent-Digest: sha-256=:eA==:\r\n", "a=b");
    assert_non_null(header_of(expect_decide(w), "content-digest"));
    allow(w);
    expect_sent("a=b");
    assert_non_null(strcasestr(sent_up.p, "\r\ncontent-digest"));
    end();
}

/* A key for a field that no token came from has no place. */
static void
test_a_key_without_a_place(void **state)
{
    (void)state;
    begin(false);
    post(FORM, BEARER(TOKEN), "a=b");
    expect_decide(w);
    allow_field("key", "real");
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 500 ");
    assert_false(wait_readable(w->upstream, 0));
    expect_finished(w);
    end();
}

/* The same token in both places is one. */
static void
test_the_same_token_twice(void **state)
{
    (void)state;
    begin(false);
    post(FORM, BEARER(TOKEN), "key=" TOKEN);
    assert_int_equal(expect_decide(w)->refused, KH_REASON_UNSET);
    allow_field("key", "real");
    expect_sent("key=real");
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_foreign_keys_that_pass),
        cmocka_unit_test(test_the_key_in_its_place),
        cmocka_unit_test(test_digests_of_the_body_that_was),
        cmocka_unit_test(test_a_key_without_a_place),
        cmocka_unit_test(test_the_same_token_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
