/* SPDX-License-Identifier: Apache-2.0
 *
 * An audit log in a directory of the test's own, with a clock that stands still.
 */
#ifndef KEYHOLE_TEST_AUTHORITY_AUDITS_H
#define KEYHOLE_TEST_AUTHORITY_AUDITS_H

#include "fixture.h"

#include "../../../broker/authority/audit.h"

#define AUDITS_KEY BYTES("0123456789abcdef0123456789abcdef")

static struct secret *key;
static struct wall_clock now;

static int
setup(void **state)
{
    struct fault fault = {0};
    now = clock_manual(FIXTURE_NOW);
    return fixture_setup(state) || secret_new(AUDITS_KEY, &key, &fault);
}

static int
teardown(void **state)
{
    secret_free(&key);
    return fixture_teardown(state);
}

static void
record(struct audit *audit, const char *path)
{
    struct audit_record r = {.kind = AUDIT_DECISION, .path = bytes_str(path)};
    assert_ok(audit_write(audit, &r, fault));
}

static uint64_t
seq_of(const struct audit *audit)
{
    struct audit_head head;
    audit_position(audit, &head);
    return head.seq;
}

#endif
