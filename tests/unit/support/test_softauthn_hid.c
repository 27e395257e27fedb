/* SPDX-License-Identifier: Apache-2.0 */
/* CTAPHID of the software authenticator, report by report: channels, sequences, errors, cancel. */

#include "../scratch.h"

#include "../../support/softauthn_hid.h"

enum { BROADCAST = -1, INIT = 0x86, PING = 0x81, WINK = 0x88, CBOR = 0x90, CANCEL = 0x91 };
enum { KEEPALIVE = 0xbb, ERROR = 0xbf };

struct line {
    struct softauthn *authenticator;
    struct softauthn_hid hid;
    uint8_t sent[200][SOFTAUTHN_REPORT];
    size_t count;
    uint8_t meanwhile[SOFTAUTHN_REPORT]; /* arrives while a touch is waited for */
};

static void
take(void *arg, const uint8_t report[SOFTAUTHN_REPORT])
{
    struct line *line = arg;
    assert_true(line->count < sizeof(line->sent) / sizeof(*line->sent));
    memcpy(line->sent[line->count++], report, SOFTAUTHN_REPORT);
}

static enum softauthn_status
wait_once(void *arg, bool wait)
{
    struct line *line = arg;
    (void)wait;
    softauthn_hid_keepalive(&line->hid);
    softauthn_hid_receive(&line->hid, line->meanwhile);
    return line->hid.cancelled ? SOFTAUTHN_KEEPALIVE_CANCEL : SOFTAUTHN_OK;
}

static void
report_make(uint8_t out[SOFTAUTHN_REPORT], int channel, uint8_t command, size_t n)
{
    memset(out, 0, SOFTAUTHN_REPORT);
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)((uint32_t)channel >> (24 - 8 * i));
    out[4] = command;
    out[5] = (uint8_t)(n >> 8);
    out[6] = (uint8_t)n;
    for (size_t i = 0; i < SOFTAUTHN_REPORT - 7; i++)
        out[7 + i] = (uint8_t)i;
}

static void
send(struct line *line, int channel, uint8_t command, size_t n)
{
    uint8_t report[SOFTAUTHN_REPORT];
    report_make(report, channel, command, n);
    line->count = 0;
    softauthn_hid_receive(&line->hid, report);
}

static int
setup(void **state)
{
    struct line *line = calloc(1, sizeof(*line));
    line->authenticator =
        softauthn_new(&(struct softauthn_options){.touch = wait_once, .arg = line});
    softauthn_hid_init(&line->hid, line->authenticator, take, line);
    *state = line;
    send(line, BROADCAST, INIT, 8);
    return line->count == 1 && line->hid.channels == 1 ? 0 : -1;
}

static int
teardown(void **state)
{
    struct line *line = *state;
    softauthn_free(&line->authenticator);
    free(line);
    return 0;
}

static void
expect_error(const struct line *line, int channel, uint8_t code)
{
    assert_int_equal(line->count, 1);
    assert_int_equal(line->sent[0][3], channel & 0xff);
    assert_int_equal(line->sent[0][4], ERROR);
    assert_int_equal(line->sent[0][7], code);
}

static void
test_errors(void **state)
{
    struct line *line = *state;
    send(line, 0, PING, 0);
    expect_error(line, 0, 0x0b);
    send(line, 2, PING, 0); // never given out
    expect_error(line, 2, 0x0b);
    send(line, BROADCAST, PING, 0);
    expect_error(line, BROADCAST, 0x0b);
    send(line, 1, PING, 7610);
    expect_error(line, 1, 0x03);
    send(line, 1, INIT, 7);
    expect_error(line, 1, 0x03);
    send(line, 1, 0x85, 0); // no such command
    expect_error(line, 1, 0x01);
    send(line, 1, 0x00, 0); // goes on with nothing
    assert_int_equal(line->count, 0);
    send(line, 1, CANCEL, 0); // nothing to cancel
    assert_int_equal(line->count, 0);
}

static void
test_channels(void **state)
{
    struct line *line = *state;
    send(line, BROADCAST, INIT, 8);
    assert_int_equal(line->count, 1);
    assert_int_equal(line->sent[0][0], 0xff);
    assert_int_equal(line->sent[0][4], INIT);
    assert_int_equal(line->sent[0][6], 17);
    for (int i = 0; i < 8; i++)
        assert_int_equal(line->sent[0][7 + i], i);
    assert_int_equal(line->sent[0][18], 2); // the channel that was given
    assert_int_equal(line->sent[0][23], 5); // can wink, knows CBOR
    send(line, 1, INIT, 8);
    assert_int_equal(line->sent[0][18], 1);
}

static void
test_long_message(void **state)
{
    struct line *line = *state;
    enum { N = 57 + 59 + 1 };
    send(line, 1, PING, N);
    assert_int_equal(line->count, 0);
    assert_true(line->hid.assembling);
    send(line, 1, 0, 0);
    send(line, 1, 1, 0);
    assert_int_equal(line->count, 3);
    assert_int_equal(line->sent[0][4], PING);
    assert_int_equal(line->sent[0][6], N);
    assert_int_equal(line->sent[0][7 + 56], 56);
    assert_int_equal(line->sent[1][4], 0);
    assert_int_equal(line->sent[2][4], 1);
    // the longest that there is comes back whole
    send(line, 1, PING, SOFTAUTHN_MESSAGE_MAX);
    for (int i = 0; i < 128; i++)
        send(line, 1, (uint8_t)i, 0);
    assert_int_equal(line->count, 129);
}

static void
test_sequence(void **state)
{
    struct line *line = *state;
    send(line, 1, PING, 200);
    send(line, 1, 1, 0);
    expect_error(line, 1, 0x04);
    send(line, 1, PING, 200);
    send(line, 1, PING, 200); // begins again in the middle
    expect_error(line, 1, 0x04);
    send(line, 1, PING, 200);
    send(line, 1, INIT, 8); // and that is how to begin again
    assert_int_equal(line->sent[0][4], INIT);
    assert_false(line->hid.assembling);
    send(line, 1, PING, 200);
    softauthn_hid_expire(&line->hid);
    expect_error(line, 1, 0x05);
    line->count = 0;
    softauthn_hid_expire(&line->hid);
    assert_int_equal(line->count, 0);
}

static void
test_two_clients(void **state)
{
    struct line *line = *state;
    send(line, BROADCAST, INIT, 8);
    send(line, 1, PING, 100);
    send(line, 2, PING, 0);
    expect_error(line, 2, 0x06);
    send(line, 2, 0, 0); // is not taken for the other's
    assert_int_equal(line->count, 0);
    send(line, 1, 0, 0);
    assert_int_equal(line->count, 2);
}

/* authenticatorSelection, in one report. */
static void
select_key(struct line *line)
{
    uint8_t report[SOFTAUTHN_REPORT];
    report_make(report, 1, CBOR, 1);
    report[7] = 0x0b;
    line->count = 0;
    softauthn_hid_receive(&line->hid, report);
}

static void
test_cancel(void **state)
{
    struct line *line = *state;
    report_make(line->meanwhile, 1, CANCEL, 0);
    select_key(line);
    assert_int_equal(line->count, 2);
    assert_int_equal(line->sent[0][4], KEEPALIVE);
    assert_int_equal(line->sent[0][7], 2);
    assert_int_equal(line->sent[1][4], CBOR);
    assert_int_equal(line->sent[1][7], SOFTAUTHN_KEEPALIVE_CANCEL);
}

static void
test_busy(void **state)
{
    struct line *line = *state;
    send(line, BROADCAST, INIT, 8);
    for (int i = 0; i < 2; i++) {
        // another's cancel is none, and neither is another command of one's own
        report_make(line->meanwhile, 2 - i, i ? PING : CANCEL, 0);
        select_key(line);
        assert_int_equal(line->count, 3);
        assert_int_equal(line->sent[0][4], KEEPALIVE);
        assert_int_equal(line->sent[1][4], ERROR);
        assert_int_equal(line->sent[1][3], 2 - i);
        assert_int_equal(line->sent[1][7], 0x06);
        assert_int_equal(line->sent[2][7], SOFTAUTHN_OK);
    }
}

static void
test_wink(void **state)
{
    struct line *line = *state;
    send(line, 1, WINK, 0);
    assert_int_equal(line->sent[0][4], WINK);
    assert_true(line->hid.winked);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_channels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sequence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wink, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
