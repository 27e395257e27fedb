/* SPDX-License-Identifier: Apache-2.0
 *
 * The names in a backup, and its list of entries.
 */
#include "contents.h"

#include <string.h>

static const struct sqlite_migration broker_migrations[] = {
#include "migrations.inc"
};
static const struct sqlite_migration discharger_migrations[] = {
#include "discharge_migrations.inc"
};

const struct sqlite_schema contents_broker_schema = {
    .application_id = SQLITE_ID_BROKER,
    .name = "a Keyhole database",
    .migration = broker_migrations,
    .migration_count = sizeof broker_migrations / sizeof broker_migrations[0],
};
const struct sqlite_schema contents_discharger_schema = {
    .application_id = SQLITE_ID_DISCHARGER,
    .name = "the database of a Keyhole discharger",
    .migration = discharger_migrations,
    .migration_count = sizeof discharger_migrations / sizeof discharger_migrations[0],
};

// A name that ends with '*' stands for all that begin so and are of letters, digits and "._-".
static const struct {
    const char *name;
    mode_t mode;
} known[] = {
    {CONTENTS_DATABASE, 0600},
    {CONTENTS_MASTER_KEY, 0600},
    {CONTENTS_CONFIG, 0600},
    {"gateway.key", 0600},
    {"ca.pem", 0644},
    {CONTENTS_AUDIT_HEAD, 0600},
    {CONTENTS_AUDIT_LOG, 0600},
    {CONTENTS_AUDIT_LOG ".*", 0600},
    {CONTENTS_DISCHARGER_DATABASE, 0600},
    {CONTENTS_DISCHARGER "/discharger.key", 0600},
    {CONTENTS_DISCHARGER_ROOTS "/*", 0600},
};

static bool
is_plain(const char *rest)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    return rest[0] != '\0' && rest[0] != '.' && rest[strspn(rest, plain)] == '\0';
}

bool
contents_knows(const char *name, mode_t *mode)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t n = strlen(known[i].name);
        bool many = known[i].name[n - 1] == '*';
        if (many ? strncmp(name, known[i].name, n - 1) != 0 || !is_plain(name + n - 1)
                 : strcmp(name, known[i].name) != 0)
            continue;
        *mode = known[i].mode;
        return true;
    }
    return false;
}

enum kh_err
contents_put_entry(struct envelope_writer *writer, const char *name, uint64_t size,
                   struct fault *fault)
{
    uint8_t head[1 + CONTENTS_NAME_MAX + 8];
    size_t n = strlen(name);

    if (n > CONTENTS_NAME_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", name);
    head[0] = (uint8_t)n;
    memcpy(head + 1, name, n);
    for (size_t i = 0; i < 8; i++)
        head[1 + n + i] = (uint8_t)(size >> (56 - 8 * i));
    return envelope_write(writer, bytes_of(head, 1 + n + 8), fault);
}

enum kh_err
contents_put_end(struct envelope_writer *writer, struct fault *fault)
{
    static const uint8_t end[1];

    return envelope_write(writer, bytes_of(end, sizeof end), fault);
}

enum kh_err
contents_get_entry(struct envelope_reader *reader, char name[CONTENTS_NAME_MAX + 1], uint64_t *size,
                   struct fault *fault)
{
    uint8_t n = 0, number[8];
    enum kh_err err = envelope_read(reader, &n, 1, fault);

    if (!err && n > 0)
        err = envelope_read(reader, name, n, fault);
    if (err)
        return err;
    name[n] = '\0';
    *size = 0;
    if (n == 0)
        return KH_OK;
    if ((err = envelope_read(reader, number, sizeof number, fault)))
        return err;
    for (size_t i = 0; i < sizeof number; i++)
        *size = *size << 8 | number[i];
    return strlen(name) == n ? KH_OK : fault_set(fault, KH_ERR_CRYPTO, "a name in it is none");
}
