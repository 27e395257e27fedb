/* SPDX-License-Identifier: Apache-2.0 */
#include "opened.h"
#include "proxy_peer.h"

#include "../../../broker/authority/inject.h"
#include "../../../caveats/decide.h"

/* The last line of the audit log, after the decision; json_decref. */
static json_t *
last_record(void)
{
    struct buffer log;
    json_error_t error;

    assert_ok(authority_flush_audit(&authority, fault));
    struct bytes whole = fixture_read(fixture_path("state/audit.log"), &log);
    size_t start = whole.n - 1;
    while (start > 0 && whole.p[start - 1] != '\n')
        start--;
    json_t *json =
        json_loadb((const char *)whole.p + start, whole.n - start, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(json);
    buffer_free(&log);
    return json;
}

static const char *
text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

/* The reason of a denial, or KH_REASON_UNSET for an allow that puts the secret on the request. */
static enum kh_reason
judge(const struct message_decide *request)
{
    static struct decision decision;
    static struct message_decision out;
    static struct injection injection;

    serve_decide(&authority, request, &decision, &injection, &out);
    json_t *record = last_record();
    assert_string_equal(text(record, "kind"), "decision");
    assert_string_equal(text(record, "decision"), out.allow ? "allow" : "deny");
    if (out.allow) {
        assert_int_equal(out.reason, KH_REASON_UNSET);
        assert_true(bytes_is(out.credential, "openai"));
        assert_int_equal(out.edit_count, 1);
        assert_int_equal(out.edit[0].kind, EDIT_HEADER_SET);
        assert_true(bytes_is(out.edit[0].value, "Bearer " FIXTURE_SECRET));
        assert_int_equal(out.secret_count, 1);
        assert_true(bytes_is(out.secret[0], FIXTURE_SECRET));
    } else {
        assert_int_not_equal(out.reason, KH_REASON_UNSET);
        assert_int_equal(out.edit_count, 0);
        assert_int_equal(out.secret_count, 0);
        assert_int_equal(injection.text.n, 0);
        assert_string_equal(text(record, "reason"), kh_reason_code(out.reason));
    }
    json_decref(record);
    injection_free(&injection);
    return out.allow ? KH_REASON_UNSET : out.reason;
}

/* What `keyhole run` puts into the proxy's URL opens nothing here, and that it was there is no
 * reason. */
static void
the_token_of_the_proxy_alone(void **state)
{
    char *token =
        fixture_mint(&authority, ", \"caveats\": [\"credential = " PASS_THROUGH_NAME "\"]");
    struct message_decide request = peer_request(token);

    (void)state;
    assert_int_equal(judge(&request), KH_REASON_CAVEAT_FAILED);
    request.slot = (struct slot){.kind = SLOT_PROXY_AUTHORIZATION};
    assert_int_equal(judge(&request), KH_REASON_TOKEN_MISSING);
    free(token);
    token = fixture_mint(&authority, ", \"caveats\": [\"method = POST\"]");
    request = peer_request(token);
    request.slot = (struct slot){.kind = SLOT_PROXY_AUTHORIZATION};
    assert_int_equal(judge(&request), KH_REASON_CAVEAT_FAILED);
    free(token);
}

// threat 13
static void
nothing_is_denied(void **state)
{
    struct message_decide request = {.way = WAY_UNSET};

    (void)state;
    assert_int_equal(judge(&request), KH_REASON_TOKEN_MISSING);
    request = peer_request("");
    assert_int_equal(judge(&request), KH_REASON_TOKEN_MISSING);
    request.wanted = BYTES("openai"); // foreign keys do not pass here
    assert_int_equal(judge(&request), KH_REASON_TOKEN_MISSING);
    request = peer_request("sk-something");
    assert_int_equal(judge(&request), KH_REASON_TOKEN_MALFORMED);
    request = peer_request("kh1_AAAA");
    assert_int_equal(judge(&request), KH_REASON_TOKEN_MALFORMED);
}

static void
allowed_and_every_denial(void **state)
{
    char *token = fixture_mint(&authority, ", \"caveats\": [\"method = GET\"]");
    struct message_decide request = peer_request(token);

    (void)state;
    assert_int_equal(judge(&request), KH_REASON_UNSET);
    request.method = BYTES("POST");
    assert_int_equal(judge(&request), KH_REASON_CAVEAT_FAILED);
    request = peer_request(token);
    request.host = BYTES("evil.example");
    assert_int_equal(judge(&request), KH_REASON_HOST_NOT_ALLOWED);
    request = peer_request(token);
    request.port = 8443;
    assert_int_equal(judge(&request), KH_REASON_HOST_NOT_ALLOWED);
    request = peer_request(token);
    request.scheme = BYTES("http");
    assert_int_equal(judge(&request), KH_REASON_HOST_NOT_ALLOWED);
    request = peer_request(token);
    request.slot = (struct slot){.kind = SLOT_QUERY, .name = BYTES("key")};
    assert_int_equal(judge(&request), KH_REASON_TOKEN_MISPLACED);
    request = peer_request(token);
    request.slot = (struct slot){.kind = SLOT_PROXY_AUTHORIZATION};
    assert_int_equal(judge(&request), KH_REASON_UNSET);
    request = peer_request(token);
    request.wanted = BYTES("github");
    assert_int_equal(judge(&request), KH_REASON_CREDENTIAL_UNKNOWN);
    request = peer_request(token);
    request.refused = KH_REASON_PATH_AMBIGUOUS;
    request.refused_detail = BYTES("a dot segment");
    assert_int_equal(judge(&request), KH_REASON_PATH_AMBIGUOUS);

    request = peer_request(token);
    authority.clock.manual_ms += 3601 * 1000;
    assert_int_equal(judge(&request), KH_REASON_EXPIRED);
    authority.clock.manual_ms -= 3601 * 1000;

    // One bit of the signature.
    size_t n = strlen(token);
    token[n - 3] = token[n - 3] == 'A' ? 'B' : 'A';
    assert_int_equal(judge(&request), KH_REASON_SIGNATURE_INVALID);
    free(token);
}

static void
changes_reach_the_next_request(void **state)
{
    char *token = fixture_mint(&authority, ""), *other;
    struct message_decide request = peer_request(token);

    (void)state;
    assert_int_equal(judge(&request), KH_REASON_UNSET);
    json_decref(fixture_do(&authority, "{\"command\": \"credential.disable\", \"name\": "
                                       "\"openai\"}"));
    assert_int_equal(judge(&request), KH_REASON_CREDENTIAL_DISABLED);
    json_decref(
        fixture_do(&authority, "{\"command\": \"credential.enable\", \"name\": \"openai\"}"));
    assert_int_equal(judge(&request), KH_REASON_UNSET);

    json_decref(fixture_do(&authority, "{\"command\": \"revoke\", \"user\": \"operator\"}"));
    assert_int_equal(judge(&request), KH_REASON_REVOKED);
    other = fixture_mint(&authority, ""); // in the same second
    request = peer_request(other);
    assert_int_equal(judge(&request), KH_REASON_UNSET);
    json_decref(fixture_do(&authority, "{\"command\": \"revoke\", \"credential\": \"openai\"}"));
    assert_int_equal(judge(&request), KH_REASON_REVOKED);
    free(other);

    other = fixture_mint(&authority, "");
    request = peer_request(other);
    assert_int_equal(judge(&request), KH_REASON_UNSET);
    json_decref(fixture_do(&authority, "{\"command\": \"key.rotate\"}"));
    assert_int_equal(judge(&request), KH_REASON_UNSET);
    json_decref(fixture_do(&authority, "{\"command\": \"key.retire\", \"id\": 1}"));
    assert_int_equal(judge(&request), KH_REASON_SIGNATURE_INVALID);
    free(other);

    other = fixture_mint(&authority, "");
    request = peer_request(other);
    assert_int_equal(judge(&request), KH_REASON_UNSET);
    json_decref(
        fixture_do(&authority, "{\"command\": \"credential.remove\", \"name\": \"openai\"}"));
    assert_int_equal(judge(&request), KH_REASON_CREDENTIAL_UNKNOWN);
    // The name comes back, and its old tokens do not.
    json_decref(fixture_do(&authority, "{\"command\": \"credential.add\", \"name\": \"openai\", "
                                       "\"preset\": \"openai\", \"secret\": \"sk-another\"}"));
    assert_int_equal(judge(&request), KH_REASON_REVOKED);
    free(other);
    free(token);
}

static void
what_the_record_holds(void **state)
{
    static const struct fact_pair query[] = {{BYTES("limit"), BYTES("10")},
                                             {BYTES("limit"), BYTES("20")},
                                             {BYTES("hidden"), BYTES("QUERY-CANARY")}};
    static const struct fact_pair header[] = {{BYTES("content-type"), BYTES("text/plain")},
                                              {BYTES("x-hidden"), BYTES("HEADER-CANARY")}};
    char *token =
        fixture_mint(&authority, ", \"user\": \"alice\", \"caveats\": [\"label = night\", "
                                 "\"query[limit] <= 100\", \"header[content-type] = text/plain\", "
                                 "\"query[absent] absent or query[limit] = 1\"]");
    struct message_decide request = peer_request(token);

    (void)state;
    memcpy(request.query, query, sizeof query);
    request.query_count = 3;
    memcpy(request.header, header, sizeof header);
    request.header_count = 2;
    request.client = BYTES("unix");
    request.client_uid = 1000;
    assert_int_equal(judge(&request), KH_REASON_UNSET);
    json_t *record = last_record(), *values = json_object_get(record, "values");
    assert_string_equal(text(record, "user"), "alice");
    assert_string_equal(text(record, "credential"), "openai");
    assert_string_equal(text(record, "way"), "connect");
    assert_string_equal(text(record, "path"), "/v1/models");
    assert_int_equal(json_integer_value(json_object_get(record, "uid")), 1000);
    assert_int_equal(strlen(text(record, "token")), 32);
    assert_int_equal(strlen(text(record, "lineage")), 32);
    assert_int_equal(strlen(text(record, "id")), 32);
    assert_string_equal(json_string_value(json_array_get(json_object_get(record, "labels"), 0)),
                        "night");
    assert_int_equal(json_object_size(values), 2);
    assert_int_equal(json_array_size(json_object_get(values, "query[limit]")), 2);
    assert_string_equal(text(values, "header[content-type]"), "text/plain");
    json_decref(record);
    assert_nowhere("QUERY-CANARY");
    assert_nowhere("HEADER-CANARY");
    assert_nowhere(FIXTURE_SECRET);
    assert_nowhere(token + 4);

    // Of a forged token nothing is believed.
    size_t n = strlen(token);
    token[n - 3] = token[n - 3] == 'A' ? 'B' : 'A';
    assert_int_equal(judge(&request), KH_REASON_SIGNATURE_INVALID);
    record = last_record();
    assert_null(json_object_get(record, "user"));
    assert_null(json_object_get(record, "token"));
    assert_null(json_object_get(record, "labels"));
    assert_null(json_object_get(record, "values"));
    json_decref(record);
    free(token);
}

static void
judged_again(void **state)
{
    char *token = fixture_mint(&authority, "");
    struct message_decide request = peer_request(token);
    static struct decision decision;
    static struct message_decision out;
    static struct injection injection;
    struct audit_head before, after;

    (void)state;
    request.rejudge = true;
    assert_ok(authority_flush_audit(&authority, fault));
    audit_position(authority.audit, &before);
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_true(out.allow);
    assert_int_equal(out.secret_count, 0); // it has its key already
    assert_int_equal(out.edit_count, 0);
    assert_int_equal(out.recheck_at, FIXTURE_NOW + 3600);
    injection_free(&injection);
    assert_ok(authority_flush_audit(&authority, fault));
    audit_position(authority.audit, &after);
    assert_int_equal(before.seq, after.seq);

    json_decref(fixture_do(&authority, "{\"command\": \"revoke\", \"user\": \"operator\"}"));
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_false(out.allow);
    injection_free(&injection);
    json_t *record = last_record();
    assert_string_equal(text(record, "rejudged"), "yes");
    assert_string_equal(text(record, "reason"), "revoked");
    json_decref(record);
    free(token);
}

static void
counters_are_taken(void **state)
{
    char *token = fixture_mint(&authority, ", \"caveats\": [\"rate <= 3/h\", \"uses <= 4\", "
                                           "\"method = GET\"]");
    struct message_decide request = peer_request(token);
    static struct decision decision;
    static struct message_decision out;
    static struct injection injection;

    (void)state;
    request.method = BYTES("PUT");
    for (int i = 0; i < 5; i++)
        assert_int_equal(judge(&request), KH_REASON_CAVEAT_FAILED);
    request.method = BYTES("GET");
    for (int i = 0; i < 3; i++)
        assert_int_equal(judge(&request), KH_REASON_UNSET);
    clock_pass(&authority.clock, 600 * 1000);
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_false(out.allow);
    assert_int_equal(out.reason, KH_REASON_RATE_EXCEEDED);
    assert_int_equal(out.retry_after_s, 3000);
    assert_true(bytes_is(out.detail, "rate <= 3/h"));
    json_t *record = last_record();
    assert_string_equal(text(record, "reason"), "rate-exceeded");
    assert_string_equal(text(record, "detail"), "rate <= 3/h");
    json_decref(record);
    injection_free(&injection);

    // What runs was counted when it began.
    request.rejudge = true;
    for (int i = 0; i < 5; i++) {
        serve_decide(&authority, &request, &decision, &injection, &out);
        assert_true(out.allow);
        assert_int_equal(out.retry_after_s, 0);
        injection_free(&injection);
    }
    request.rejudge = false;
    clock_pass(&authority.clock, 2999 * 1000);
    assert_int_equal(judge(&request), KH_REASON_RATE_EXCEEDED);
    free(token);

    token = fixture_mint(&authority, ", \"caveats\": [\"uses <= 1\"]");
    request = peer_request(token);
    assert_int_equal(judge(&request), KH_REASON_UNSET);
    assert_int_equal(judge(&request), KH_REASON_USES_EXHAUSTED);
    free(token);
}

static void
foreign_keys_where_they_may(void **state)
{
    struct message_decide request = peer_request("");
    static struct decision decision;
    static struct message_decision out;
    static struct injection injection;

    (void)state;
    json_decref(fixture_do(&authority,
                           "{\"command\": \"credential.add\", \"name\": \"open\", \"secret\": "
                           "\"other-secret\", \"hosts\": [\"open.example\"], \"foreign\": "
                           "\"pass\"}"));
    request.wanted = BYTES("open");
    request.host = BYTES("open.example");
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_true(out.allow);
    assert_int_equal(out.edit_count, 0); // nothing of ours goes along
    assert_int_equal(out.secret_count, 0);
    injection_free(&injection);
    request.host = BYTES("api.openai.com");
    assert_int_equal(judge(&request), KH_REASON_TOKEN_MISSING);
    request.host = BYTES("open.example");
    json_decref(
        fixture_do(&authority, "{\"command\": \"credential.disable\", \"name\": \"open\"}"));
    assert_int_equal(judge(&request), KH_REASON_TOKEN_MISSING);
}

/* One request is one decision, one record and one id, however often it is asked about. */
static void
a_body_is_asked_for(void **state)
{
    char *token = fixture_mint(
        &authority,
        ", \"caveats\": [\"body[/model] = a or method = GET\", \"body-sha256 present\", "
        "\"body[/n] <= 5 or method = HEAD\", \"body[/s] != x or method = HEAD\"]");
    struct message_decide request = peer_request(token);
    static struct decision decision;
    static struct message_decision out;
    static struct injection injection;
    struct audit_head before, after;

    (void)state;
    request.method = BYTES("POST");
    assert_ok(authority_flush_audit(&authority, fault));
    audit_position(authority.audit, &before);
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_false(out.allow);
    assert_true(out.need_body && out.need_sha256);
    assert_int_equal(out.reason, KH_REASON_BODY_REQUIRED);
    assert_int_equal(out.edit_count + out.secret_count, 0);
    assert_int_equal(out.pointer_count, 3);
    assert_true(bytes_is(out.pointer[0], "/model"));
    assert_true(bytes_is(out.pointer[2], "/s"));
    assert_ok(authority_flush_audit(&authority, fault));
    audit_position(authority.audit, &after);
    assert_int_equal(before.seq, after.seq);

    memcpy(request.request_id, out.request_id, sizeof request.request_id);
    request.body = (struct facts_body){.has_sha256 = true,
                                       .is_read = true,
                                       .is_json = true,
                                       .value = request.body_value,
                                       .value_count = 4};
    request.body_value[0] =
        (struct fact_body_value){BYTES("/model"), {BODY_VALUE_STRING, BYTES("a")}};
    request.body_value[1] =
        (struct fact_body_value){BYTES("/n"), {BODY_VALUE_NUMBER, BYTES("-1e400")}};
    request.body_value[2] = (struct fact_body_value){BYTES("/s"), {BODY_VALUE_STRING, BYTES("5")}};
    request.body_value[3] =
        (struct fact_body_value){BYTES("/hidden"), {BODY_VALUE_STRING, BYTES("BODY-CANARY")}};
    assert_int_equal(judge(&request), KH_REASON_UNSET);
    json_t *record = last_record(), *values = json_object_get(record, "values");
    char id[2 * REQUEST_ID_SIZE + 1];
    assert_true(bytes_to_hex(bytes_of(request.request_id, REQUEST_ID_SIZE), id, sizeof id));
    assert_string_equal(text(record, "id"), id);
    assert_int_equal(json_object_size(values), 4);
    assert_string_equal(text(values, "body[/model]"), "a");
    assert_string_equal(text(values, "body[/n]"), "-1e400");
    assert_string_equal(text(values, "body[/s]"), "\"5\"");
    assert_int_equal(strlen(text(values, "body-sha256")), 64);
    json_decref(record);
    assert_nowhere("BODY-CANARY");
    request.body_value[0].value.text = BYTES("b");
    assert_int_equal(judge(&request), KH_REASON_CAVEAT_FAILED);

    // The body of what runs is gone: what cannot be judged any more is denied.
    request.body = (struct facts_body){.is_read = false};
    request.rejudge = true;
    assert_int_equal(judge(&request), KH_REASON_BODY_REQUIRED);
    free(token);
}

// ---- the policy ----

/* A signature of the body: asked for, sent in parts, and gone with the answer. */
static void
a_body_is_signed(void **state)
{
    json_decref(fixture_do(&authority,
                           "{\"command\": \"credential.add\", \"name\": \"hook\", \"hosts\": "
                           "[\"hook.example\"], \"slots\": [\"bearer\"], \"inject\": "
                           "\"hmac:sha256:hex:X-Sign\", \"secret\": \"HMAC-KEY-CANARY\"}"));
    json_t *minted = fixture_do(&authority, "{\"command\": \"mint\", \"credentials\": [\"hook\"]}");
    char *token = strdup(json_string_value(json_object_get(minted, "token")));
    struct message_decide request = peer_request(token);
    struct message_body_part part = {.data = BYTES("{\"a\":1}")};
    static struct decision decision;
    static struct message_decision out;
    static struct injection injection;

    (void)state;
    json_decref(minted);
    request.host = BYTES("hook.example");
    request.wanted = BYTES("hook");
    request.method = BYTES("POST");
    request.body = (struct facts_body){.has_size = true, .size = part.data.n};
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_true(out.need_body && out.need_content && !out.need_sha256 && !out.allow);
    memcpy(request.request_id, out.request_id, sizeof request.request_id);
    // Asked again without it: it is not signed as if it were empty.
    request.body.is_read = true;
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_true(out.need_body && !out.allow);
    memcpy(part.request_id, request.request_id, sizeof part.request_id);
    assert_true(contents_add(&authority.contents, &part, FIXTURE_NOW));
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_true(out.allow);
    assert_int_equal(out.edit_count, 1);
    assert_true(bytes_is(out.edit[0].name, "x-sign"));
    // printf '{"a":1}' | openssl dgst -sha256 -hmac HMAC-KEY-CANARY
    assert_true(bytes_is(out.edit[0].value,
                         "d5885c709f1bc76b00207eeebece7e1b0fa23e01eebdea049a442ed81db48e48"));
    injection_free(&injection);
    assert_int_equal(authority.contents.count, 0);
    assert_nowhere("HMAC-KEY-CANARY");
    free(token);
}

static void
apply(const char *policy)
{
    char request[2048];

    snprintf(request, sizeof request, "{\"command\": \"policy.apply\", \"text\": \"%s\"}", policy);
    json_decref(fixture_do(&authority, request));
}

// What another policy needs to judge the request again.
static void
policy_in_the_record(void **state)
{
    char *token = fixture_mint(&authority, ", \"user\": \"alice\"");
    struct message_decide request = peer_request(token);

    (void)state;
    apply("version: 1\\n"
          "grants:\\n- {name: g, to: [user alice], credentials: [openai], "
          "caveats: ['query[a] = 1']}\\n"
          "- {name: other, to: [user bob], credentials: [openai], caveats: ['query[c] = 1']}\\n"
          "forbid:\\n- {name: soft, when: ['header[x] = y'], mode: warn}\\n"
          "- {name: hard, when: [method = DELETE]}\\n");
    request.query[0] = (struct fact_pair){BYTES("a"), BYTES("1")};
    request.query[1] = (struct fact_pair){BYTES("b"), BYTES("secret")};
    request.query[2] = (struct fact_pair){BYTES("c"), BYTES("secret")};
    request.query_count = 3;
    request.header[0] = (struct fact_pair){BYTES("x"), BYTES("y")};
    request.header_count = 1;
    assert_int_equal(judge(&request), KH_REASON_UNSET);
    json_t *record = last_record();
    assert_string_equal(text(record, "grant"), "g");
    assert_int_equal(json_integer_value(json_object_get(record, "lifetime")), 3600);
    const json_t *warnings = json_object_get(record, "warnings");
    assert_int_equal(json_array_size(warnings), 1);
    assert_string_equal(json_string_value(json_array_get(warnings, 0)), "forbid soft");
    const json_t *values = json_object_get(record, "values");
    assert_int_equal(json_object_size(values), 2);
    assert_string_equal(text(values, "query[a]"), "1");
    assert_string_equal(text(values, "header[x]"), "y");
    json_decref(record);

    request.method = BYTES("DELETE");
    assert_int_equal(judge(&request), KH_REASON_FORBIDDEN);
    record = last_record();
    assert_string_equal(text(record, "detail"), "hard: method = DELETE");
    assert_null(json_object_get(record, "grant"));
    json_decref(record);
    request.method = BYTES("GET");
    request.query_count = 0;
    assert_int_equal(judge(&request), KH_REASON_NO_GRANT);
    free(token);
}

static void
bodies_for_rules(void **state)
{
    static struct decision decision;
    static struct message_decision out;
    static struct injection injection;
    char *token = fixture_mint(&authority, "");
    struct message_decide request = peer_request(token);

    (void)state;
    apply("version: 1\\n"
          "grants:\\n- {name: g, to: [everyone], credentials: [openai]}\\n"
          "forbid:\\n- {name: f, when: ['body[/m] = a', method = POST]}\\n");
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_true(out.allow);
    injection_free(&injection);
    request.method = BYTES("POST");
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_true(out.need_body);
    assert_int_equal(out.pointer_count, 1);
    assert_true(bytes_is(out.pointer[0], "/m"));
    injection_free(&injection);
    // It is gone by the time that the rule came: nobody can say that it is not forbidden.
    request.rejudge = true;
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_false(out.need_body || out.allow);
    assert_int_equal(out.reason, KH_REASON_BODY_REQUIRED);
    injection_free(&injection);
    request.rejudge = false;
    request.body_value[0] = (struct fact_body_value){BYTES("/m"), {BODY_VALUE_STRING, BYTES("a")}};
    request.body = (struct facts_body){.has_size = true,
                                       .size = 9,
                                       .is_read = true,
                                       .is_json = true,
                                       .value = request.body_value,
                                       .value_count = 1};
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_int_equal(out.reason, KH_REASON_FORBIDDEN);
    injection_free(&injection);
    json_t *record = last_record();
    assert_string_equal(text(json_object_get(record, "values"), "body[/m]"), "a");
    json_decref(record);
    free(token);
}

static void
foreign_keys_are_forbidden_too(void **state)
{
    static struct decision decision;
    static struct message_decision out;
    static struct injection injection;
    struct message_decide request = peer_request("");

    (void)state;
    json_decref(fixture_do(&authority,
                           "{\"command\": \"credential.add\", \"name\": \"lenient\", \"preset\": "
                           "\"openai\", \"foreign\": \"pass\", \"secret\": \"x\"}"));
    apply("version: 1\\nforbid:\\n- {name: f, when: [credential = lenient, method = DELETE]}\\n"
          "- {name: b, when: ['body[/m] = a', method = PUT]}\\n"
          "- {name: t, when: ['time >= 2030-01-01T00:00:00Z']}\\n");
    request.wanted = BYTES("lenient");
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_true(out.allow);
    assert_int_equal(out.recheck_at, 1893456000);
    injection_free(&injection);
    request.method = BYTES("PUT");
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_true(out.need_body && !out.allow);
    assert_int_equal(out.pointer_count, 1);
    injection_free(&injection);
    request.method = BYTES("DELETE");
    serve_decide(&authority, &request, &decision, &injection, &out);
    assert_false(out.allow);
    assert_int_equal(out.reason, KH_REASON_FORBIDDEN);
    assert_true(bytes_is(out.detail, "f: credential = lenient; method = DELETE"));
    injection_free(&injection);
}

// ---- holes ----

static void
expect_record(const char *member, const char *contains)
{
    json_t *record = last_record();
    char *got = json_dumps(json_object_get(record, member), JSON_ENCODE_ANY);
    if (got == NULL || strstr(got, contains) == NULL)
        fail_msg("%s: expected \"%s\" in: %s", member, contains, got ? got : "nothing");
    free(got);
    json_decref(record);
}

static enum kh_reason
judge_filled(const char *token, const char *parent, const char *const *caveat, size_t count)
{
    char *whole = fixture_fill(&authority, token, parent, caveat, count);
    struct message_decide request = peer_request(whole);
    enum kh_reason reason = judge(&request);
    free(whole);
    return reason;
}

static void
holes_and_discharges(void **state)
{
    static const char *const good[] = {"time < 2026-10-26T14:13:20Z",
                                       "label = \"yubikey blue of alice\""};
    static const char *const over[] = {"time < 2026-10-26T06:13:20Z", "label = \"yubikey blue\""};

    (void)state;
    fixture_dischargers(&authority);
    char *token = fixture_mint(&authority, ", \"user\": \"alice\", \"caveats\": [\"label = job\"], "
                                           "\"holes\": [\"factor = yubikey for 8h\"]");
    char *other = fixture_mint(&authority, "");
    struct message_decide request = peer_request(token);
    assert_int_equal(judge(&request), KH_REASON_HOLE_OPEN);
    expect_record("detail", "it demands factor = yubikey for 8h, filled at http://localhost:8438");
    expect_record("user", "alice");

    assert_int_equal(judge_filled(token, token, good, 2), KH_REASON_UNSET);
    // Who answered stands in the record, beside the token's own labels.
    expect_record("labels", "job");
    expect_record("labels", "yubikey blue of alice");
    expect_record("holes", "factor = yubikey for 8h");

    assert_int_equal(judge_filled(token, token, over, 2), KH_REASON_DISCHARGE_EXPIRED);
    expect_record("labels", "yubikey blue");
    assert_int_equal(judge_filled(token, other, good, 2), KH_REASON_DISCHARGE_INVALID);
    expect_record("detail", "made for another token");
    free(token);
    free(other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(holes_and_discharges, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(nothing_is_denied, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(the_token_of_the_proxy_alone, opened_with_openai,
                                        opened_end),
        cmocka_unit_test_setup_teardown(allowed_and_every_denial, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(changes_reach_the_next_request, opened_with_openai,
                                        opened_end),
        cmocka_unit_test_setup_teardown(what_the_record_holds, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(judged_again, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(a_body_is_asked_for, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(a_body_is_signed, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(counters_are_taken, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(foreign_keys_where_they_may, opened_with_openai,
                                        opened_end),
        cmocka_unit_test_setup_teardown(policy_in_the_record, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(foreign_keys_are_forbidden_too, opened_with_openai,
                                        opened_end),
        cmocka_unit_test_setup_teardown(bodies_for_rules, opened_with_openai, opened_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
