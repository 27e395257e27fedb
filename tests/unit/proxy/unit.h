/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the proxy's pure parts share.
 */
#ifndef KEYHOLE_TESTS_PROXY_UNIT_H
#define KEYHOLE_TESTS_PROXY_UNIT_H

#include "../../../caveats/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define UNUSED       __attribute__((unused))

#define assert_bytes(actual, expected)                                                             \
    do {                                                                                           \
        struct bytes actual_ = (actual), expected_ = (expected);                                   \
        if (!bytes_equal(actual_, expected_))                                                      \
            fail_msg("\"%.*s\" is not \"%.*s\"", BYTES_ARG(actual_), BYTES_ARG(expected_));        \
    } while (0)

#endif
