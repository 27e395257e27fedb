/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks for the configuration to be read again, a supervisor that reads it, and the record. */
#include "served.h"

#include "../../../broker/admin/reload.h"
#include "../../../broker/admin/request.h"
#include "../../../broker/messages.h"

enum { ASKED_MAX = 8 };

static struct admin_reloads reloads;
static struct channel *supervisor; // its end
static uint64_t asked[ASKED_MAX];
static size_t asked_count;
static bool look;

// What went on record; the writer of it may fail.
static struct {
    int count;
    uint32_t uid;
    bool reloaded, fails;
    size_t changes;
} record;

static bool
on_ask(struct channel *channel, void *context, const struct message *message)
{
    (void)channel, (void)context;
    assert_true(asked_count < ASKED_MAX);
    asked[asked_count++] = message->id;
    return true;
}

static bool
on_done(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    return admin_reload_done(context, message->id, message->body);
}

static void
on_closed(struct channel *channel, void *context, const char *why)
{
    (void)channel, (void)context;
    fail_msg("%s", why);
}

static enum kh_err
keep_record(void *context, uint32_t uid, bool reloaded, size_t changes, struct fault *fault)
{
    assert_ptr_equal(context, &record);
    record.count++;
    record.uid = uid;
    record.reloaded = reloaded;
    record.changes = changes;
    return record.fails ? fault_set(fault, KH_ERR_IO, "the disk is full") : KH_OK;
}

static void
answer(void *context, uint32_t uid, struct bytes line, struct buffer *out)
{
    struct fault fault = {0};

    (void)context, (void)line;
    if (admin_reload_ask(&reloads, server, uid, look, &fault))
        admin_request_finish(NULL, &fault, out);
}

static const struct channel_handler handlers[][2] = {
    {{MESSAGE_RELOAD_ASK, on_ask}, {0, NULL}},
    {{MESSAGE_RELOAD_DONE, on_done}, {0, NULL}},
};

static int
setup(void **state)
{
    struct channel_options options = {.context = &reloads, .closed = on_closed};
    int fd[2];

    if (fixture_setup(state) || served_open(answer, NULL))
        return -1;
    options.base = base;
    assert_ok(channel_pair(fd, fault));
    options.self = ROLE_SUPERVISOR;
    options.peer = ROLE_AUTHORITY;
    options.handler = handlers[0];
    assert_ok(channel_new(fd[0], &options, &supervisor, fault));
    options.self = ROLE_AUTHORITY;
    options.peer = ROLE_SUPERVISOR;
    options.handler = handlers[1];
    reloads = (struct admin_reloads){
        .ask = MESSAGE_RELOAD_ASK,
        .record = keep_record,
        .context = &record,
    };
    assert_ok(channel_new(fd[1], &options, &reloads.supervisor, fault));
    memset(&record, 0, sizeof record);
    asked_count = 0;
    look = false;
    return 0;
}

static int
teardown(void **state)
{
    admin_server_free(&server);
    assert_true(LIST_EMPTY(&reloads.waiting));
    channel_free(&reloads.supervisor);
    channel_free(&supervisor);
    settle();
    served_close();
    return fixture_teardown(state);
}

static void
say(uint64_t id, const char *text)
{
    BUFFER_AUTO body;

    buffer_init(&body, 4096);
    message_text_tx(bytes_str(text), &body);
    channel_send(supervisor, MESSAGE_RELOAD_DONE, id, buffer_bytes(&body));
    settle();
}

static void
assert_says(int fd, const char *text)
{
    const char *said = ask(fd, "");

    if (!strstr(said, text))
        fail_msg("\"%s\" does not say \"%s\"", said, text);
    close(fd);
}

static void
outside_of_a_request(void **state)
{
    struct channel *channel = reloads.supervisor;

    (void)state;
    assert_fault(admin_reload_ask(&reloads, server, 0, false, fault), KH_ERR_UNSUPPORTED,
                 "admin socket alone");
    assert_fault(admin_reload_ask(&reloads, NULL, 0, false, fault), KH_ERR_UNSUPPORTED,
                 "admin socket alone");
    reloads.supervisor = NULL;
    assert_fault(admin_reload_ask(&reloads, server, 0, false, fault), KH_ERR_UNSUPPORTED,
                 "no supervisor");
    reloads.supervisor = channel;
    settle();
    assert_int_equal(asked_count, 0);
    assert_true(LIST_EMPTY(&reloads.waiting));
}

static void
a_reload_is_answered_when_it_is_recorded(void **state)
{
    int fd = connect_admin();

    (void)state;
    assert_string_equal(ask(fd, "x\n"), "(open)");
    assert_int_equal(asked_count, 1);
    assert_int_equal(asked[0] & 1, 0);
    say(asked[0], "ok\n/etc/k.yaml\nlog.level\tinfo\tdebug\tnow\nworkers\t1\t2\trestart\n");
    assert_int_equal(record.count, 1);
    assert_int_equal(record.uid, geteuid());
    assert_true(record.reloaded);
    assert_int_equal(record.changes, 2);
    assert_says(fd, "\"reloaded\": true, \"file\": \"/etc/k.yaml\", \"changes\": [{\"setting\": "
                    "\"log.level\", \"old\": \"info\", \"new\": \"debug\", \"outcome\": \"now\"}");
}

static void
a_refused_one_is_on_record_too(void **state)
{
    int fd = connect_admin();

    (void)state;
    assert_string_equal(ask(fd, "x\n"), "(open)");
    say(asked[0], "failed\nline 3: there is no such setting");
    assert_int_equal(record.count, 1);
    assert_false(record.reloaded);
    assert_says(fd, "{\"ok\": false, \"code\": \"config\", \"message\": \"line 3: there is no");
}

static void
without_a_record_it_did_not_happen(void **state)
{
    int fd = connect_admin();

    (void)state;
    record.fails = true;
    assert_string_equal(ask(fd, "x\n"), "(open)");
    say(asked[0], "ok\n/etc/k.yaml\n");
    assert_says(fd, "the disk is full");
}

static void
who_looks_leaves_none(void **state)
{
    int fd = connect_admin();

    (void)state;
    look = record.fails = true;
    assert_string_equal(ask(fd, "x\n"), "(open)");
    assert_int_equal(asked[0] & 1, 1);
    say(asked[0], "ok\n/etc/k.yaml\n");
    assert_int_equal(record.count, 0);
    assert_says(fd, "\"reloaded\": false, \"file\": \"/etc/k.yaml\", \"changes\": []");
}

static void
a_discharger_keeps_none(void **state)
{
    int fd = connect_admin();

    (void)state;
    reloads.record = NULL;
    assert_string_equal(ask(fd, "x\n"), "(open)");
    say(asked[0], "ok\n/etc/k.yaml\n");
    assert_says(fd, "\"reloaded\": true");
}

static void
each_gets_its_own(void **state)
{
    int one = connect_admin(), two = connect_admin();

    (void)state;
    assert_string_equal(ask(one, "x\n"), "(open)");
    assert_string_equal(ask(two, "x\n"), "(open)");
    assert_int_equal(asked_count, 2);
    assert_int_not_equal(asked[0], asked[1]);
    say(asked[1], "ok\n/two\n");
    assert_string_equal(ask(one, ""), "(open)");
    say(asked[0], "ok\n/one\n");
    assert_says(two, "/two");
    assert_says(one, "/one");
}

static void
who_asked_may_have_gone(void **state)
{
    int fd = connect_admin();

    (void)state;
    assert_string_equal(ask(fd, "x\n"), "(open)");
    close(fd);
    settle();
    assert_true(LIST_EMPTY(&reloads.waiting));
    say(asked[0], "ok\n/etc/k.yaml\n");
    say(77, "ok\n/etc/k.yaml\n"); // nor did anybody ask that
    assert_int_equal(record.count, 0);
}

static void
what_is_no_text_breaks_the_protocol(void **state)
{
    (void)state;
    assert_false(admin_reload_done(&reloads, 2, BYTES("ok\n/f\xff\n")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(outside_of_a_request, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reload_is_answered_when_it_is_recorded, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_one_is_on_record_too, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_record_it_did_not_happen, setup, teardown),
        cmocka_unit_test_setup_teardown(who_looks_leaves_none, setup, teardown),
        cmocka_unit_test_setup_teardown(a_discharger_keeps_none, setup, teardown),
        cmocka_unit_test_setup_teardown(each_gets_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(who_asked_may_have_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_text_breaks_the_protocol, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
