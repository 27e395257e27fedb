/* SPDX-License-Identifier: Apache-2.0 */
/* Verification of the audit log: numbers, hashes, and the heads that were kept elsewhere. */
#include "audit_chain.h"

#include <jansson.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

void
audit_chain_init(struct audit_chain *chain)
{
    *chain = (struct audit_chain){0};
    memset(chain->hash, '0', AUDIT_CHAIN_HEX - 1);
    chain->first = 1;
}

void
audit_chain_add_head(struct audit_chain *chain, const char *from, uint64_t seq, const char *hash)
{
    if (chain->head_count == AUDIT_CHAIN_HEADS_MAX)
        return;
    struct audit_chain_head *head = &chain->head[chain->head_count++];
    *head = (struct audit_chain_head){.from = from, .seq = seq, .seen = seq == 0};
    strncpy(head->hash, hash, AUDIT_CHAIN_HEX - 1);
}

enum kh_err
audit_chain_parse_head(const char *text, uint64_t *seq, char hash[AUDIT_CHAIN_HEX],
                       struct fault *fault)
{
    struct bytes rest = bytes_str(text), number;
    uint8_t raw[SHA256_DIGEST_LENGTH];
    uint64_t value;
    if (!bytes_cut(&rest, ':', &number) || !bytes_to_u64(number, &value) ||
        !bytes_from_hex(rest, raw, sizeof(raw)) ||
        !bytes_to_hex(bytes_of(raw, sizeof(raw)), hash, AUDIT_CHAIN_HEX))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "\"%.90s\" is not SEQ:HASH, as audit verify prints it", text);
    *seq = value;
    return KH_OK;
}

static enum kh_err
line_hash(struct bytes line, char out[AUDIT_CHAIN_HEX])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256(line.p, line.n, digest);
    return bytes_to_hex(bytes_of(digest, sizeof(digest)), out, AUDIT_CHAIN_HEX) ? KH_OK
                                                                                : KH_ERR_CRYPTO;
}

// Where a line stands: of one file its number alone.
static const char *
place(const struct audit_chain *chain, const struct audit_lines *lines, char out[128])
{
    uint64_t first = audit_lines_file(lines);
    char name[AUDIT_FILE_NAME_MAX] = AUDIT_NAME_CURRENT;
    if (first > 0)
        audit_name_print(first, name);
    if (lines->older_count == 0 && chain->first <= 1)
        snprintf(out, 128, "line %llu", (unsigned long long)chain->records + 1);
    else
        snprintf(out, 128, "%s, line %llu", name, (unsigned long long)chain->line + 1);
    return out;
}

// A log from which older files were moved away begins with a record that goes on from them.
static void
begin_chain(struct audit_chain *chain, const json_t *record, json_int_t seq, const char *prev)
{
    const char *kind = json_string_value(json_object_get(record, "kind"));
    if (chain->records > 0 || seq < 2 || kind == NULL || strcmp(kind, "rotate") != 0 ||
        strlen(prev) != AUDIT_CHAIN_HEX - 1)
        return;
    chain->seq = (uint64_t)seq - 1;
    chain->first = (uint64_t)seq;
    memcpy(chain->hash, prev, AUDIT_CHAIN_HEX);
}

static enum kh_err
order_check(const struct audit_chain *chain, const char *where, json_int_t seq, const char *prev,
            struct fault *fault)
{
    if (chain->line == 0 && chain->records > 0 && seq > (json_int_t)chain->seq + 1)
        return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                         "%s begins with record %lld, and the file before it ends with %llu: a "
                         "file between them is missing; put it back, or move the older ones away",
                         where, (long long)seq, (unsigned long long)chain->seq);
    if (seq != (json_int_t)chain->seq + 1)
        return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                         "%s holds record %lld: records were removed, added or moved before it",
                         where, (long long)seq);
    if (strcmp(prev, chain->hash) == 0)
        return KH_OK;
    return seq == 1
               ? fault_set(fault, KH_ERR_AUDIT_BROKEN,
                           "%s does not begin a chain: records before it are missing", where)
               : fault_set(fault, KH_ERR_AUDIT_BROKEN,
                           "%s does not follow from line %llu: one of the two was changed", where,
                           (unsigned long long)(chain->line > 0 ? chain->line : chain->last_line));
}

// `line` is one record with a number and the hash of the one before.
static enum kh_err
line_check(struct audit_chain *chain, const struct audit_lines *lines, struct bytes line,
           struct fault *fault)
{
    char text[128];
    json_t *record =
        json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const json_t *seq = json_object_get(record, "seq");
    const char *prev = json_string_value(json_object_get(record, "prev"));
    uint64_t file = audit_lines_file(lines);
    enum kh_err err = KH_OK;
    if (file != chain->file) {
        chain->last_line = chain->line;
        chain->line = 0;
        chain->file = file;
    }
    if (json_is_object(record) && json_is_integer(seq) && prev != NULL) {
        begin_chain(chain, record, json_integer_value(seq), prev);
        err = order_check(chain, place(chain, lines, text), json_integer_value(seq), prev, fault);
    } else {
        err = fault_set(fault, KH_ERR_AUDIT_BROKEN, "%s is no audit record",
                        place(chain, lines, text));
    }
    json_decref(record);
    return err;
}

static enum kh_err
heads_check(struct audit_chain *chain, struct fault *fault)
{
    for (size_t i = 0; i < chain->head_count; i++) {
        struct audit_chain_head *head = &chain->head[i];
        if (head->seq != chain->seq || head->seq == 0)
            continue;
        head->seen = strcmp(head->hash, chain->hash) == 0;
        if (!head->seen)
            return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                             "%s %llu is not the record that %s knows: the log was written anew",
                             chain->line == chain->seq ? "line" : "record",
                             (unsigned long long)chain->seq, head->from);
    }
    return KH_OK;
}

static enum kh_err
end_check(const struct audit_chain *chain, size_t torn, struct fault *fault)
{
    for (size_t i = 0; i < chain->head_count; i++) {
        const struct audit_chain_head *head = &chain->head[i];
        if (!head->seen && head->seq < chain->first)
            return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                             "the log here begins with record %llu, and %s knows record %llu: put "
                             "the file with that back",
                             (unsigned long long)chain->first, head->from,
                             (unsigned long long)head->seq);
        if (!head->seen)
            return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                             "the log ends with record %llu, but %s knows record %llu: it was cut "
                             "short",
                             (unsigned long long)chain->seq, head->from,
                             (unsigned long long)head->seq);
    }
    if (torn > 0)
        return fault_set(fault, KH_ERR_CLOSED,
                         "line %llu is torn: %zu bytes without a newline, as a crash leaves them",
                         (unsigned long long)chain->line + 1, torn);
    return KH_OK;
}

enum kh_err
audit_chain_verify(struct audit_chain *chain, struct audit_lines *lines, struct fault *fault)
{
    struct bytes line;
    bool more;
    uint64_t done = 0, size = chain->progress != NULL ? audit_lines_size(lines) : 0;
    for (;;) {
        enum kh_err err = audit_lines_next(lines, &line, &more, fault);
        if (err == KH_OK && !more)
            return end_check(chain, audit_lines_torn(lines).n, fault);
        if (err == KH_OK)
            err = line_check(chain, lines, line, fault);
        if (err == KH_OK && chain->records == 0)
            err = heads_check(chain, fault); // what an older file ends with
        if (err == KH_OK)
            err = line_hash(line, chain->hash);
        if (err != KH_OK)
            return err;
        chain->records++;
        chain->line++;
        chain->seq++;
        done += line.n + 1;
        if (chain->progress != NULL)
            progress_step(chain->progress, done, size);
        if ((err = heads_check(chain, fault)) != KH_OK)
            return err;
    }
}
