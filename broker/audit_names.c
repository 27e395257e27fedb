/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the audit log's files, and which of them there are. */
#include "audit_names.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 12 };

void
audit_name_print(uint64_t first, char out[AUDIT_FILE_NAME_MAX])
{
    snprintf(out, AUDIT_FILE_NAME_MAX, AUDIT_NAME_CURRENT ".%0*llu", DIGITS,
             (unsigned long long)first);
}

bool
audit_name_parse(const char *name, uint64_t *first)
{
    static const char prefix[] = AUDIT_NAME_CURRENT ".";
    char again[AUDIT_FILE_NAME_MAX];
    uint64_t number;

    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return false;
    const char *digits = name + sizeof prefix - 1;
    digits += strspn(digits, "0");
    if (!bytes_to_u64(bytes_str(digits), &number))
        return false;
    // One name for one file.
    audit_name_print(number, again);
    if (number == 0 || strcmp(again, name) != 0)
        return false;
    *first = number;
    return true;
}

enum kh_err
audit_name_path(const char *directory, uint64_t first, char out[PATH_MAX], struct fault *fault)
{
    char name[AUDIT_FILE_NAME_MAX] = AUDIT_NAME_CURRENT;

    if (first > 0)
        audit_name_print(first, name);
    int n = snprintf(out, PATH_MAX, "%s/%s", directory, name);
    return n > 0 && n < PATH_MAX
               ? KH_OK
               : fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", directory);
}

static enum kh_err
add(struct audit_names *names, uint64_t first, struct fault *fault)
{
    if (names->count == AUDIT_NAMES_MAX)
        return fault_set(fault, KH_ERR_RANGE, "there are too many files of the audit log");
    uint64_t *grown = names->first;
    // Doubled at each power of two.
    if ((names->count & (names->count - 1)) == 0)
        grown = reallocarray(grown, names->count ? 2 * names->count : 1, sizeof *grown);
    if (grown == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    names->first = grown;
    names->first[names->count++] = first;
    return KH_OK;
}

static int
ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

enum kh_err
audit_names_list(const char *directory, struct audit_names *out, struct fault *fault)
{
    DIR *listing = opendir(directory);
    const struct dirent *entry;
    enum kh_err err = KH_OK;
    uint64_t first;

    *out = (struct audit_names){0};
    if (listing == NULL)
        return fault_set(fault, errno == EACCES ? KH_ERR_PERMISSION : KH_ERR_IO, "%s: %s",
                         directory, strerror(errno));
    while (!err && (errno = 0, entry = readdir(listing)) != NULL) {
        if (audit_name_parse(entry->d_name, &first))
            err = add(out, first, fault);
    }
    if (!err && errno)
        err = fault_set(fault, KH_ERR_IO, "%s: %s", directory, strerror(errno));
    closedir(listing);
    if (out->count > 1)
        qsort(out->first, out->count, sizeof *out->first, ascending);
    return err;
}

void
audit_names_free(struct audit_names *names)
{
    free(names->first);
    *names = (struct audit_names){0};
}
