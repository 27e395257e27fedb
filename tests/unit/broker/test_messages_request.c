/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs of a request, its decision and what became of it. */
#include "../../../broker/messages.h"
#include "codec.h"

#include "../../../broker/messages_limits.h"

enum { ROUNDS = 150 };

static void
random_fill(struct random *random, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)random_next(random);
}

/* ---- decide ---- */

static size_t
random_pairs(struct random *random, struct buffer *pool, struct fact_pair *pair)
{
    size_t n = random_below(random, DECIDE_PAIRS_MAX + 1);
    for (size_t i = 0; i < n; i++) {
        pair[i].name = random_bytes(random, pool, 30);
        pair[i].value = random_bytes(random, pool, 100);
    }
    return n;
}

static void
random_body(struct random *random, struct buffer *pool, struct message_decide *out)
{
    struct facts_body *body = &out->body;
    body->value = out->body_value;
    body->has_size = random_below(random, 2) == 1;
    body->size = random_next(random);
    body->has_sha256 = random_below(random, 2) == 1;
    random_fill(random, body->sha256, sizeof body->sha256);
    body->is_read = random_below(random, 2) == 1;
    body->is_json = body->is_read && random_below(random, 2) == 1;
    body->value_count = body->is_json ? random_below(random, BODY_POINTERS_MAX + 1) : 0;
    for (size_t i = 0; i < body->value_count; i++)
        out->body_value[i] =
            (struct fact_body_value){random_bytes(random, pool, 50),
                                     {(enum body_type)random_below(random, BODY_TYPE_COUNT),
                                      random_bytes(random, pool, 200)}};
}

static void
random_decide(struct random *random, struct buffer *pool, struct message_decide *out)
{
    *out = (struct message_decide){
        .way = (enum way)random_below(random, WAYS_COUNT),
        .rejudge = random_below(random, 2) == 1,
        .refused = (enum kh_reason)random_below(random, KH_REASON_COUNT),
        .refused_detail = random_bytes(random, pool, 200),
        .wanted = random_bytes(random, pool, 64),
        .scheme = random_bytes(random, pool, 5),
        .host = random_bytes(random, pool, 255),
        .port = (uint16_t)random_next(random),
        .method = random_bytes(random, pool, MESSAGE_METHOD_MAX),
        .path = random_bytes(random, pool, 2000),
        .path_encoded = random_bytes(random, pool, 2000),
        .upgrade = random_bytes(random, pool, 9),
        .client = random_bytes(random, pool, 45),
        .client_uid = (uint32_t)random_next(random),
        .slot = {(enum slot_kind)random_below(random, SLOT_COUNT), random_bytes(random, pool, 20)},
        .slot_in_user = random_below(random, 2) == 1,
        .token = random_bytes(random, pool, 8192),
        .aws = {.presigned = random_below(random, 2) == 1,
                .scope_date = random_bytes(random, pool, AWS_SCOPE_WORD_MAX),
                .region = random_bytes(random, pool, AWS_SCOPE_WORD_MAX),
                .service = random_bytes(random, pool, AWS_SCOPE_WORD_MAX),
                .signed_headers = random_bytes(random, pool, AWS_SIGNED_HEADERS_MAX),
                .date = random_bytes(random, pool, AWS_SCOPE_WORD_MAX),
                .expires = random_bytes(random, pool, AWS_SCOPE_WORD_MAX)},
    };
    if (out->slot.kind != SLOT_AWS) // which alone has them
        out->aws = (struct message_aws){0};
    out->pass_through = out->wanted.n == 0 && random_below(random, 2) == 1;
    out->token_required = random_below(random, 2) == 1;
    out->query_count = random_pairs(random, pool, out->query);
    out->header_count = random_pairs(random, pool, out->header);
    random_fill(random, out->request_id, REQUEST_ID_SIZE);
    random_fill(random, out->run, RUN_ID_SIZE);
    random_body(random, pool, out);
}

static void
assert_bodies_equal(const struct facts_body *a, const struct facts_body *b)
{
    assert_int_equal(a->has_size, b->has_size);
    assert_true(a->size == b->size);
    assert_int_equal(a->has_sha256, b->has_sha256);
    assert_memory_equal(a->sha256, b->sha256, sizeof a->sha256);
    assert_int_equal(a->is_read, b->is_read);
    assert_int_equal(a->is_json, b->is_json);
    assert_int_equal(a->value_count, b->value_count);
    for (size_t i = 0; i < a->value_count; i++) {
        assert_bytes_equal(a->value[i].pointer, b->value[i].pointer);
        assert_int_equal(a->value[i].value.type, b->value[i].value.type);
        assert_bytes_equal(a->value[i].value.text, b->value[i].value.text);
    }
}

static void
assert_pairs_equal(const struct fact_pair *a, size_t a_count, const struct fact_pair *b,
                   size_t b_count)
{
    assert_int_equal(a_count, b_count);
    for (size_t i = 0; i < a_count; i++) {
        assert_bytes_equal(a[i].name, b[i].name);
        assert_bytes_equal(a[i].value, b[i].value);
    }
}

static bool
decide_again(struct bytes body, struct buffer *again)
{
    struct message_decide message;
    if (message_decide_rx(body, &message) != KH_OK)
        return false;
    message_decide_tx(&message, again);
    return true;
}

static void
test_decide(void **state)
{
    struct random random = {.state = 2};
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct message_decide a, b;
        BUFFER_AUTO pool, body;
        pool_init(&pool, 1 << 17);
        buffer_init(&body, 131072);
        random_decide(&random, &pool, &a);
        message_decide_tx(&a, &body);
        assert_false(body.failed);
        assert_int_equal(message_decide_rx(buffer_bytes(&body), &b), KH_OK);
        assert_int_equal(a.way, b.way);
        assert_int_equal(a.rejudge, b.rejudge);
        assert_memory_equal(a.run, b.run, RUN_ID_SIZE);
        assert_int_equal(a.refused, b.refused);
        assert_bytes_equal(a.refused_detail, b.refused_detail);
        assert_bytes_equal(a.wanted, b.wanted);
        assert_int_equal(a.pass_through, b.pass_through);
        assert_int_equal(a.token_required, b.token_required);
        assert_bytes_equal(a.scheme, b.scheme);
        assert_bytes_equal(a.host, b.host);
        assert_int_equal(a.port, b.port);
        assert_bytes_equal(a.method, b.method);
        assert_bytes_equal(a.path, b.path);
        assert_bytes_equal(a.path_encoded, b.path_encoded);
        assert_pairs_equal(a.query, a.query_count, b.query, b.query_count);
        assert_pairs_equal(a.header, a.header_count, b.header, b.header_count);
        assert_bytes_equal(a.upgrade, b.upgrade);
        assert_bytes_equal(a.client, b.client);
        assert_int_equal(a.client_uid, b.client_uid);
        assert_int_equal(a.slot.kind, b.slot.kind);
        assert_bytes_equal(a.slot.name, b.slot.name);
        assert_int_equal(a.slot_in_user, b.slot_in_user);
        assert_bytes_equal(a.token, b.token);
        assert_int_equal(a.aws.presigned, b.aws.presigned);
        assert_bytes_equal(a.aws.scope_date, b.aws.scope_date);
        assert_bytes_equal(a.aws.region, b.aws.region);
        assert_bytes_equal(a.aws.service, b.aws.service);
        assert_bytes_equal(a.aws.signed_headers, b.aws.signed_headers);
        assert_bytes_equal(a.aws.date, b.aws.date);
        assert_bytes_equal(a.aws.expires, b.aws.expires);
        assert_memory_equal(a.request_id, b.request_id, REQUEST_ID_SIZE);
        assert_ptr_equal(b.body.value, b.body_value);
        assert_bodies_equal(&a.body, &b.body);
        if (i % 15 == 0)
            codec_torture(&random, decide_again, buffer_bytes(&body));
    }
}

static void
test_decide_refuses_too_many_pairs(void **state)
{
    static struct message_decide message;
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 131072);
    message.header_count = DECIDE_PAIRS_MAX + 1;
    message_decide_tx(&message, &body);
    assert_true(body.failed);
}

// Values without a body that was read as JSON are made up.
static void
test_decide_refuses_contradictory_bodies(void **state)
{
    static const struct {
        bool is_read, is_json;
        size_t values;
        bool fine;
    } cases[] = {
        {false, false, 0, true}, {true, false, 0, true},
        {true, true, 0, true},   {true, true, 2, true},
        {false, true, 0, false}, {false, false, 1, false},
        {true, false, 1, false}, {true, true, BODY_POINTERS_MAX + 1, false},
    };
    static struct message_decide message, out;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        BUFFER_AUTO body;
        buffer_init(&body, 131072);
        message = (struct message_decide){.body = {.is_read = cases[i].is_read,
                                                   .is_json = cases[i].is_json,
                                                   .value = message.body_value,
                                                   .value_count = cases[i].values}};
        message_decide_tx(&message, &body);
        assert_int_equal(body.failed, !cases[i].fine);
        if (cases[i].fine)
            assert_int_equal(message_decide_rx(buffer_bytes(&body), &out), KH_OK);
    }
}

static void
test_a_pointer_that_is_none_is_refused(void **state)
{
    struct message_decision message = {
        .need_body = true, .pointer = {BYTES("/a")}, .pointer_count = 1};
    struct message_decision out;
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 1024);
    message_decision_tx(&message, &body);
    assert_int_equal(message_decision_rx(buffer_bytes(&body), &out), KH_OK);
    body.p[body.n - 2] = '~'; // "~a"
    assert_int_equal(message_decision_rx(buffer_bytes(&body), &out), KH_ERR_PROTOCOL);
}

static void
test_decide_too_large_for_its_message(void **state)
{
    static uint8_t path[100000];
    static struct message_decide message;
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 131072);
    message.path = message.path_encoded = bytes_of(path, sizeof(path));
    message_decide_tx(&message, &body);
    assert_true(body.failed);
}

/* ---- decision ---- */

static void
random_decision(struct random *random, struct buffer *pool, struct message_decision *out)
{
    *out = (struct message_decision){
        .allow = random_below(random, 2) == 1,
        .detail = random_bytes(random, pool, 1200),
        .retry_after_s = (uint32_t)random_next(random),
        .credential = random_bytes(random, pool, MESSAGE_NAME_MAX),
        .recheck_at = (int64_t)random_next(random),
    };
    random_fill(random, out->request_id, REQUEST_ID_SIZE);
    if (!out->allow) {
        out->reason = (enum kh_reason)random_below(random, KH_REASON_COUNT);
        out->need_body = random_below(random, 2) == 1;
        out->need_sha256 = out->need_body && random_below(random, 2) == 1;
        out->need_content = out->need_body && random_below(random, 2) == 1;
        out->pointer_count = out->need_body ? random_below(random, BODY_POINTERS_MAX + 1) : 0;
        for (size_t i = 0; i < out->pointer_count; i++)
            out->pointer[i] = random_below(random, 3) ? BYTES("/a~0/b") : BYTES_EMPTY;
        return;
    }
    out->edit_count = random_below(random, DECISION_EDITS_MAX + 1);
    for (size_t i = 0; i < out->edit_count; i++)
        out->edit[i] =
            (struct edit){(enum edit_kind)(1 + random_below(random, EDIT_COUNT - 1)),
                          random_bytes(random, pool, 60), random_bytes(random, pool, 4000)};
    out->secret_count = random_below(random, DECISION_SECRETS_MAX + 1);
    for (size_t i = 0; i < out->secret_count; i++)
        out->secret[i] = random_bytes(random, pool, 4000);
}

static bool
decision_again(struct bytes body, struct buffer *again)
{
    struct message_decision message;
    if (message_decision_rx(body, &message) != KH_OK)
        return false;
    message_decision_tx(&message, again);
    return true;
}

static void
test_decision(void **state)
{
    struct random random = {.state = 3};
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct message_decision a, b;
        BUFFER_AUTO pool, body;
        pool_init(&pool, 1 << 17);
        buffer_init_secret(&body, 131072);
        random_decision(&random, &pool, &a);
        message_decision_tx(&a, &body);
        assert_false(body.failed);
        assert_int_equal(message_decision_rx(buffer_bytes(&body), &b), KH_OK);
        assert_int_equal(a.allow, b.allow);
        assert_int_equal(a.reason, b.reason);
        assert_bytes_equal(a.detail, b.detail);
        assert_int_equal(a.retry_after_s, b.retry_after_s);
        assert_memory_equal(a.request_id, b.request_id, REQUEST_ID_SIZE);
        assert_bytes_equal(a.credential, b.credential);
        assert_true(a.recheck_at == b.recheck_at);
        assert_int_equal(a.edit_count, b.edit_count);
        for (size_t j = 0; j < a.edit_count; j++) {
            assert_int_equal(a.edit[j].kind, b.edit[j].kind);
            assert_bytes_equal(a.edit[j].name, b.edit[j].name);
            assert_bytes_equal(a.edit[j].value, b.edit[j].value);
        }
        assert_int_equal(a.secret_count, b.secret_count);
        for (size_t j = 0; j < a.secret_count; j++)
            assert_bytes_equal(a.secret[j], b.secret[j]);
        assert_int_equal(a.need_body, b.need_body);
        assert_int_equal(a.need_sha256, b.need_sha256);
        assert_int_equal(a.need_content, b.need_content);
        assert_int_equal(a.pointer_count, b.pointer_count);
        for (size_t j = 0; j < a.pointer_count; j++)
            assert_bytes_equal(a.pointer[j], b.pointer[j]);
        if (i % 15 == 0)
            codec_torture(&random, decision_again, buffer_bytes(&body));
    }
}

// A denial never carries what belongs on an allowed request, and an allow has no reason to deny.
static void
test_contradictory_decisions_are_refused(void **state)
{
    const struct message_decision contradictions[] = {
        {.allow = true, .reason = KH_REASON_REVOKED},
        {.allow = false, .edit = {{EDIT_HEADER_SET, BYTES("a"), BYTES("b")}}, .edit_count = 1},
        {.allow = false, .secret = {BYTES("s")}, .secret_count = 1},
        {.allow = false, .need_content = true},
        {.allow = true, .edit_count = 1}, // an edit of no kind
        {.allow = true, .need_body = true},
        {.need_sha256 = true}, // of what?
        {.pointer = {BYTES("/a")}, .pointer_count = 1},
        {.need_body = true, .secret = {BYTES("s")}, .secret_count = 1},
        {.need_body = true, .pointer_count = BODY_POINTERS_MAX + 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(contradictions) / sizeof(contradictions[0]); i++) {
        BUFFER_AUTO body;
        buffer_init(&body, 131072);
        message_decision_tx(&contradictions[i], &body);
        assert_true(body.failed);
    }
}

static void
test_contradiction_on_the_wire_is_refused(void **state)
{
    const struct message_decision allow = {
        .allow = true, .secret = {BYTES("s")}, .secret_count = 1};
    struct message_decision out = {.retry_after_s = 5};
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 1024);
    message_decision_tx(&allow, &body);
    assert_int_equal(message_decision_rx(buffer_bytes(&body), &out), KH_OK);
    out = (struct message_decision){.retry_after_s = 5};
    body.p[0] = 0; // allow becomes deny, the secret is still there
    assert_int_equal(message_decision_rx(buffer_bytes(&body), &out), KH_ERR_PROTOCOL);
    body.p[0] = 2; // neither true nor false
    assert_int_equal(message_decision_rx(buffer_bytes(&body), &out), KH_ERR_PROTOCOL);
    assert_false(out.allow);
    assert_int_equal(out.retry_after_s, 5);
}

static void
test_zeroed_decision_is_a_denial(void **state)
{
    const struct message_decision nothing = {0};
    struct message_decision out = {.allow = true};
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 1024);
    message_decision_tx(&nothing, &body);
    assert_false(body.failed);
    assert_int_equal(message_decision_rx(buffer_bytes(&body), &out), KH_OK);
    assert_false(out.allow);
    assert_int_equal(out.reason, KH_REASON_UNSET);
}

/* ---- the smaller ones ---- */

static bool
finished_again(struct bytes body, struct buffer *again)
{
    struct message_finished message;
    if (message_finished_rx(body, &message) != KH_OK)
        return false;
    message_finished_tx(&message, again);
    return true;
}

static void
test_finished(void **state)
{
    struct random random = {.state = 4};
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct message_finished a = {
            .upstream_status = (uint16_t)random_next(&random),
            .reason = (enum kh_reason)random_below(&random, KH_REASON_COUNT),
            .cut = random_below(&random, 2) == 1,
            .bytes_up = random_next(&random),
            .bytes_down = random_next(&random),
            .duration_ms = (uint32_t)random_next(&random),
            .credential = i % 2 ? BYTES("api") : BYTES_EMPTY,
        };
        struct message_finished b;
        BUFFER_AUTO body;
        buffer_init(&body, 1024);
        random_fill(&random, a.request_id, REQUEST_ID_SIZE);
        message_finished_tx(&a, &body);
        assert_int_equal(message_finished_rx(buffer_bytes(&body), &b), KH_OK);
        assert_memory_equal(a.request_id, b.request_id, REQUEST_ID_SIZE);
        assert_int_equal(a.upstream_status, b.upstream_status);
        assert_int_equal(a.reason, b.reason);
        assert_int_equal(a.cut, b.cut);
        assert_true(a.bytes_up == b.bytes_up);
        assert_true(a.bytes_down == b.bytes_down);
        assert_int_equal(a.duration_ms, b.duration_ms);
        assert_bytes_equal(a.credential, b.credential);
        codec_torture(&random, finished_again, buffer_bytes(&body));
    }
}

static bool
leaf_ask_again(struct bytes body, struct buffer *again)
{
    struct message_leaf_ask message;
    if (message_leaf_ask_rx(body, &message) != KH_OK)
        return false;
    message_leaf_ask_tx(&message, again);
    return true;
}

static bool
leaf_again(struct bytes body, struct buffer *again)
{
    struct message_leaf message;
    if (message_leaf_rx(body, &message) != KH_OK)
        return false;
    message_leaf_tx(&message, again);
    return true;
}

static void
test_leaf(void **state)
{
    struct random random = {.state = 5};
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        BUFFER_AUTO pool, ask_body, body;
        pool_init(&pool, 1 << 16);
        buffer_init(&ask_body, 2048);
        buffer_init(&body, 16384);
        struct message_leaf_ask ask = {random_bytes(&random, &pool, 255),
                                       random_bytes(&random, &pool, MESSAGE_KEY_MAX)};
        struct message_leaf leaf = {.issued = true,
                                    .cert = random_bytes(&random, &pool, 4000),
                                    .expires_at = (int64_t)random_next(&random)};
        struct message_leaf_ask ask_back;
        struct message_leaf leaf_back;
        message_leaf_ask_tx(&ask, &ask_body);
        message_leaf_tx(&leaf, &body);
        assert_int_equal(message_leaf_ask_rx(buffer_bytes(&ask_body), &ask_back), KH_OK);
        assert_bytes_equal(ask.host, ask_back.host);
        assert_bytes_equal(ask.public_key, ask_back.public_key);
        assert_int_equal(message_leaf_rx(buffer_bytes(&body), &leaf_back), KH_OK);
        assert_true(leaf_back.issued);
        assert_bytes_equal(leaf.cert, leaf_back.cert);
        assert_true(leaf.expires_at == leaf_back.expires_at);
        codec_torture(&random, leaf_ask_again, buffer_bytes(&ask_body));
        codec_torture(&random, leaf_again, buffer_bytes(&body));
    }
}

static void
test_refused_leaf_has_no_certificate(void **state)
{
    const struct message_leaf wrong = {.issued = false, .cert = BYTES("x")};
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 1024);
    message_leaf_tx(&wrong, &body);
    assert_true(body.failed);
}

static bool
revoke_ask_again(struct bytes body, struct buffer *again)
{
    struct message_revoke_ask message;
    if (message_revoke_ask_rx(body, &message) != KH_OK)
        return false;
    message_revoke_ask_tx(&message, again);
    return true;
}

static bool
revoke_done_again(struct bytes body, struct buffer *again)
{
    struct message_revoke_done message;
    if (message_revoke_done_rx(body, &message) != KH_OK)
        return false;
    message_revoke_done_tx(&message, again);
    return true;
}

static void
test_revoke(void **state)
{
    struct random random = {.state = 6};
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        BUFFER_AUTO pool, ask_body, body;
        pool_init(&pool, 1 << 16);
        buffer_init(&ask_body, 16384);
        buffer_init(&body, 1024);
        struct message_revoke_ask ask = {random_bytes(&random, &pool, 8192),
                                         random_bytes(&random, &pool, 45)};
        struct message_revoke_done done = {
            .revoked = random_below(&random, 2) == 1,
            .reason = (enum kh_reason)random_below(&random, KH_REASON_COUNT),
        };
        struct message_revoke_ask ask_back;
        struct message_revoke_done done_back;
        random_fill(&random, done.lineage, LINEAGE_ID_SIZE);
        random_fill(&random, done.request_id, REQUEST_ID_SIZE);
        message_revoke_ask_tx(&ask, &ask_body);
        message_revoke_done_tx(&done, &body);
        assert_int_equal(message_revoke_ask_rx(buffer_bytes(&ask_body), &ask_back), KH_OK);
        assert_bytes_equal(ask.token, ask_back.token);
        assert_bytes_equal(ask.client, ask_back.client);
        assert_int_equal(message_revoke_done_rx(buffer_bytes(&body), &done_back), KH_OK);
        assert_int_equal(done.revoked, done_back.revoked);
        assert_int_equal(done.reason, done_back.reason);
        assert_memory_equal(done.lineage, done_back.lineage, LINEAGE_ID_SIZE);
        assert_memory_equal(done.request_id, done_back.request_id, REQUEST_ID_SIZE);
        codec_torture(&random, revoke_ask_again, buffer_bytes(&ask_body));
        codec_torture(&random, revoke_done_again, buffer_bytes(&body));
    }
}

static void
test_way_names(void **state)
{
    (void)state;
    assert_string_equal(way_name(WAY_BASE_URL), "base-url");
    assert_string_equal(way_name(WAY_HOST), "host");
    assert_string_equal(way_name(WAY_HTTP_PROXY), "http-proxy");
    assert_string_equal(way_name(WAY_CONNECT), "connect");
    assert_string_equal(way_name(WAY_OWN), "own");
    assert_string_equal(way_name(WAY_TUNNEL), "tunnel");
    assert_string_equal(way_name(WAY_TRANSPARENT), "transparent");
    assert_string_equal(way_name(WAY_UNSET), "unset");
    assert_string_equal(way_name((enum way)99), "unset");
}

// What is passed through is no credential's.
static void
test_pass_through_wants_no_credential(void **state)
{
    const struct message_decide wrong = {.pass_through = true, .wanted = BYTES("openai")};
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 1024);
    message_decide_tx(&wrong, &body);
    assert_true(body.failed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide_refuses_too_many_pairs),
        cmocka_unit_test(test_decide_too_large_for_its_message),
        cmocka_unit_test(test_decide_refuses_contradictory_bodies),
        cmocka_unit_test(test_a_pointer_that_is_none_is_refused),
        cmocka_unit_test(test_contradictory_decisions_are_refused),
        cmocka_unit_test(test_contradiction_on_the_wire_is_refused),
        cmocka_unit_test(test_refused_leaf_has_no_certificate),
        cmocka_unit_test(test_zeroed_decision_is_a_denial),
        cmocka_unit_test(test_decide),
        cmocka_unit_test(test_decision),
        cmocka_unit_test(test_finished),
        cmocka_unit_test(test_leaf),
        cmocka_unit_test(test_revoke),
        cmocka_unit_test(test_way_names),
        cmocka_unit_test(test_pass_through_wants_no_credential),
    };
    return cmocka_run_group_tests_name("messages_request", tests, NULL, NULL);
}
