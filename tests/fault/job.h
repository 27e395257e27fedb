/* SPDX-License-Identifier: Apache-2.0
 *
 * A piece of work that is done again and again: once without a fault, then with the first call
 * failing, then with the second, until it ran to its end untouched; each way alone and with all
 * calls after it failing as well. After each run the test says what must still hold, the number of
 * open descriptors is what it was, and at the end nothing is leaked (in a sanitized build).
 *
 * EVERY=n takes every nth point, beginning at one that the seed (KEYHOLE_TEST_SEED) chooses;
 * ONLY=job:mode:n does one. LEAKS=each looks for leaks after every run.
 */
#ifndef KEYHOLE_TESTS_JOB_H
#define KEYHOLE_TESTS_JOB_H

#include "nth.h"

struct nth_job {
    const char *name;
    unsigned kinds; /* 0: all */
    void (*before)(void *context);
    void (*act)(void *context);               /* armed */
    void (*after)(void *context, bool fired); /* asserts; not armed */
    void *context;
};

void nth_job_run(const struct nth_job *job);
enum nth_mode nth_job_mode(void); /* of the run that is judged */

int nth_job_setup(void **state);
int nth_job_teardown(void **state); /* says where it was when the test failed there */
/* Prints how many points there were; the exit status of main. */
int nth_job_finish(const char *program, int failed);

#define nth_test(f) cmocka_unit_test_setup_teardown(f, nth_job_setup, nth_job_teardown)

#endif
