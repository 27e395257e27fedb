/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/audit_verify.h"

static struct secret *key;

static int
setup(void **state)
{
    struct fault fault = {0};
    return fixture_setup(state) || secret_new_random(32, &key, &fault);
}

static int
teardown(void **state)
{
    secret_free(&key);
    return fixture_teardown(state);
}

// A log of `count` records in `out`; `head` is after the last.
static void
make_log(size_t count, struct buffer *out, struct audit_head *head)
{
    buffer_init(out, 1 << 24);
    audit_head_init(head);
    for (size_t i = 1; i <= count; i++) {
        struct audit_record record = {.kind = AUDIT_DECISION, .path = BYTES("/v1/models")};
        size_t start = out->n;
        audit_record_print(&record, i, 1000, head->hash, out);
        assert_int_equal(
            audit_hash(bytes_slice(buffer_bytes(out), start, out->n - start - 1), head->hash),
            KH_OK);
        head->seq = i;
    }
}

static enum kh_err
verify(struct bytes log, const struct audit_head *head, struct audit_head *last, uint64_t *size,
       struct fault *fault)
{
    fixture_write(fixture_path("audit.log"), log);
    int fd = open(fixture_path("audit.log"), O_RDONLY);
    struct audit_part part;
    enum kh_err err = audit_verify(fd, "DIR/audit.log", NULL, head, &part, fault);
    close(fd);
    if (err)
        return err;
    assert_int_equal(part.before.seq, 0);
    *last = part.last;
    *size = part.size;
    return err;
}

static void
broken(struct bytes log, const struct audit_head *head, const char *text)
{
    struct audit_head last = {.seq = 77};
    uint64_t size = 77;
    assert_fault(verify(log, head, &last, &size, fault), KH_ERR_AUDIT_BROKEN, text);
    assert_int_equal(last.seq, 77);
    assert_int_equal(size, 77);
}

static void
whole(void **state)
{
    struct buffer log;
    struct audit_head head, last, start;
    uint64_t size = 0;

    (void)state;
    audit_head_init(&start);
    assert_ok(verify(BYTES_EMPTY, &start, &last, &size, fault));
    assert_int_equal(last.seq, 0);
    make_log(5000, &log, &head); // larger than one read
    assert_ok(verify(buffer_bytes(&log), &head, &last, &size, fault));
    assert_int_equal(last.seq, 5000);
    assert_string_equal(last.hash, head.hash);
    assert_int_equal(size, log.n);
    // After a crash: ahead of its head.
    assert_ok(verify(buffer_bytes(&log), &start, &last, &size, fault));
    assert_int_equal(last.seq, 5000);
    buffer_free(&log);
}

// threat 25
static void
changed_anywhere(void **state)
{
    struct buffer log;
    struct audit_head head, last;
    uint64_t size;

    (void)state;
    make_log(6, &log, &head);
    for (size_t i = 0; i < log.n; i++) {
        log.p[i] ^= 1;
        int err = verify(buffer_bytes(&log), &head, &last, &size, NULL);
        log.p[i] ^= 1;
        if (err != KH_ERR_AUDIT_BROKEN)
            fail_msg("byte %zu was changed, and nobody noticed", i);
    }
    buffer_free(&log);
}

static void
lines_that_are_gone_or_moved(void **state)
{
    struct buffer log;
    struct audit_head head;
    struct bytes whole, first, second;

    (void)state;
    make_log(10, &log, &head);
    whole = buffer_bytes(&log);
    first = bytes_slice(whole, 0, bytes_index(whole, '\n') + 1);
    second = bytes_from(whole, first.n);
    second = bytes_slice(second, 0, bytes_index(second, '\n') + 1);

    broken(bytes_from(whole, first.n), &head, "record 2 stands where 1 belongs");
    broken(first, &head, "ends with record 1, but audit.head has signed record 10");
    broken(BYTES_EMPTY, &head, "cut short");
    struct buffer mixed;
    buffer_init(&mixed, 1 << 20);
    buffer_put(&mixed, first);
    buffer_put(&mixed, first);
    broken(buffer_bytes(&mixed), &head, "record 1 stands where 2 belongs");
    buffer_clear(&mixed);
    buffer_put(&mixed, first);
    buffer_put(&mixed, BYTES("{}\n"));
    broken(buffer_bytes(&mixed), &head, "line 2 is no audit record");
    buffer_free(&mixed);
    buffer_free(&log);
}

// threat 25
static void
cut_at_every_byte(void **state)
{
    struct buffer log;
    struct audit_head head, last;
    uint64_t size;

    (void)state;
    make_log(3, &log, &head);
    for (size_t n = 0; n < log.n; n++) {
        int err = verify(bytes_slice(buffer_bytes(&log), 0, n), &head, &last, &size, NULL);
        if (err != KH_ERR_AUDIT_BROKEN)
            fail_msg("cut to %zu of %zu bytes, and nobody noticed", n, log.n);
    }
    buffer_free(&log);
}

static void
torn_last_line(void **state)
{
    struct buffer log;
    struct audit_head head, earlier;
    char size[64];

    (void)state;
    make_log(2, &log, &earlier);
    snprintf(size, sizeof size, "truncate -s %zu DIR/audit.log", log.n);
    buffer_put_str(&log, "{\"seq\":3,\"time\":");
    broken(buffer_bytes(&log), &earlier, size);
    buffer_free(&log);
    make_log(3, &log, &head);
    log.n--;
    broken(buffer_bytes(&log), &earlier, "after record 2");
    buffer_free(&log);
}

static void
rewritten_with_a_right_chain(void **state)
{
    struct buffer log;
    struct audit_head head, mine;

    (void)state;
    make_log(4, &log, &head);
    mine = head;
    mine.hash[0] = mine.hash[0] == 'a' ? 'b' : 'a';
    broken(buffer_bytes(&log), &mine, "the log was rewritten");
    buffer_free(&log);
}

static void
endless_line(void **state)
{
    struct buffer log;
    struct audit_head start;

    (void)state;
    audit_head_init(&start);
    buffer_init(&log, 1 << 24);
    for (int i = 0; i < 3 << 20; i++)
        buffer_put_byte(&log, 'x');
    broken(buffer_bytes(&log), &start, "far too long");
    buffer_free(&log);
}

static void
signed_head(void **state)
{
    struct audit_head head, out;
    struct secret *other = NULL;
    struct buffer text;

    (void)state;
    audit_head_init(&head);
    head.seq = 12;
    head.hash[3] = 'a';
    buffer_init(&text, 1024);
    assert_ok(audit_head_print(&head, key, &text, fault));
    assert_ok(audit_head_parse(buffer_bytes(&text), key, "h", &out, fault));
    assert_int_equal(out.seq, 12);
    assert_string_equal(out.hash, head.hash);
    for (size_t i = 0; i < text.n; i++) {
        text.p[i] ^= 1;
        assert_int_equal(audit_head_parse(buffer_bytes(&text), key, "h", &out, NULL),
                         KH_ERR_AUDIT_BROKEN);
        text.p[i] ^= 1;
        assert_int_equal(
            audit_head_parse(bytes_slice(buffer_bytes(&text), 0, i), key, "h", &out, NULL),
            KH_ERR_AUDIT_BROKEN);
    }
    assert_ok(secret_new_random(32, &other, fault));
    assert_fault(audit_head_parse(buffer_bytes(&text), other, "DIR/audit.head", &out, fault),
                 KH_ERR_AUDIT_BROKEN, "DIR/audit.head: is not as this broker signed it");
    buffer_put_byte(&text, '\n');
    assert_int_equal(audit_head_parse(buffer_bytes(&text), key, "h", &out, NULL),
                     KH_ERR_AUDIT_BROKEN);
    secret_free(&other);
    buffer_free(&text);
}

// Two files: records 1 to `first`, and what goes on from them.
static void
make_two(size_t first, struct buffer *older, struct buffer *newer, struct audit_head *between,
         struct audit_head *last)
{
    const struct audit_record rotate = {.kind = AUDIT_ROTATE}, more = {.kind = AUDIT_DECISION};
    make_log(first, older, between);
    buffer_init(newer, 1 << 20);
    *last = *between;
    for (size_t i = 0; i < 3; i++) {
        size_t start = newer->n;
        last->seq++;
        audit_record_print(i == 0 ? &rotate : &more, last->seq, 1000, last->hash, newer);
        assert_ok(
            audit_hash(bytes_slice(buffer_bytes(newer), start, newer->n - start - 1), last->hash));
    }
}

static enum kh_err
verify_part(struct bytes log, const struct audit_head *before, const struct audit_head *head,
            struct audit_part *part, struct fault *fault)
{
    fixture_write(fixture_path("audit.log"), log);
    int fd = open(fixture_path("audit.log"), O_RDONLY);
    enum kh_err err = audit_verify(fd, "DIR/audit.log", before, head, part, fault);
    close(fd);
    return err;
}

static void
files_that_go_on(void **state)
{
    struct buffer older, newer;
    struct audit_head between, last, other, none;
    struct audit_part part;
    struct bytes text;

    (void)state;
    audit_head_init(&none);
    make_two(4, &older, &newer, &between, &last);
    text = buffer_bytes(&newer);
    assert_ok(verify_part(text, &between, &last, &part, fault));
    assert_int_equal(part.before.seq, 4);
    assert_string_equal(part.before.hash, between.hash);
    assert_int_equal(part.last.seq, 7);
    assert_string_equal(part.last.hash, last.hash);
    assert_int_equal(part.size, newer.n);
    assert_ok(verify_part(text, NULL, &last, &part, fault));
    assert_ok(verify_part(text, NULL, &between, &part, fault)); // the head was not written since
    assert_ok(verify_part(text, &between, NULL, &part, fault));
    assert_ok(verify_part(buffer_bytes(&older), NULL, NULL, &part, fault));
    assert_int_equal(part.before.seq, 0);
    // Another file before it, a head of another file, of another chain.
    other = between;
    other.hash[5] ^= 1;
    assert_fault(verify_part(text, &other, &last, &part, fault), KH_ERR_AUDIT_BROKEN,
                 "goes on from");
    assert_fault(verify_part(text, NULL, &other, &part, fault), KH_ERR_AUDIT_BROKEN, "rewritten");
    other = between;
    other.seq = 3;
    assert_fault(verify_part(text, &other, &last, &part, fault), KH_ERR_AUDIT_BROKEN,
                 "goes on from");
    assert_fault(verify_part(text, NULL, &other, &part, fault), KH_ERR_AUDIT_BROKEN,
                 "file before it");
    assert_fault(verify_part(text, NULL, &none, &part, fault), KH_ERR_AUDIT_BROKEN,
                 "file before it");
    // Without its first record it goes on from nothing.
    text = bytes_from(text, bytes_index(text, '\n') + 1);
    assert_fault(verify_part(text, NULL, &last, &part, fault), KH_ERR_AUDIT_BROKEN,
                 "record 6 stands where 1 belongs");
    buffer_free(&older);
    buffer_free(&newer);
}

static enum kh_err
verify_end_of(struct bytes log, const struct audit_head *last, struct fault *fault)
{
    fixture_write(fixture_path("audit.log"), log);
    int fd = open(fixture_path("audit.log"), O_RDONLY);
    enum kh_err err = audit_verify_end(fd, "DIR/old", last, fault);
    close(fd);
    return err;
}

static void
the_end_of_an_older_file(void **state)
{
    struct buffer log;
    struct audit_head last, other;
    struct bytes text;

    (void)state;
    make_log(400, &log, &last); // longer than what is read at first
    text = buffer_bytes(&log);
    assert_ok(verify_end_of(text, &last, fault));
    other = last;
    other.hash[0] ^= 1;
    assert_fault(verify_end_of(text, &other, fault), KH_ERR_AUDIT_BROKEN, "changed");
    other = last;
    other.seq++;
    assert_int_equal(verify_end_of(text, &other, NULL), KH_ERR_NOT_FOUND);
    other.seq = 3;
    assert_fault(verify_end_of(text, &other, fault), KH_ERR_AUDIT_BROKEN, "does not end");
    assert_fault(verify_end_of(bytes_slice(text, 0, text.n - 1), &last, fault), KH_ERR_AUDIT_BROKEN,
                 "does not end");
    assert_fault(verify_end_of(BYTES_EMPTY, &last, fault), KH_ERR_AUDIT_BROKEN, "does not end");
    assert_fault(verify_end_of(BYTES("x\n"), &last, fault), KH_ERR_AUDIT_BROKEN, "does not end");
    buffer_free(&log);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole, setup, teardown),
        cmocka_unit_test_setup_teardown(changed_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_that_are_gone_or_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(torn_last_line, setup, teardown),
        cmocka_unit_test_setup_teardown(rewritten_with_a_right_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(endless_line, setup, teardown),
        cmocka_unit_test_setup_teardown(signed_head, setup, teardown),
        cmocka_unit_test_setup_teardown(files_that_go_on, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_of_an_older_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
