/* SPDX-License-Identifier: Apache-2.0
 *
 * The runs of a job, and where it was when something went wrong.
 */
#include "job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef KH_SANITIZE
#include <sanitizer/lsan_interface.h>
#endif

static const char *const mode_name[] = {[NTH_ONCE] = "once", [NTH_ONWARDS] = "onwards"};

static struct {
    unsigned long every, seed;
    unsigned long points, runs;
    const char *job;
    enum nth_mode mode;
    unsigned long n;
    bool inside;
    pid_t process; // not what it forked
} at;

static unsigned long
number_of(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text && text[0] ? strtoul(text, NULL, 10) : otherwise;
}

static void
say_where(void)
{
    if (!at.inside || at.process != getpid())
        return;
    fprintf(stderr, "fault: in ONLY=%s:%s:%lu (%s), KEYHOLE_TEST_SEED=%lu\n", at.job,
            mode_name[at.mode], at.n, nth_failed(), at.seed);
    at.inside = false;
}

static void
start(void)
{
    if (at.every > 0)
        return;
    at.every = number_of("EVERY", 1);
    at.seed = number_of("KEYHOLE_TEST_SEED", (unsigned long)time(NULL));
    at.process = getpid();
    (void)atexit(say_where);
}

int
nth_job_setup(void **state)
{
    (void)state;
    start();
    return 0;
}

int
nth_job_teardown(void **state)
{
    (void)state;
    (void)nth_disarm(NULL);
    say_where();
    return 0;
}

static size_t
descriptors(void)
{
    size_t n = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (directory && readdir(directory))
        n++;
    if (directory)
        closedir(directory);
    return n;
}

static void
look_for_leaks(void)
{
#ifdef KH_SANITIZE
    if (__lsan_do_recoverable_leak_check())
        fail_msg("%s: memory is leaked", at.job);
#endif
}

static bool
run_once(const struct nth_job *job, enum nth_mode mode, unsigned long n)
{
    size_t open_before = descriptors();

    at.mode = mode;
    at.n = n;
    if (job->before)
        job->before(job->context);
    nth_arm(job->kinds ? job->kinds : NTH_ALL, n, mode);
    job->act(job->context);
    bool fired = nth_disarm(NULL);
    job->after(job->context, fired);
    size_t open_after = descriptors();
    if (open_after != open_before)
        fail_msg("%s: %zu descriptors before, %zu after", job->name, open_before, open_after);
    if (getenv("LEAKS"))
        look_for_leaks();
    at.runs++;
    at.points += fired;
    return fired;
}

// "job:mode:n"; true when it was this job, and is done.
static bool
run_only(const struct nth_job *job)
{
    const char *only = getenv("ONLY");
    size_t n = strlen(job->name);

    if (only == NULL || only[0] == '\0')
        return false;
    if (strncmp(only, job->name, n) != 0 || only[n] != ':')
        return true;
    enum nth_mode mode = strncmp(only + n + 1, "once:", 5) == 0 ? NTH_ONCE : NTH_ONWARDS;
    (void)run_once(job, mode, strtoul(strrchr(only, ':') + 1, NULL, 10));
    fprintf(stderr, "fault: %s: the call was %s\n", only, nth_failed());
    return true;
}

void
nth_job_run(const struct nth_job *job)
{
    start();
    at.job = job->name;
    at.inside = true;
    // Once in peace: what is made on first use is there, and the job does what it should.
    (void)run_once(job, NTH_ONCE, 0);
    if (!run_only(job)) {
        for (int mode = NTH_ONCE; mode <= NTH_ONWARDS; mode++) {
            unsigned long n = 1 + (at.seed + (unsigned long)mode) % at.every;
            while (run_once(job, (enum nth_mode)mode, n))
                n += at.every;
        }
    }
    look_for_leaks();
    at.inside = false;
}

enum nth_mode
nth_job_mode(void)
{
    return at.mode;
}

int
nth_job_finish(const char *program, int failed)
{
    printf("fault: %s: %lu points in %lu runs%s, seed %lu\n", program, at.points, at.runs,
           at.every > 1 ? " (a sample)" : "", at.seed);
    return failed;
}
