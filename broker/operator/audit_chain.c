/* SPDX-License-Identifier: Apache-2.0 */
/* Verification of the audit log: numbers, hashes, and the heads that were kept elsewhere. */
#include "audit_chain.h"

#include <jansson.h>
#include <openssl/sha.h>
#include <string.h>

void
audit_chain_init(struct audit_chain *chain)
{
    *chain = (struct audit_chain){0};
    memset(chain->hash, '0', AUDIT_CHAIN_HEX - 1);
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

// `line` number `number` is one record with a number and the hash of the one before.
static enum kh_err
line_check(const struct audit_chain *chain, struct bytes line, struct fault *fault)
{
    unsigned long long number = chain->records + 1;
    json_t *record =
        json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const json_t *seq = json_object_get(record, "seq");
    const char *prev = json_string_value(json_object_get(record, "prev"));
    enum kh_err err = KH_OK;
    if (!json_is_object(record) || !json_is_integer(seq) || prev == NULL)
        err = fault_set(fault, KH_ERR_AUDIT_BROKEN, "line %llu is no audit record", number);
    else if (json_integer_value(seq) != (json_int_t)number)
        err = fault_set(fault, KH_ERR_AUDIT_BROKEN,
                        "line %llu holds record %lld: records were removed, added or moved before "
                        "it",
                        number, (long long)json_integer_value(seq));
    else if (strcmp(prev, chain->hash) != 0)
        err =
            number == 1
                ? fault_set(fault, KH_ERR_AUDIT_BROKEN,
                            "line 1 does not begin a chain: records before it are missing")
                : fault_set(fault, KH_ERR_AUDIT_BROKEN,
                            "line %llu does not follow from line %llu: one of the two was changed",
                            number, number - 1);
    json_decref(record);
    return err;
}

static enum kh_err
heads_check(struct audit_chain *chain, struct fault *fault)
{
    for (size_t i = 0; i < chain->head_count; i++) {
        struct audit_chain_head *head = &chain->head[i];
        if (head->seq != chain->records)
            continue;
        head->seen = strcmp(head->hash, chain->hash) == 0;
        if (!head->seen)
            return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                             "line %llu is not the record that %s knows: the log was written anew",
                             (unsigned long long)chain->records, head->from);
    }
    return KH_OK;
}

static enum kh_err
end_check(const struct audit_chain *chain, size_t torn, struct fault *fault)
{
    for (size_t i = 0; i < chain->head_count; i++)
        if (!chain->head[i].seen)
            return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                             "the log ends with record %llu, but %s knows record %llu: it was cut "
                             "short",
                             (unsigned long long)chain->records, chain->head[i].from,
                             (unsigned long long)chain->head[i].seq);
    if (torn > 0)
        return fault_set(fault, KH_ERR_CLOSED,
                         "line %llu is torn: %zu bytes without a newline, as a crash leaves them",
                         (unsigned long long)chain->records + 1, torn);
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
            err = line_check(chain, line, fault);
        if (err == KH_OK)
            err = line_hash(line, chain->hash);
        if (err != KH_OK)
            return err;
        chain->records++;
        done += line.n + 1;
        if (chain->progress != NULL)
            progress_step(chain->progress, done, size);
        if ((err = heads_check(chain, fault)) != KH_OK)
            return err;
    }
}
