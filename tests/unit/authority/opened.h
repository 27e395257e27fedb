/* SPDX-License-Identifier: Apache-2.0
 *
 * An authority that is open during each test, for tests that need no other.
 */
#ifndef KEYHOLE_TESTS_AUTHORITY_OPENED_H
#define KEYHOLE_TESTS_AUTHORITY_OPENED_H

#include "fixture.h"

static struct authority authority;

static inline int
opened(void **state)
{
    if (fixture_setup(state))
        return -1;
    admin_init();
    fixture_create();
    fixture_open(&authority);
    return 0;
}

/* The same, and it has the credential `openai`. */
static inline int
opened_with_openai(void **state)
{
    if (opened(state))
        return -1;
    fixture_add_openai(&authority);
    return 0;
}

static inline int
opened_end(void **state)
{
    authority_close(&authority);
    return fixture_teardown(state);
}

#endif
