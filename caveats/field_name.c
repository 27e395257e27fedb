/* SPDX-License-Identifier: Apache-2.0
 *
 * Which row of the table a name is.
 */
#include "field_name.h"

#define SINGLE     (FIELD_SINGLE_REQUEST | FIELD_SINGLE_RESPONSE)
#define CREDENTIAL (FIELD_CREDENTIAL | FIELD_NO_TRAILER)

enum { FIELD_NAME_MAX = 28, ALIAS_MAX = 64 };

/* Half a line of the cache, so that reading one row touches no other. */
struct field_row {
    uint16_t traits;
    uint16_t n;
    char name[FIELD_NAME_MAX];
};

static const _Alignas(64) struct field_row table[FIELD_ID_COUNT] = {
#define FIELD(id, name, traits) [FIELD_ID_##id] = {traits, sizeof(name) - 1, name},
#include "field_name.def"
#undef FIELD
};

#define FIELD(id, name, traits) _Static_assert(sizeof(name) - 1 < FIELD_NAME_MAX, #id);
#include "field_name.def"
#undef FIELD

/* The rows that a name can be, as bits: those that begin with its letter (the five lower bits of
 * it, which are those of the other case as well), and those that fit its length. Few names are both
 * of any. */
static uint64_t rows_of_letter[32], rows_of_length[FIELD_NAME_MAX + 1];

__attribute__((constructor)) static void
index_rows(void)
{
    for (int i = 1; i < FIELD_ID_COUNT; i++) {
        const struct field_row *row = &table[i];
        size_t last = row->name[row->n - 1] == '-' ? FIELD_NAME_MAX : row->n;

        rows_of_letter[row->name[0] & 31] |= UINT64_C(1) << i;
        for (size_t n = row->n; n <= last; n++)
            rows_of_length[n] |= UINT64_C(1) << i;
    }
}

enum field_id
field_identify(struct bytes name)
{
    size_t n = name.n < FIELD_NAME_MAX ? name.n : FIELD_NAME_MAX;
    uint64_t rows = n > 0 ? rows_of_letter[name.p[0] & 31] & rows_of_length[n] : 0;

    for (; rows != 0; rows &= rows - 1) {
        int i = __builtin_ctzll(rows);

        if (bytes_equal_folded(name.p, (const uint8_t *)table[i].name, table[i].n))
            return (enum field_id)i;
    }
    return FIELD_ID_OTHER;
}

unsigned
field_id_traits(enum field_id id)
{
    return table[id].traits;
}

unsigned
field_traits(struct bytes name)
{
    return field_id_traits(field_identify(name));
}

unsigned
field_traits_read(struct bytes name)
{
    uint8_t alias[ALIAS_MAX];
    size_t n = name.n < sizeof alias ? name.n : sizeof alias;

    for (size_t i = 0; i < n; i++)
        alias[i] = name.p[i] == '_' ? '-' : name.p[i];
    return field_traits(bytes_of(alias, n));
}
