/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy_peer.h"

static void
nobody_to_tell(void **state)
{
    struct authority authority;

    (void)state;
    fixture_create();
    fixture_open(&authority);
    publish_routes_to_all(&authority);
    publish_rejudge(&authority);
    authority_close(&authority);
}

static void
the_whole_table_each_time(void **state)
{
    struct authority authority;
    static struct peer proxy;
    int ends[2];

    (void)state;
    fixture_create();
    fixture_open(&authority);
    authority.base = peer_base();
    assert_ok(channel_pair(ends, fault));
    assert_ok(serve_proxy_add(&authority, ends[0], 1, fault));
    peer_open(&proxy, authority.base, ends[1], ROLE_PROXY);
    peer_settle(authority.base);
    assert_int_equal(proxy.count, 2); // none yet: begin and end
    peer_forget(&proxy);
    fixture_add_openai(&authority);
    json_decref(fixture_do(&authority,
                           "{\"command\": \"credential.add\", \"name\": \"gh\", \"preset\": "
                           "\"github\", \"secret\": \"" FIXTURE_SECRET "\"}"));
    peer_settle(authority.base);
    assert_int_equal(peer_count(&proxy, MESSAGE_ROUTES_BEGIN), 2);
    assert_int_equal(peer_count(&proxy, MESSAGE_ROUTE), 3);
    assert_int_equal(peer_count(&proxy, MESSAGE_ROUTES_END), 2);
    // A table is whole before the next begins, and no secret is in it.
    bool open = false;
    for (size_t i = 0; i < proxy.count; i++) {
        const struct peer_message *message = &proxy.message[i];
        struct bytes body = buffer_bytes(&message->body);
        assert_true(bytes_find(body, BYTES(FIXTURE_SECRET)) == body.n);
        if (message->type == MESSAGE_ROUTES_BEGIN) {
            assert_false(open);
            open = true;
        } else if (message->type == MESSAGE_ROUTES_END) {
            assert_true(open);
            open = false;
        } else if (message->type == MESSAGE_ROUTE) {
            assert_true(open);
        }
    }
    peer_forget(&proxy);
    json_decref(fixture_do(&authority, "{\"command\": \"credential.remove\", \"name\": \"gh\"}"));
    peer_settle(authority.base);
    assert_int_equal(peer_count(&proxy, MESSAGE_ROUTE), 1);
    assert_int_equal(proxy.message[proxy.count - 1].type, MESSAGE_REJUDGE);
    peer_close(&proxy);
    serve_proxies_close(&authority);
    event_base_free(authority.base);
    authority_close(&authority);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(nobody_to_tell),
        fixture_test(the_whole_table_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
