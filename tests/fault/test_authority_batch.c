/* SPDX-License-Identifier: Apache-2.0
 *
 * Many questions in one datagram, on a channel that has had none before, with every call on the way
 * failing once: no answer is another question's, and what is allowed is on record. Where memory was
 * used up one of them is refused, and the others are answered as ever.
 */
#include "authority_world.h"

enum { QUESTIONS = 70, DENIED_EACH = 5 }; /* more than there is room for at first */

static char *good, *bad;
static uint64_t first_id = 1;
static off_t recorded_before;

static off_t
size_of_log(void)
{
    struct stat st;
    assert_int_equal(stat(fixture_path("state/audit.log"), &st), 0);
    return st.st_size;
}

static bool
is_denied(uint64_t id)
{
    return (id - first_id) % DENIED_EACH == 0;
}

static void
put_question(struct buffer *out, uint64_t id)
{
    struct message_decide request = peer_request(is_denied(id) ? bad : good);
    uint8_t header[16] = {0};
    BUFFER_AUTO body;

    buffer_init(&body, 4096);
    message_decide_tx(&request, &body);
    assert_false(body.failed);
    world_number(header, body.n, 4);
    world_number(header + 4, MESSAGE_DECIDE, 2);
    world_number(header + 8, id, 8);
    buffer_put(out, bytes_of(header, sizeof header));
    buffer_put(out, buffer_bytes(&body));
}

static void
ask_all(void)
{
    BUFFER_AUTO datagram;

    first_id += QUESTIONS;
    recorded_before = size_of_log();
    buffer_init(&datagram, 1 << 16);
    for (uint64_t id = first_id; id < first_id + QUESTIONS; id++)
        put_question(&datagram, id);
    assert_false(datagram.failed);
    assert_int_equal(send(world_proxy, datagram.p, datagram.n, MSG_NOSIGNAL), datagram.n);
}

static size_t
count_recorded(void)
{
    static const struct bytes allow = BYTES("\"decision\":\"allow\"");
    struct buffer log;
    struct bytes rest = fixture_read(fixture_path("state/audit.log"), &log), line;
    size_t n = 0;

    rest = bytes_from(rest, (size_t)recorded_before);
    while (bytes_cut(&rest, '\n', &line))
        n += bytes_find(line, allow) < line.n;
    buffer_free(&log);
    return n;
}

struct answered {
    size_t answers, allows;
    size_t refused; // though it was to be allowed, and not for the want of a record
};

static struct answered
check(bool fired)
{
    static struct message_decision decision;
    enum message_type type;
    struct bytes body;
    uint64_t id;
    struct answered sum = {0};
    bool seen[QUESTIONS] = {false};

    while (world_next(&type, &id, &body)) {
        if (type != MESSAGE_DECISION)
            continue;
        assert_true(id >= first_id && id < first_id + QUESTIONS);
        assert_false(seen[id - first_id]);
        seen[id - first_id] = true;
        sum.answers++;
        assert_int_equal(message_decision_rx(body, &decision), KH_OK);
        if (decision.allow && is_denied(id))
            fail_msg("question %u: ALLOWED", (unsigned)(id - first_id));
        if (!fired && decision.allow == is_denied(id))
            fail_msg("question %u: %s", (unsigned)(id - first_id), kh_reason_code(decision.reason));
        sum.allows += decision.allow;
        sum.refused +=
            !decision.allow && !is_denied(id) && decision.reason != KH_REASON_BROKER_UNAVAILABLE;
    }
    if (sum.allows > count_recorded())
        fail_msg("%zu are allowed, %zu on record", sum.allows, count_recorded());
    if (!fired)
        assert_int_equal(sum.answers, QUESTIONS);
    return sum;
}

static void
before(void *context)
{
    (void)context;
    world_connect();
    world_settle();
    ask_all();
}

static void
act(void *context)
{
    (void)context;
    world_turn();
}

static void
ask_again(void)
{
    world_settle();
    ask_all();
    world_turn();
    (void)check(false);
}

static void
after(void *context, bool fired)
{
    (void)context;
    (void)check(fired);
    ask_again();
}

// One call has failed, and there is memory again. A channel that could not send is closed.
static void
after_memory(void *context, bool fired)
{
    (void)context;
    struct answered sum = check(fired);
    bool once = nth_job_mode() == NTH_ONCE;
    if (once && authority.proxy_count > 0 && sum.answers != QUESTIONS)
        fail_msg("%s: %zu of %d are answered", nth_failed(), sum.answers, QUESTIONS);
    if (once && sum.refused > 1)
        fail_msg("%s: %zu are refused with it", nth_failed(), sum.refused);
    ask_again();
}

static void
run(const struct nth_job *job)
{
    good = fixture_mint(&authority, "");
    bad = fixture_mint(&authority, ", \"caveats\": [\"method = POST\"]");
    nth_job_run(job);
    free(good);
    free(bad);
}

static void
no_answer_is_another_questions(void **state)
{
    static const struct nth_job job = {
        .name = "batch", .before = before, .act = act, .after = after};

    (void)state;
    run(&job);
}

static void
one_is_refused_and_the_others_are_answered(void **state)
{
    static const struct nth_job job = {.name = "batch_memory",
                                       .kinds = NTH_MEMORY,
                                       .before = before,
                                       .act = act,
                                       .after = after_memory};

    (void)state;
    run(&job);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(no_answer_is_another_questions),
        world_test(one_is_refused_and_the_others_are_answered),
    };
    nth_init();
    return nth_job_finish("authority_batch", cmocka_run_group_tests(tests, NULL, NULL));
}
