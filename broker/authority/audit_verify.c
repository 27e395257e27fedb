/* SPDX-License-Identifier: Apache-2.0
 *
 * Verification of the audit log, and its signed head.
 */
#include "audit_verify.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOVE_AWAY                                                                                  \
    "keep the files for whoever looks into it: move audit.log and audit.head elsewhere, "          \
    "audit.log.* with them, and a new log begins"

enum { READ_SIZE = 1 << 18, LINE_MAX_SIZE = 1 << 21, HEAD_TEXT_MAX = 1024 };

void
audit_head_init(struct audit_head *head)
{
    head->seq = 0;
    memset(head->hash, '0', AUDIT_HASH_HEX - 1);
    head->hash[AUDIT_HASH_HEX - 1] = '\0';
}

enum kh_err
audit_hash(struct bytes line, char out[AUDIT_HASH_HEX])
{
    static EVP_MD *md;
    static EVP_MD_CTX *ctx;
    uint8_t digest[AUDIT_HASH_SIZE];

    // Fetched once: an implicit fetch costs more than the hash of a line.
    if (md == NULL)
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (ctx == NULL)
        ctx = EVP_MD_CTX_new();
    if (md == NULL || ctx == NULL || EVP_DigestInit_ex2(ctx, md, NULL) != 1 ||
        EVP_DigestUpdate(ctx, line.p, line.n) != 1 || EVP_DigestFinal_ex(ctx, digest, NULL) != 1 ||
        !bytes_to_hex(bytes_of(digest, sizeof digest), out, AUDIT_HASH_HEX))
        return KH_ERR_CRYPTO;
    return KH_OK;
}

// ---- the head ----

enum kh_err
audit_head_print(const struct audit_head *head, const struct secret *key, struct buffer *out,
                 struct fault *fault)
{
    char text[128], hex[AUDIT_HASH_HEX];
    uint8_t mac[AUDIT_HASH_SIZE];
    struct bytes k = secret_bytes(key);
    int n = snprintf(text, sizeof text, "keyhole-audit-head-v1 %llu %s",
                     (unsigned long long)head->seq, head->hash);

    if (HMAC(EVP_sha256(), k.p, (int)k.n, (const uint8_t *)text, (size_t)n, mac, NULL) == NULL ||
        !bytes_to_hex(bytes_of(mac, sizeof mac), hex, sizeof hex))
        return fault_set(fault, KH_ERR_CRYPTO, "HMAC-SHA256 failed");
    buffer_printf(out, "{\"seq\":%llu,\"hash\":\"%s\",\"mac\":\"%s\"}\n",
                  (unsigned long long)head->seq, head->hash, hex);
    return out->failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up") : KH_OK;
}

static bool
cut_literal(struct bytes *rest, struct bytes literal)
{
    if (!bytes_starts(*rest, literal))
        return false;
    *rest = bytes_from(*rest, literal.n);
    return true;
}

enum kh_err
audit_head_parse(struct bytes text, const struct secret *key, const char *path,
                 struct audit_head *out, struct fault *fault)
{
    struct audit_head head;
    struct bytes rest = text, number, hash;
    BUFFER_AUTO again;

    buffer_init(&again, HEAD_TEXT_MAX);
    audit_head_init(&head);
    bool ok = cut_literal(&rest, BYTES("{\"seq\":")) && bytes_cut(&rest, ',', &number) &&
              bytes_to_u64(number, &head.seq) && cut_literal(&rest, BYTES("\"hash\":\"")) &&
              bytes_cut(&rest, '"', &hash) && hash.n == AUDIT_HASH_HEX - 1;
    if (ok)
        memcpy(head.hash, hash.p, hash.n);
    if (ok && audit_head_print(&head, key, &again, fault))
        return KH_ERR_CRYPTO;
    if (!ok || !bytes_equal_secret(buffer_bytes(&again), text))
        return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                         "%s: is not as this broker signed it; "
                         "" MOVE_AWAY,
                         path);
    *out = head;
    return KH_OK;
}

// ---- the log ----

struct reading {
    const char *path;
    const struct audit_head *before, *head; // or NULL
    struct audit_part part;                 // `last` is that of the lines read
    uint64_t line;                          // that is read
    bool head_seen;
    struct fault *fault;
};

// `{"seq":N,` … `"prev":"HASH"}`: what is between is covered by the hash.
static bool
line_parts(struct bytes line, uint64_t *seq, struct bytes *prev)
{
    struct bytes begin = line, number;
    size_t tail = AUDIT_HASH_HEX - 1 + 2; // HASH"}

    if (!cut_literal(&begin, BYTES("{\"seq\":")) || !bytes_cut(&begin, ',', &number) ||
        !bytes_to_u64(number, seq) || line.n < tail + 9)
        return false;
    struct bytes end = bytes_from(line, line.n - tail - 9);
    if (!cut_literal(&end, BYTES(",\"prev\":\"")) || !bytes_ends(end, BYTES("\"}")))
        return false;
    *prev = bytes_slice(end, 0, AUDIT_HASH_HEX - 1);
    return true;
}

// `{"seq":N,"time":"…","kind":"rotate",`
static bool
goes_on(struct bytes line)
{
    struct bytes part;

    return bytes_cut(&line, ',', &part) && cut_literal(&line, BYTES("\"time\":\"")) &&
           bytes_cut(&line, '"', &part) && bytes_starts(line, BYTES(",\"kind\":\"rotate\","));
}

static enum kh_err
check_head(struct reading *reading)
{
    const struct audit_head *last = &reading->part.last;

    if (reading->head == NULL || reading->head->seq != last->seq)
        return KH_OK;
    reading->head_seen = !strcmp(last->hash, reading->head->hash);
    return reading->head_seen
               ? KH_OK
               : fault_set(reading->fault, KH_ERR_AUDIT_BROKEN,
                           "%s: record %llu is not the one that audit.head has signed: the log "
                           "was rewritten; " MOVE_AWAY,
                           reading->path, (unsigned long long)last->seq);
}

// What the first line of a file that is not the first of the log goes on from.
static enum kh_err
begin_part(struct reading *reading, struct bytes line, uint64_t seq, struct bytes prev)
{
    struct audit_head *last = &reading->part.last;

    if (seq <= 1 || !goes_on(line))
        return KH_OK;
    last->seq = seq - 1;
    memcpy(last->hash, prev.p, prev.n);
    if (reading->before &&
        (reading->before->seq != last->seq || strcmp(reading->before->hash, last->hash) != 0))
        return fault_set(reading->fault, KH_ERR_AUDIT_BROKEN,
                         "%s: goes on from record %llu, and the file before it ends with another "
                         "one (%llu); " MOVE_AWAY,
                         reading->path, (unsigned long long)last->seq,
                         (unsigned long long)reading->before->seq);
    reading->part.before = *last;
    // A head is written before a file is left.
    if (reading->head && reading->head->seq < last->seq)
        return fault_set(
            reading->fault, KH_ERR_AUDIT_BROKEN,
            "%s: goes on from record %llu, but audit.head has signed record %llu, of a "
            "file before it: one of the two was put back; " MOVE_AWAY,
            reading->path, (unsigned long long)last->seq, (unsigned long long)reading->head->seq);
    return check_head(reading);
}

static enum kh_err
verify_line(struct reading *reading, struct bytes line)
{
    struct audit_head *last = &reading->part.last;
    struct bytes prev;
    uint64_t seq;

    if (!line_parts(line, &seq, &prev))
        return fault_set(reading->fault, KH_ERR_AUDIT_BROKEN,
                         "%s: line %llu is no audit record; " MOVE_AWAY, reading->path,
                         (unsigned long long)reading->line + 1);
    if (reading->line++ == 0) {
        enum kh_err err = begin_part(reading, line, seq, prev);
        if (err)
            return err;
    }
    if (seq != last->seq + 1)
        return fault_set(reading->fault, KH_ERR_AUDIT_BROKEN,
                         "%s: record %llu stands where %llu belongs: records were removed or "
                         "moved; " MOVE_AWAY,
                         reading->path, (unsigned long long)seq, (unsigned long long)last->seq + 1);
    if (!bytes_is(prev, last->hash))
        return fault_set(reading->fault, KH_ERR_AUDIT_BROKEN,
                         "%s: record %llu does not follow from the one before: one of the two was "
                         "changed; " MOVE_AWAY,
                         reading->path, (unsigned long long)seq);
    if (audit_hash(line, last->hash))
        return fault_set(reading->fault, KH_ERR_CRYPTO, "SHA-256 failed");
    last->seq = seq;
    reading->part.size += line.n + 1;
    return check_head(reading);
}

static enum kh_err
verify_end(const struct reading *reading, size_t torn)
{
    if (reading->head && !reading->head_seen)
        return fault_set(reading->fault, KH_ERR_AUDIT_BROKEN,
                         "%s: ends with record %llu, but audit.head has signed record %llu: the "
                         "log was cut short; " MOVE_AWAY,
                         reading->path, (unsigned long long)reading->part.last.seq,
                         (unsigned long long)reading->head->seq);
    if (torn > 0)
        return fault_set(reading->fault, KH_ERR_AUDIT_BROKEN,
                         "%s: the last line is torn: %zu bytes after record %llu, as a crash "
                         "leaves them. It was never acknowledged; look at it and cut it off: "
                         "truncate -s %llu %s",
                         reading->path, torn, (unsigned long long)reading->part.last.seq,
                         (unsigned long long)reading->part.size, reading->path);
    return KH_OK;
}

static enum kh_err
verify_lines(struct reading *reading, struct buffer *pending)
{
    struct bytes rest = buffer_bytes(pending);
    enum kh_err err = KH_OK;
    size_t end, used = 0;

    while (!err && (end = bytes_index(rest, '\n')) < rest.n) {
        err = verify_line(reading, bytes_slice(rest, 0, end));
        rest = bytes_from(rest, end + 1);
        used += end + 1;
    }
    buffer_consume(pending, used);
    return err;
}

enum kh_err
audit_verify(int fd, const char *path, const struct audit_head *before,
             const struct audit_head *head, struct audit_part *out, struct fault *fault)
{
    struct reading reading = {.path = path,
                              .before = before,
                              .head = head,
                              .head_seen = head && head->seq == 0,
                              .fault = fault};
    BUFFER_AUTO pending;
    enum kh_err err = KH_OK;

    buffer_init(&pending, LINE_MAX_SIZE + READ_SIZE);
    audit_head_init(&reading.part.before);
    audit_head_init(&reading.part.last);
    while (!err) {
        uint8_t *room = buffer_reserve(&pending, READ_SIZE);
        if (room == NULL)
            return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                             "%s: line %llu is far too long; " MOVE_AWAY, path,
                             (unsigned long long)reading.line + 1);
        ssize_t got = read(fd, room, READ_SIZE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
        if (got == 0)
            break;
        buffer_advance(&pending, (size_t)got);
        err = verify_lines(&reading, &pending);
    }
    if (!err)
        err = verify_end(&reading, pending.n);
    if (err)
        return err;
    *out = reading.part;
    return KH_OK;
}

// ---- the end of an older file ----

// The last line in `text`, without its newline; false: there is none, or it cannot be read.
static bool
read_last_line(int fd, struct buffer *text, struct bytes *line)
{
    off_t size = lseek(fd, 0, SEEK_END);
    size_t wanted = 1 << 14;

    // A larger piece each time, until a line is whole in it.
    for (;; wanted *= 8) {
        size_t n = size > (off_t)wanted ? wanted : size > 0 ? (size_t)size : 0;
        buffer_clear(text);
        uint8_t *room = n > 0 ? buffer_reserve(text, n) : NULL;
        if (room == NULL || pread(fd, room, n, size - (off_t)n) != (ssize_t)n ||
            room[n - 1] != '\n')
            return false;
        buffer_advance(text, n);
        struct bytes piece = bytes_of(room, n - 1);
        const uint8_t *newline = memrchr(piece.p, '\n', piece.n);
        if (newline == NULL && (off_t)n < size)
            continue;
        *line = newline ? bytes_from(piece, (size_t)(newline + 1 - piece.p)) : piece;
        return true;
    }
}

enum kh_err
audit_verify_end(int fd, const char *path, const struct audit_head *last, struct fault *fault)
{
    char hash[AUDIT_HASH_HEX];
    struct bytes line, prev;
    uint64_t seq = 0;
    BUFFER_AUTO text;

    buffer_init(&text, 8 * LINE_MAX_SIZE);
    if (!read_last_line(fd, &text, &line) || !line_parts(line, &seq, &prev) || seq > last->seq)
        return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                         "%s: does not end with a record that audit.log goes on from; " MOVE_AWAY,
                         path);
    if (seq < last->seq)
        return KH_ERR_NOT_FOUND;
    if (audit_hash(line, hash))
        return fault_set(fault, KH_ERR_CRYPTO, "SHA-256 failed");
    return strcmp(hash, last->hash) == 0
               ? KH_OK
               : fault_set(fault, KH_ERR_AUDIT_BROKEN,
                           "%s: its last record is not the one that audit.log goes on from: it was "
                           "changed; " MOVE_AWAY,
                           path);
}
