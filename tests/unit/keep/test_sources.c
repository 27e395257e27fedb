/* SPDX-License-Identifier: Apache-2.0 */
/* What a backup is made of, and in which order it is opened. */
#include "../authority/fixture.h"

#include "../../../broker/keep/sources.h"

#include <limits.h>
#include <sys/inotify.h>

static const char *
state_file(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/state/%s", fixture_base, name);
    return path;
}

static struct sources_options
options(void)
{
    static char directory[256];
    snprintf(directory, sizeof directory, "%s/state", fixture_base);
    return (struct sources_options){.directory = directory};
}

static const struct source *
source_of(const struct sources *sources, const char *name)
{
    for (size_t i = 0; i < sources->count; i++)
        if (strcmp(sources->item[i].name, name) == 0)
            return &sources->item[i];
    return NULL;
}

static void
write_state(const char *name, const char *text)
{
    int fd = open(state_file(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void
what_is_no_state_is_refused(void **state)
{
    struct sources_options wanted = options();
    struct sources sources;

    (void)state;
    assert_fault(sources_open(&wanted, &sources, fault), KH_ERR_IO, "state");
    sources_fini(&sources);
    assert_int_equal(mkdir(wanted.directory, 0700), 0);
    assert_fault(sources_open(&wanted, &sources, fault), KH_ERR_NOT_FOUND, "neither");
    sources_fini(&sources);
    assert_int_equal(chmod(wanted.directory, 0755), 0);
    assert_fault(sources_open(&wanted, &sources, fault), KH_ERR_PERMISSION, "state");
    sources_fini(&sources);
}

static void
a_file_that_is_named_must_be_there(void **state)
{
    struct sources_options wanted = options();
    struct sources sources;

    (void)state;
    fixture_create();
    wanted.config = "/nonexistent/keyholed.yaml";
    assert_fault(sources_open(&wanted, &sources, fault), KH_ERR_NOT_FOUND, "no such file");
    sources_fini(&sources);
    wanted.config = NULL;
    wanted.without_audit_log = wanted.without_master_key = true;
    assert_ok(sources_open(&wanted, &sources, fault));
    assert_non_null(source_of(&sources, CONTENTS_DATABASE));
    assert_null(source_of(&sources, CONTENTS_MASTER_KEY));
    assert_null(source_of(&sources, CONTENTS_AUDIT_LOG));
    assert_int_equal(sources.audit_seq, 0);
    sources_fini(&sources);
}

// What is being written is none of it yet.
static void
the_log_ends_with_its_last_whole_line(void **state)
{
    static const struct {
        const char *text;
        uint64_t seq, size;
    } rows[] = {
        {"", 0, 0},
        {"{\"seq\":1,\"a\"", 0, 0},
        {"{\"seq\":1,\"a\":1}\n", 1, 16},
        {"{\"seq\":1,\"a\":1}\n{\"seq\":22,\"a\":1}\n", 22, 33},
        {"{\"seq\":1,\"a\":1}\n{\"seq\":22,\"a\":1}\n{\"seq\":23,", 22, 33},
        {"{\"seq\":1,\"a\":1}\nnothing\n", 0, 24},
    };
    struct sources_options wanted = options();

    (void)state;
    fixture_create();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sources sources;
        write_state(CONTENTS_AUDIT_LOG, rows[i].text);
        assert_ok(sources_open(&wanted, &sources, fault));
        const struct source *log = source_of(&sources, CONTENTS_AUDIT_LOG);
        assert_non_null(log);
        if (sources.audit_seq != rows[i].seq || log->size != rows[i].size)
            fail_msg("row %zu: record %llu, %llu bytes", i, (unsigned long long)sources.audit_seq,
                     (unsigned long long)log->size);
        sources_fini(&sources);
    }
}

/* ---- the order ---- */

struct looks {
    int count;
    int database_last, head_first, log_first; // when; 0: never
};

static void
note(struct looks *looks, const struct inotify_event *event)
{
    const char *name = event->len ? event->name : "";

    looks->count++;
    if (strncmp(name, CONTENTS_DATABASE, strlen(CONTENTS_DATABASE)) == 0)
        looks->database_last = looks->count;
    else if (strcmp(name, CONTENTS_AUDIT_HEAD) == 0 && looks->head_first == 0)
        looks->head_first = looks->count;
    else if (strcmp(name, CONTENTS_AUDIT_LOG) == 0 && looks->log_first == 0)
        looks->log_first = looks->count;
}

static void
read_looks(int fd, struct looks *looks)
{
    static _Alignas(struct inotify_event) char events[65536];
    ssize_t n;

    while ((n = read(fd, events, sizeof events)) > 0) {
        for (ssize_t at = 0; at < n;) {
            struct inotify_event event;
            memcpy(&event, events + at, sizeof event);
            assert_false(event.mask & IN_Q_OVERFLOW);
            note(looks, (const struct inotify_event *)(const void *)(events + at));
            at += (ssize_t)(sizeof event + event.len);
        }
    }
}

// The database knows up to which record the log had come: of a log that is older than the database
// a start would say that it was cut. So the log is looked at when the database is done with.
static void
the_database_comes_before_the_audit_log(void **state)
{
    struct sources_options wanted = options();
    struct sources sources;
    struct looks looks = {0};

    (void)state;
    fixture_create();
    write_state(CONTENTS_AUDIT_LOG, "{\"seq\":1,\"a\":1}\n");
    write_state(CONTENTS_AUDIT_HEAD, "{}\n");
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(inotify_add_watch(fd, wanted.directory, IN_OPEN | IN_ACCESS) >= 0);
    assert_ok(sources_open(&wanted, &sources, fault));
    read_looks(fd, &looks);
    close(fd);
    sources_fini(&sources);
    assert_true(looks.database_last > 0);
    assert_true(looks.log_first > 0);
    if (looks.log_first < looks.database_last || looks.head_first < looks.database_last)
        fail_msg("the database was looked at last as %d., the head of the log first as %d., the "
                 "log as %d.",
                 looks.database_last, looks.head_first, looks.log_first);
    // The head says how long the log is at least.
    assert_true(looks.head_first > 0);
    assert_true(looks.head_first < looks.log_first);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(what_is_no_state_is_refused),
        fixture_test(a_file_that_is_named_must_be_there),
        fixture_test(the_log_ends_with_its_last_whole_line),
        fixture_test(the_database_comes_before_the_audit_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
