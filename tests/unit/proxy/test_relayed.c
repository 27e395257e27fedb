/* SPDX-License-Identifier: Apache-2.0 */
/* Prefaces on a listener: what is refused, what is kept to, and what is asked of the authority. */
#include "fixture.h"

#include "../../../broker/http/tls.h"
#include "../../../broker/proxy/relayed.h"
#include "../../../caveats/preface.h"

#define OTHER         "kh1_AgEMYW5vdGhlci10b2tlbi10ZXh0"
#define GET_API(more) "GET /~api/v1/models HTTP/1.1\r\nHost: localhost\r\n" more "\r\n"

static struct world *w;
static int client;

static int
setup(void **state)
{
    const struct world_route route[] = {{.credential = "api", .host = "api.test"},
                                        {.credential = "b", .host = "b.test"}};
    (void)state;
    w = world_new(route, 2, NULL);
    client = connect_loopback(w->port);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    close(client);
    world_free(w);
    return 0;
}

static void
put_preface(const struct preface *preface, struct buffer *out)
{
    buffer_init(out, 65536);
    preface_write(preface, out);
    assert_false(out->failed);
}

static void
send_preface(const struct preface *preface)
{
    struct buffer text;
    put_preface(preface, &text);
    send_bytes(client, text.p, text.n);
    buffer_free(&text);
}

/* ---- what ends the connection ---- */

static void
test_malformed(void **state)
{
    static const struct bytes wrong[] = {
        BYTES("\r\n\r\n\0\r\nQUIT\n\x20\x11\0\x10"),
        BYTES("\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"),
        BYTES("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\xe0\0\1\7"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int fd = connect_loopback(w->port);
        send_bytes(fd, wrong[i].p, wrong[i].n);
        (void)read_to_reset(fd, &received);
        assert_int_equal(received.n, 0);
        close(fd);
    }
    assert_true(authority_is_silent(w));
}

// A relay behind a relay behind a relay; one more is no preface, but a request that is none.
static void
test_too_many(void **state)
{
    const struct preface none = {.kind = PREFACE_PROXY};
    (void)state;
    for (unsigned i = 0; i < RELAYED_PREFACES_MAX + 1; i++)
        send_preface(&none);
    assert_int_equal(expect_decide(w)->refused, KH_REASON_REQUEST_MALFORMED);
    deny(w, KH_REASON_REQUEST_MALFORMED);
    assert_contains(read_answer(client), "HTTP/1.1 400 ");
}

static void
test_after_a_request(void **state)
{
    const struct preface none = {.kind = PREFACE_PROXY};
    (void)state;
    send_text(client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_contains(read_answer(client), "HTTP/1.1 200 ");
    send_preface(&none);
    assert_int_equal(expect_decide(w)->refused, KH_REASON_REQUEST_MALFORMED);
    deny(w, KH_REASON_REQUEST_MALFORMED);
    assert_contains(read_answer(client), "HTTP/1.1 400 ");
}

static void
test_begins_like_one(void **state)
{
    (void)state;
    send_text(client, "\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(expect_decide(w)->refused, KH_REASON_REQUEST_MALFORMED);
    deny(w, KH_REASON_REQUEST_MALFORMED);
    assert_contains(read_answer(client), "HTTP/1.1 400 ");
}

static void
test_cut(void **state)
{
    (void)state;
    send_text(client, "\r\n\r\n");
    shutdown(client, SHUT_WR);
    assert_false(read_to_reset(client, &received));
    assert_int_equal(received.n, 0);
}

/* ---- what is kept to ---- */

static void
test_byte_by_byte(void **state)
{
    const struct preface preface = {.run = {7, [15] = 9}, .hosts = BYTES("api.test")};
    struct buffer text;
    (void)state;
    put_preface(&preface, &text);
    buffer_put_str(&text, GET_MODELS);
    for (size_t i = 0; i < text.n; i++)
        send_bytes(client, text.p + i, 1);
    buffer_free(&text);
    const struct message_decide *decide = expect_decide(w);
    assert_int_equal(decide->refused, KH_REASON_UNSET);
    assert_memory_equal(decide->run, preface.run, RUN_ID_SIZE);
    assert_true(bytes_is(decide->token, TOKEN));
    assert_true(bytes_is(decide->client, "127.0.0.1")); // and not what the header says
    deny(w, KH_REASON_FORBIDDEN);
    assert_contains(read_answer(client), "HTTP/1.1 403 ");
}

static void
expect_host_refused(const char *request, const char *host)
{
    send_text(client, request);
    const struct message_decide *decide = expect_decide(w);
    assert_int_equal(decide->refused, KH_REASON_HOST_NOT_ALLOWED);
    assert_true(bytes_is(decide->host, host));
    assert_int_equal(decide->run[0], 3);
    deny(w, KH_REASON_HOST_NOT_ALLOWED);
    assert_contains(read_answer(client), "HTTP/1.1 403 ");
}

// Each way in, and the same hosts: by a base URL, by Host, as a proxy, by CONNECT.
static void
test_hosts(void **state)
{
    const struct preface preface = {.run = {3}, .hosts = BYTES("api.test *.other.test")};
    (void)state;
    send_preface(&preface);
    expect_host_refused("GET /~b/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN
                        "\r\n\r\n",
                        "b.test");
    expect_host_refused(
        "GET /x HTTP/1.1\r\nHost: b.test\r\nAuthorization: Bearer " TOKEN "\r\n\r\n", "b.test");
    expect_host_refused("GET http://b.test/x HTTP/1.1\r\nHost: b.test\r\n\r\n", "b.test");
    expect_host_refused("CONNECT b.test:80 HTTP/1.1\r\nHost: b.test:80\r\n\r\n", "b.test");
    send_text(client, GET_MODELS);
    assert_int_equal(expect_decide(w)->refused, KH_REASON_UNSET);
    deny(w, KH_REASON_FORBIDDEN);
    assert_contains(read_answer(client), "HTTP/1.1 403 ");
}

// A run within a run: each one's limit holds, whichever is the wider, and the inner one's name.
static void
test_hosts_of_several(void **state)
{
    const struct preface outer = {.run = {9}, .require_token = true, .hosts = BYTES("b.test")};
    const struct preface unlimited = {.run = {8}};
    const struct preface inner = {.run = {3}, .hosts = BYTES("api.test b.test")};
    (void)state;
    send_preface(&outer);
    send_preface(&unlimited);
    send_preface(&inner);
    expect_host_refused(
        "GET /x HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer " TOKEN "\r\n\r\n", "api.test");
    send_text(client,
              "GET /~b/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN "\r\n\r\n");
    const struct message_decide *decide = expect_decide(w);
    assert_int_equal(decide->refused, KH_REASON_UNSET);
    assert_true(decide->token_required);
    assert_int_equal(decide->run[0], 3);
    deny(w, KH_REASON_FORBIDDEN);
    assert_contains(read_answer(client), "HTTP/1.1 403 ");
}

static void
test_own_pages_are_always_there(void **state)
{
    const struct preface preface = {.hosts = BYTES("api.test")};
    (void)state;
    send_preface(&preface);
    send_text(client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_contains(read_answer(client), "HTTP/1.1 200 ");
}

/* ---- its token ---- */

static void
expect_token(const char *request, const char *token, enum slot_kind slot)
{
    send_text(client, request);
    const struct message_decide *decide = expect_decide(w);
    if (decide->refused)
        fail_msg("refused: %s", kh_reason_code(decide->refused));
    assert_true(bytes_is(decide->token, token));
    assert_int_equal(decide->slot.kind, slot);
    assert_true(decide->token_required);
    deny(w, KH_REASON_FORBIDDEN);
    assert_contains(read_answer(client), "HTTP/1.1 403 ");
}

static void
test_token(void **state)
{
    const struct preface preface = {.token = BYTES(OTHER), .require_token = true};
    (void)state;
    send_preface(&preface);
    expect_token(GET_API(""), OTHER, SLOT_PROXY_AUTHORIZATION);
    expect_token(GET_API("Authorization: Bearer " TOKEN "\r\n"), TOKEN, SLOT_BEARER);
    expect_token("GET http://api.test/x HTTP/1.1\r\nHost: api.test\r\n"
                 "Proxy-Authorization: Bearer " TOKEN "\r\n\r\n",
                 TOKEN, SLOT_PROXY_AUTHORIZATION);
    expect_token("GET http://api.test/x HTTP/1.1\r\nHost: api.test\r\n\r\n", OTHER,
                 SLOT_PROXY_AUTHORIZATION);
}

static void
test_without_a_preface(void **state)
{
    static const uint8_t none[RUN_ID_SIZE];
    (void)state;
    send_text(client, GET_MODELS);
    const struct message_decide *decide = expect_decide(w);
    assert_memory_equal(decide->run, none, sizeof none);
    assert_false(decide->token_required);
    deny(w, KH_REASON_FORBIDDEN);
    read_answer(client);
    send_text(client, GET_API(""));
    assert_int_equal(expect_decide(w)->refused, KH_REASON_TOKEN_MISSING);
    deny(w, KH_REASON_TOKEN_MISSING);
    read_answer(client);
}

/* ---- DNS ---- */

#define QUERY(name) "\x12\x34\1\0\0\1\0\0\0\0\0\0" name "\0\1\0\1"

static void
ask(struct bytes query)
{
    uint8_t length[2] = {(uint8_t)(query.n >> 8), (uint8_t)query.n};
    send_bytes(client, length, sizeof length);
    send_bytes(client, query.p, query.n);
}

static size_t
read_dns(uint8_t *out)
{
    uint8_t length[2];
    read_exactly(client, (char *)length, 2);
    size_t n = (size_t)length[0] << 8 | length[1];
    assert_true(n >= 12 && n <= 300);
    read_exactly(client, (char *)out, n);
    return n;
}

static void
test_dns(void **state)
{
    const struct preface preface = {
        .kind = PREFACE_DNS, .run = {5}, .answer = {198, 18, 0, 1}, .hosts = BYTES("api.test")};
    uint8_t out[300];
    struct bytes body;
    struct message_run_refused refused;
    (void)state;
    send_preface(&preface);
    ask(BYTES(QUERY("\3api\4test\0")));
    ask(BYTES(QUERY("\1b\4test\0"))); // there is a credential, and it is not for this run
    ask(BYTES(QUERY("\4evil\4test\0")));
    size_t n = read_dns(out);
    assert_int_equal(out[3] & 0xf, 0);
    assert_memory_equal(out + n - 4, "\xc6\x12\0\1", 4);
    for (int i = 0; i < 2; i++) {
        read_dns(out);
        assert_int_equal(out[3] & 0xf, 5);
        assert_int_equal(next_frame(w, &body), MESSAGE_RUN_REFUSED);
        assert_int_equal(message_run_refused_rx(body, &refused), KH_OK);
        assert_int_equal(refused.run[0], 5);
        assert_true(bytes_is(refused.host, i ? "evil.test" : "b.test"));
    }
    send_bytes(client, "\0", 1);
    shutdown(client, SHUT_WR);
    assert_false(read_to_reset(client, &received)); // half a message and the end
}

static void
test_dns_lengths(void **state)
{
    static const struct bytes wrong[] = {BYTES("\0\0"), BYTES("\xff\xff")};
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct preface preface = {.kind = PREFACE_DNS};
        close(client);
        client = connect_loopback(w->port);
        send_preface(&preface);
        send_bytes(client, wrong[i].p, wrong[i].n);
        (void)read_to_reset(client, &received);
        assert_int_equal(received.n, 0);
    }
}

// Without an address every name is refused, and without a run nobody is told.
static void
test_dns_without_an_address(void **state)
{
    const struct preface preface = {.kind = PREFACE_DNS};
    uint8_t out[300];
    (void)state;
    send_preface(&preface);
    ask(BYTES(QUERY("\3api\4test\0")));
    read_dns(out);
    assert_int_equal(out[3] & 0xf, 5);
    assert_true(authority_is_silent(w));
}

// Many at once, more than are read ahead; each has its answer, in order.
static void
test_dns_many(void **state)
{
    const struct preface preface = {.kind = PREFACE_DNS, .answer = {198, 18, 0, 1}};
    enum { MANY = 2000 };
    struct buffer text;
    uint8_t out[300];
    (void)state;
    buffer_init(&text, 1 << 20);
    preface_write(&preface, &text);
    for (unsigned i = 0; i < MANY; i++) {
        uint8_t query[] = "\0\x1a" QUERY("\3api\4test\0");
        query[2] = (uint8_t)(i >> 8);
        query[3] = (uint8_t)i;
        buffer_put(&text, bytes_of(query, sizeof query - 1));
    }
    send_bytes(client, text.p, text.n);
    buffer_free(&text);
    for (unsigned i = 0; i < MANY; i++) {
        read_dns(out);
        assert_int_equal(out[0] << 8 | out[1], i);
    }
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_malformed),
        TEST(test_too_many),
        TEST(test_after_a_request),
        TEST(test_begins_like_one),
        TEST(test_cut),
        TEST(test_byte_by_byte),
        TEST(test_hosts),
        TEST(test_hosts_of_several),
        TEST(test_own_pages_are_always_there),
        TEST(test_token),
        TEST(test_without_a_preface),
        TEST(test_dns),
        TEST(test_dns_lengths),
        TEST(test_dns_without_an_address),
        TEST(test_dns_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
