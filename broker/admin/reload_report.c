/* SPDX-License-Identifier: Apache-2.0
 *
 * From the supervisor's lines to JSON.
 */
#include "reload_report.h"

static json_t *
parse_change(struct bytes line)
{
    static const char *const members[] = {"setting", "old", "new", "outcome"};
    json_t *change = json_object();

    for (size_t i = 0; change && i < 4; i++) {
        struct bytes part = line;
        if (i < 3 && !bytes_cut(&line, '\t', &part))
            part = BYTES_EMPTY;
        if (json_object_set_new(change, members[i],
                                json_stringn(part.n ? (const char *)part.p : "", part.n))) {
            json_decref(change);
            return NULL;
        }
        if (i == 3)
            break;
    }
    return change;
}

static json_t *
parse_changes(struct bytes rest, bool look, struct bytes file, size_t *count)
{
    json_t *changes = json_array();
    json_t *result = json_pack("{s:b, s:s%, s:o}", "reloaded", !look, "file",
                               file.n ? (const char *)file.p : "", file.n, "changes", changes);
    struct bytes line;

    *count = 0;
    while (result && bytes_cut(&rest, '\n', &line)) {
        if (line.n == 0)
            continue;
        json_t *change = parse_change(line);
        if (change == NULL || json_array_append_new(changes, change)) {
            json_decref(result);
            return NULL;
        }
        ++*count;
    }
    return result;
}

json_t *
reload_report_read(struct bytes text, bool look, size_t *count, struct fault *fault)
{
    struct bytes word = BYTES_EMPTY, file = BYTES_EMPTY;

    *count = 0;
    if (!bytes_cut(&text, '\n', &word) || !bytes_is(word, "ok") || !bytes_cut(&text, '\n', &file)) {
        (void)!fault_set(fault, KH_ERR_CONFIG, "%.*s", BYTES_ARG(text));
        return NULL;
    }
    json_t *result = parse_changes(text, look, file, count);
    if (result == NULL)
        (void)!fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return result;
}
