/* SPDX-License-Identifier: Apache-2.0
 *
 * The heap of this process, freed memory included: for tests of what is wiped.
 */
#ifndef KEYHOLE_TESTS_HEAP_H
#define KEYHOLE_TESTS_HEAP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

/* How often `count` finds in it what it counts. */
static inline size_t
heap_search(size_t (*count)(const uint8_t *p, size_t n))
{
    char line[512];
    size_t found = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        if (strstr(line, "[heap]") != NULL && sscanf(line, "%lx-%lx", &from, &to) == 2)
            found += count((const uint8_t *)from, to - from);
    }
    fclose(maps);
    return found;
}

#endif
