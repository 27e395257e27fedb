/* SPDX-License-Identifier: Apache-2.0
 *
 * An empty database and what seals its values, with no broker around them.
 */
#ifndef KEYHOLE_TEST_SEALED_STORE_H
#define KEYHOLE_TEST_SEALED_STORE_H

#include "fixture.h"

static struct store *store;
static struct seal *seal;

static inline int
sealed_store_setup(void **state)
{
    const struct master_key_source source = {.directory = fixture_base};
    struct fault why = {0};

    return fixture_setup(state) || store_create(fixture_path("db"), &store, &why) ||
           master_key_create(&source, fixture_base, fixture_cost, store, &seal, &why);
}

static inline int
sealed_store_teardown(void **state)
{
    seal_free(&seal);
    store_close(&store);
    return fixture_teardown(state);
}

#endif
