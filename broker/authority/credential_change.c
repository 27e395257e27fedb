/* SPDX-License-Identifier: Apache-2.0
 *
 * Each setting that differs is a line: what it was, and what it is.
 */
#include "credential_change.h"

enum { VALUE_MAX = 512 };

#define NOTHING "none"

// ---- lines ----

static void
put_value(struct buffer *out, struct bytes value)
{
    if (value.n == 0)
        buffer_put_str(out, NOTHING);
    buffer_put(out, bytes_slice(value, 0, VALUE_MAX));
    if (value.n > VALUE_MAX)
        buffer_put_str(out, "…");
}

static void
put_label(struct buffer *out, const char *kind, struct bytes name)
{
    if (out->n > 0)
        buffer_put_byte(out, '\n');
    buffer_put_str(out, kind);
    buffer_put(out, name);
    buffer_put_str(out, ": ");
}

static void
put_text(struct buffer *out, const char *kind, struct bytes name, struct bytes before,
         struct bytes after)
{
    if (bytes_equal(before, after))
        return;
    put_label(out, kind, name);
    put_value(out, before);
    buffer_put_str(out, " -> ");
    put_value(out, after);
}

static void
put_flag(struct buffer *out, const char *name, bool before, bool after, const char *no,
         const char *yes)
{
    put_text(out, name, BYTES_EMPTY, bytes_str(before ? yes : no), bytes_str(after ? yes : no));
}

// ---- lists ----

static bool
equal_lists(const struct store_credential *a, const struct store_credential *b,
            enum store_list list)
{
    if (a->item_count[list] != b->item_count[list])
        return false;
    for (size_t i = 0; i < a->item_count[list]; i++) {
        if (!bytes_equal(a->item[list][i], b->item[list][i]))
            return false;
    }
    return true;
}

static void
put_items(struct buffer *out, const struct store_credential *row, enum store_list list)
{
    if (row->item_count[list] == 0)
        buffer_put_str(out, NOTHING);
    for (size_t i = 0; i < row->item_count[list]; i++) {
        if (i > 0)
            buffer_put_str(out, ", ");
        put_value(out, row->item[list][i]);
    }
}

static void
put_list(struct buffer *out, const struct store_credential *before,
         const struct store_credential *after, enum store_list list)
{
    if (equal_lists(before, after, list))
        return;
    put_label(out, store_list_name(list), BYTES_EMPTY);
    put_items(out, before, list);
    buffer_put_str(out, " -> ");
    put_items(out, after, list);
}

static struct bytes
option_of(const struct store_credential *row, struct bytes name)
{
    for (size_t i = 0; i < row->item_count[STORE_LIST_OPTIONS]; i++) {
        struct bytes item = row->item[STORE_LIST_OPTIONS][i];
        size_t equals = bytes_index(item, '=');
        if (bytes_equal(bytes_slice(item, 0, equals), name))
            return bytes_from(item, equals + 1);
    }
    return BYTES_EMPTY;
}

// In which order they stand means nothing. `again`: those that `before` has were looked at.
static void
put_options(struct buffer *out, const struct store_credential *before,
            const struct store_credential *after, const struct store_credential *from, bool again)
{
    for (size_t i = 0; i < from->item_count[STORE_LIST_OPTIONS]; i++) {
        struct bytes item = from->item[STORE_LIST_OPTIONS][i];
        struct bytes name = bytes_slice(item, 0, bytes_index(item, '='));
        struct bytes was = option_of(before, name);
        if (!again || was.n == 0)
            put_text(out, "option ", name, was, option_of(after, name));
    }
}

// ---- all ----

enum kh_err
credential_change_print(const struct store_credential *before, const struct store_credential *after,
                        struct buffer *out, struct fault *fault)
{
    for (int list = 0; list < STORE_LIST_COUNT; list++) {
        if (list != STORE_LIST_OPTIONS)
            put_list(out, before, after, list);
    }
    put_text(out, "inject", BYTES_EMPTY, before->inject, after->inject);
    put_options(out, before, after, before, false);
    put_options(out, before, after, after, true);
    if (!bytes_equal(before->upstream_ca, after->upstream_ca)) {
        put_label(out, "upstream_ca", BYTES_EMPTY);
        buffer_put_str(out, after->upstream_ca.n == 0 ? "the system's" : "other certificates");
    }
    put_flag(out, "plain", before->plain, after->plain, "no", "yes");
    put_flag(out, "scrub", before->scrub, after->scrub, "no", "yes");
    put_flag(out, "foreign", before->foreign_pass, after->foreign_pass, "refuse", "pass");
    return out->failed ? fault_set(fault, KH_ERR_TOO_LONG, "there are too many changes at once")
                       : KH_OK;
}
