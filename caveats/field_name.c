/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of field names.
 */
#include "field_name.h"

#define SINGLE     (FIELD_SINGLE_REQUEST | FIELD_SINGLE_RESPONSE)
#define CREDENTIAL (FIELD_CREDENTIAL | FIELD_NO_TRAILER)

struct field_row {
    struct bytes name; /* lower case; a prefix when it ends with '-' */
    unsigned traits;
};

#define ROW(name, traits)                                                                          \
    {                                                                                              \
        {(const uint8_t *)name, sizeof(name) - 1}, traits                                          \
    }

static const struct field_row table[] = {
    ROW("host", FIELD_SINGLE_REQUEST | FIELD_NO_TRAILER | FIELD_NO_OPTION | FIELD_ROUTE),
    ROW("content-length",
        SINGLE | FIELD_NO_TRAILER | FIELD_NO_OPTION | FIELD_ROUTE | FIELD_NO_ANSWER),
    ROW("transfer-encoding", SINGLE | FIELD_NO_TRAILER | FIELD_NO_OPTION | FIELD_HOP),
    ROW("content-type", SINGLE | FIELD_NO_TRAILER),
    ROW("content-encoding", SINGLE | FIELD_NO_TRAILER),
    ROW("content-range", FIELD_NO_TRAILER),
    ROW("content-digest", FIELD_DIGEST), /* RFC 9530 */
    ROW("repr-digest", FIELD_DIGEST),
    ROW("digest", FIELD_DIGEST),      /* RFC 3230 */
    ROW("content-md5", FIELD_DIGEST), /* RFC 2616 */
    ROW("expect", FIELD_SINGLE_REQUEST | FIELD_NO_TRAILER | FIELD_ROUTE),
    ROW("upgrade", SINGLE | FIELD_NO_TRAILER | FIELD_HOP),
    ROW("connection", FIELD_NO_TRAILER | FIELD_HOP),
    ROW("keep-alive", FIELD_NO_TRAILER | FIELD_HOP),
    ROW("te", FIELD_NO_TRAILER | FIELD_HOP),
    ROW("trailer", FIELD_NO_TRAILER | FIELD_HOP),
    ROW("http2-settings", FIELD_NO_TRAILER | FIELD_HOP),
    ROW("authorization", FIELD_SINGLE_REQUEST | FIELD_NO_OPTION | CREDENTIAL),
    ROW("proxy-authorization", FIELD_SINGLE_REQUEST | FIELD_NO_OPTION | FIELD_HOP | CREDENTIAL),
    ROW("cookie", FIELD_NO_OPTION | CREDENTIAL),
    ROW("set-cookie", FIELD_NO_TRAILER),
    ROW("x-api-key", CREDENTIAL),
    ROW("api-key", CREDENTIAL),
    ROW("x-goog-api-key", CREDENTIAL),
    ROW("private-token", CREDENTIAL),
    ROW("job-token", CREDENTIAL),
    ROW("x-auth-token", CREDENTIAL),
    ROW("forwarded", FIELD_ROUTE),
    ROW("x-real-ip", FIELD_ROUTE),
    ROW("proxy", FIELD_ROUTE), /* httpoxy, CVE-2016-5385 */
    ROW("x-http-method-override", FIELD_OVERRIDE),
    ROW("x-http-method", FIELD_OVERRIDE),
    ROW("x-method-override", FIELD_OVERRIDE),
    ROW("x-original-url", FIELD_OVERRIDE),
    ROW("x-rewrite-url", FIELD_OVERRIDE),
    ROW("proxy-", FIELD_NO_TRAILER | FIELD_HOP),
    ROW("alt-svc", FIELD_NO_ANSWER), /* another port, or HTTP/3: a way around the broker */
    ROW("keyhole-request-id", FIELD_NO_TRAILER | FIELD_ROUTE | FIELD_NO_ANSWER),
    ROW("keyhole-", FIELD_NO_TRAILER | FIELD_ROUTE),
    ROW("x-forwarded-", FIELD_ROUTE),
};

enum { ROWS = sizeof table / sizeof table[0], ALIAS_MAX = 64 };
_Static_assert(ROWS <= 64, "rows are numbered by the bits of a uint64_t");

static bool
row_matches(const struct field_row *row, struct bytes name)
{
    size_t n = row->name.n;

    if (name.n < n || (name.n > n && row->name.p[n - 1] != '-'))
        return false;
    return bytes_equal_nocase(bytes_slice(name, 0, n), row->name);
}

/* The rows that begin with a letter, as bits; by the five lower bits of the letter, which are those
 * of the other case. */
static uint64_t rows_of[32];

__attribute__((constructor)) static void
index_rows(void)
{
    for (int i = 0; i < ROWS; i++)
        rows_of[table[i].name.p[0] & 31] |= UINT64_C(1) << i;
}

unsigned
field_traits(struct bytes name, int *row)
{
    uint64_t left = name.n > 0 ? rows_of[name.p[0] & 31] : 0;

    for (; left != 0; left &= left - 1) {
        int i = __builtin_ctzll(left);

        if (row_matches(&table[i], name)) {
            if (row != NULL)
                *row = i;
            return table[i].traits;
        }
    }
    if (row != NULL)
        *row = -1;
    return 0;
}

unsigned
field_traits_read(struct bytes name)
{
    uint8_t alias[ALIAS_MAX];
    size_t n = name.n < sizeof alias ? name.n : sizeof alias;

    for (size_t i = 0; i < n; i++)
        alias[i] = name.p[i] == '_' ? '-' : name.p[i];
    return field_traits(bytes_of(alias, n), NULL);
}
