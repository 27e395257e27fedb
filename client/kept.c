/* SPDX-License-Identifier: Apache-2.0
 *
 * Discharges that can be used again.
 */
#include "kept.h"

#include "../caveats/caveat.h"
#include "../caveats/ticket.h"
#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KEPT_PATH_MAX = 4096,
    KEPT_NAME_SIZE = 2 * TICKET_HASH_SIZE + 1 + 2 * LINEAGE_ID_SIZE, /* "ticket.lineage" */
    KEPT_DISCHARGE_MAX = TOKEN_TEXT_MAX,
};

int64_t
kept_end(const struct macaroon_view *discharge)
{
    int64_t end = INT64_MAX;
    for (size_t i = 0; i < discharge->caveat_count; i++) {
        struct caveat *caveat = NULL;
        struct fault fault = {.err = KH_OK};
        if (discharge->caveat[i].vid.n > 0 ||
            caveat_parse(discharge->caveat[i].id, &caveat, &fault) != KH_OK)
            continue;
        int64_t one = caveat_end(caveat);
        if (one < end)
            end = one;
        caveat_free(&caveat);
    }
    return end;
}

bool
kept_fits(const struct token_discharge *discharge, struct bytes ticket,
          const uint8_t lineage[LINEAGE_ID_SIZE])
{
    char hex[2 * LINEAGE_ID_SIZE + 1];
    bool bound = false;
    if (!bytes_to_hex(bytes_of(lineage, LINEAGE_ID_SIZE), hex, sizeof hex) ||
        !bytes_equal(discharge->macaroon.identifier, ticket))
        return false;
    for (size_t i = 0; i < discharge->macaroon.caveat_count; i++) {
        struct caveat *caveat = NULL;
        struct fault fault = {.err = KH_OK};
        if (discharge->caveat[i].vid.n > 0 ||
            caveat_parse(discharge->caveat[i].id, &caveat, &fault) != KH_OK)
            continue;
        const struct predicate *predicate = &caveat->predicate[0];
        bool parent = caveat->count == 1 && predicate->attribute == ATTRIBUTE_PARENT;
        bool ours = parent && predicate->operator_kind == OPERATOR_EQUAL && predicate->count == 1 &&
                    bytes_is(predicate->value[0].text, hex);
        caveat_free(&caveat);
        if (parent && !ours)
            return false;
        bound = bound || ours;
    }
    return bound;
}

enum kh_err
kept_directory(struct buffer *out, struct fault *fault)
{
    return files_path("XDG_STATE_HOME", ".local/state", "keyhole/discharges", out, fault);
}

static enum kh_err
kept_path(const char *directory, struct bytes ticket, const uint8_t lineage[LINEAGE_ID_SIZE],
          struct buffer *out, struct fault *fault)
{
    uint8_t hash[TICKET_HASH_SIZE];
    char name[2][2 * TICKET_HASH_SIZE + 1];
    if (!ticket_hash(ticket, hash) ||
        !bytes_to_hex(bytes_of(hash, sizeof hash), name[0], sizeof name[0]) ||
        !bytes_to_hex(bytes_of(lineage, LINEAGE_ID_SIZE), name[1], sizeof name[1]))
        return fault_set(fault, KH_ERR_CRYPTO, "a SHA-256 could not be computed");
    buffer_printf(out, "%s/%s.%s", directory, name[0], name[1]);
    return out->failed ? fault_set(fault, KH_ERR_TOO_LONG, "the path is too long") : KH_OK;
}

enum kh_err
kept_get(const char *directory, struct bytes ticket, const uint8_t lineage[LINEAGE_ID_SIZE],
         int64_t now, struct buffer *out, struct fault *fault)
{
    struct token_discharge discharge;
    BUFFER_AUTO path;
    BUFFER_AUTO raw;
    buffer_init(&path, KEPT_PATH_MAX);
    buffer_init_secret(&raw, KEPT_DISCHARGE_MAX);
    enum kh_err err = kept_path(directory, ticket, lineage, &path, fault);
    if (err == KH_OK)
        err = files_read(buffer_text(&path), &raw, fault);
    if (err != KH_OK)
        return err;
    // The directory is the person's own, but a file can be cut short, old, or copied there.
    if (token_discharge_scan(buffer_bytes(&raw), &discharge, fault) != KH_OK ||
        !kept_fits(&discharge, ticket, lineage) ||
        kept_end(&discharge.macaroon) <= now + KEPT_MARGIN_S)
        return fault_set(fault, KH_ERR_NOT_FOUND, "there is no discharge that is good for longer");
    buffer_put(out, buffer_bytes(&raw));
    return KH_OK;
}

enum kh_err
kept_put(const char *directory, struct bytes ticket, const uint8_t lineage[LINEAGE_ID_SIZE],
         struct bytes discharge, struct fault *fault)
{
    BUFFER_AUTO path;
    buffer_init(&path, KEPT_PATH_MAX);
    enum kh_err err = kept_path(directory, ticket, lineage, &path, fault);
    return err != KH_OK ? err : files_write(buffer_text(&path), discharge, fault);
}

static bool
kept_is_over(const char *path, int64_t now)
{
    struct token_discharge discharge;
    struct fault fault = {.err = KH_OK};
    BUFFER_AUTO raw;
    buffer_init_secret(&raw, KEPT_DISCHARGE_MAX);
    enum kh_err err = files_read(path, &raw, &fault);
    if (err != KH_OK)
        return err == KH_ERR_TOO_LONG;
    return token_discharge_scan(buffer_bytes(&raw), &discharge, &fault) != KH_OK ||
           kept_end(&discharge.macaroon) <= now;
}

void
kept_sweep(const char *directory, int64_t now)
{
    DIR *dir = opendir(directory);
    if (dir == NULL)
        return;
    const struct dirent *entry;
    for (int i = 0; i < KEPT_FILES_MAX && (entry = readdir(dir)) != NULL; i++) {
        BUFFER_AUTO path;
        buffer_init(&path, KEPT_PATH_MAX);
        // Nothing that somebody else put there is ours to remove.
        if (strlen(entry->d_name) != KEPT_NAME_SIZE ||
            strspn(entry->d_name, "0123456789abcdef.") != KEPT_NAME_SIZE)
            continue;
        buffer_printf(&path, "%s/%s", directory, entry->d_name);
        if (kept_is_over(buffer_text(&path), now))
            unlink(buffer_text(&path));
    }
    closedir(dir);
}
