/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to know of a running broker beside its own answer: keys, CA, files, processes. */
#include "status.h"

#include "admin.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static json_t *
ask(const char *directory, const char *command)
{
    json_t *result = NULL;
    return admin_ask_quietly(directory, command, &result) == KH_OK ? result : NULL;
}

/* ---- processes ---- */

static bool
read_file(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, cap - 1) : -1;
    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

// Field `wanted` (from 3 on) of /proc/PID/stat: the name before may have spaces and brackets in it.
static bool
stat_field(const char *text, int wanted, unsigned long long *out)
{
    const char *p = strrchr(text, ')');
    for (int field = 2; p != NULL && field < wanted; field++) {
        p = strchr(p + 1, ' ');
    }
    return p != NULL && sscanf(p, " %llu", out) == 1;
}

// Of another container's process there is nothing, or one that is called something else.
static void
add_process(json_t *process)
{
    long long pid = (long long)admin_number(process, "pid");
    long ticks = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);
    char path[64], text[2048];
    unsigned long long started, pages;
    struct timespec up;
    snprintf(path, sizeof(path), "/proc/%lld/stat", pid);
    if (!json_is_true(json_object_get(process, "running")) || pid <= 0 ||
        !read_file(path, text, sizeof(text)) || strstr(text, "(keyhole") == NULL)
        return;
    if (stat_field(text, 22, &started) && ticks > 0 && clock_gettime(CLOCK_BOOTTIME, &up) == 0) {
        int64_t age = (int64_t)up.tv_sec - (int64_t)(started / (unsigned long long)ticks);
        json_object_set_new(process, "uptime_s", json_integer(age > 0 ? age : 0));
    }
    if (stat_field(text, 24, &pages))
        json_object_set_new(
            process, "memory_bytes",
            json_integer((json_int_t)(pages * (unsigned long long)(page > 0 ? page : 0))));
}

/* ---- files ---- */

static void
add_audit(const char *directory, json_t *audit)
{
    char path[PATH_MAX], text[1024];
    struct stat log;
    if (!json_is_object(audit))
        return;
    if (stat(admin_text(audit, "file"), &log) == 0)
        json_object_set_new(audit, "bytes", json_integer((json_int_t)log.st_size));
    snprintf(path, sizeof(path), "%.*s/audit.head", PATH_MAX - 16, directory);
    if (!read_file(path, text, sizeof(text)))
        return;
    json_t *head = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *seq = json_object_get(head, "seq");
    if (json_is_integer(seq)) {
        int64_t behind = admin_number(audit, "seq") - json_integer_value(seq);
        json_object_set_new(audit, "signed_seq", json_integer(json_integer_value(seq)));
        json_object_set_new(audit, "behind", json_integer(behind > 0 ? behind : 0));
    }
    json_decref(head);
}

/* ---- other answers ---- */

static void
add_keys(const char *directory, json_t *status)
{
    json_t *keys = ask(directory, "key.list"), *ca = ask(directory, "ca.show");
    json_t *list = json_object_get(keys, "keys");
    if (json_is_array(list))
        json_object_set(status, "root_keys", list);
    if (ca != NULL) {
        json_object_del(ca, "pem");
        json_object_set(status, "ca", ca);
    }
    json_decref(keys);
    json_decref(ca);
}

// Of a credential what tells how it is; the rest is credential show's.
static void
add_credentials(const char *directory, json_t *status)
{
    static const char *const members[] = {"name",
                                          "enabled",
                                          "created_at",
                                          "rotated_at",
                                          "previous_until",
                                          "refused_by_upstream",
                                          "token_answers_refused"};
    json_t *answer = ask(directory, "credential.list"), *credential, *list;
    size_t i;
    if (answer == NULL)
        return;
    list = json_array();
    json_array_foreach(json_object_get(answer, "credentials"), i, credential)
    {
        json_t *shown = json_object();
        for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++)
            if (json_object_get(credential, members[m]) != NULL)
                json_object_set(shown, members[m], json_object_get(credential, members[m]));
        json_array_append_new(list, shown);
    }
    json_object_set_new(status, "credential_list", list);
    json_decref(answer);
}

void
status_complete(const char *directory, int64_t now, json_t *status)
{
    json_t *process;
    size_t i;
    json_array_foreach(json_object_get(status, "processes"), i, process)
    {
        add_process(process);
    }
    add_audit(directory, json_object_get(status, "audit"));
    add_keys(directory, status);
    add_credentials(directory, status);
    status_count_requests(directory, now, status);
    status_judge(now, status);
}
