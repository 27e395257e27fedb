/* SPDX-License-Identifier: Apache-2.0
 *
 * What is different for unit tests under memcheck (`make valgrind`).
 */
#ifndef KEYHOLE_TESTS_MEMCHECK_H
#define KEYHOLE_TESTS_MEMCHECK_H

/* TEST_SAMPLE divides how often a property is tried: each case takes fifty times as long.
 * memcheck_cannot ends a test that needs what valgrind does not give, and says so. */
#ifdef KH_MEMCHECK
enum { TEST_SAMPLE = 10 };
#define memcheck_cannot(why)                                                                       \
    do {                                                                                           \
        print_message("skipped: valgrind " why "\n");                                              \
        skip();                                                                                    \
    } while (0)
#else
enum { TEST_SAMPLE = 1 };
#define memcheck_cannot(why) ((void)0)
#endif

#endif
