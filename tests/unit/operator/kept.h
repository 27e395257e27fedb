/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands that have keyhole-authority work in a directory, called as on a command line. The
 * keeper is played (ld's --wrap): what it was given is noted, and what it reports is the test's.
 */
#ifndef KEYHOLE_TESTS_OPERATOR_KEPT_H
#define KEYHOLE_TESTS_OPERATOR_KEPT_H

#include "support.h"

#include "../../../broker/operator/keeper.h"

enum operator_exit __wrap_keeper_run(struct keeper *keeper, json_t **report);

static struct {
    // To be said.
    enum operator_exit status;
    const char *report;
    // What was given: " --option value …", with what a descriptor holds in its place, as <secret>.
    unsigned runs;
    char line[4096];
    bool directory_there; // when it was at work
} kept;

static struct captured captured;

static inline void
kept_note(const struct keeper *keeper, const char *argument)
{
    size_t n = strlen(kept.line);
    for (size_t i = 0; i < keeper->secret_count; i++) {
        if (argument != keeper->number[i])
            continue;
        snprintf(kept.line + n, sizeof(kept.line) - n, " <%.*s>", (int)keeper->secret[i]->n,
                 (const char *)keeper->secret[i]->p);
        return;
    }
    snprintf(kept.line + n, sizeof(kept.line) - n, " %s", argument);
}

enum operator_exit
__wrap_keeper_run(struct keeper *keeper, json_t **report)
{
    kept.runs++;
    kept.line[0] = '\0';
    for (size_t i = 0; i < keeper->count; i++)
        kept_note(keeper, keeper->argv[i]);
    for (size_t i = 1; i + 1 < keeper->count; i++)
        if (strcmp(keeper->argv[i], "--dir") == 0)
            kept.directory_there = access(keeper->argv[i + 1], F_OK) == 0;
    if (kept.status != EXIT_DONE)
        return kept.status;
    *report = json_loads(kept.report, 0, NULL);
    assert_non_null(*report);
    return EXIT_DONE;
}

/* Nobody sits at the terminal. */
static inline int
kept_setup(void **state)
{
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || close(nothing) != 0)
        return -1;
    memset(&kept, 0, sizeof(kept));
    kept.report = "{}";
    return directory_setup(state);
}

/* Words separated by spaces; "@" begins a path in the test's directory. --dir is given. */
static inline int
call(const char *words)
{
    char text[2048], path[16][192], *argv[64] = {(char *)(uintptr_t) "keyholed"}, *rest = text;
    int argc = 1, paths = 0;

    snprintf(text, sizeof(text), "%s --dir @state", words);
    for (char *word; (word = strsep(&rest, " ")) != NULL; argc++) {
        argv[argc] = word;
        if (word[0] != '@')
            continue;
        snprintf(path[paths], sizeof(path[0]), "%s/%s", test_directory, word + 1);
        argv[argc] = path[paths++];
    }
    capture_begin();
    int status = operator_main(argc, argv);
    capture_end(&captured);
    return status;
}

/* A descriptor, in words, that gives that text. */
static inline const char *
descriptor_of(const char *text)
{
    static char number[4][16];
    static unsigned turn;
    char *out = number[turn++ % 4];
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
    close(ends[1]);
    snprintf(out, sizeof(number[0]), "%d", ends[0]);
    return out;
}

/* It was refused before anything was done, with these words. */
#define assert_refused(words, why)                                                                 \
    do {                                                                                           \
        unsigned runs_before = kept.runs;                                                          \
        assert_int_equal(call(words), EXIT_USAGE);                                                 \
        assert_int_equal(kept.runs, runs_before);                                                  \
        assert_string_equal(captured.out, "");                                                     \
        assert_contains(captured.err, why);                                                        \
    } while (0)

#define assert_given(words) assert_contains(kept.line, words)
#define assert_not_given(words)                                                                    \
    do {                                                                                           \
        if (strstr(kept.line, words) != NULL)                                                      \
            fail_msg("\"%s\" was not to be in: %s", words, kept.line);                             \
    } while (0)

#endif
