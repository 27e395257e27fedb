/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzz target without libFuzzer: every input of its seeds and of what was found once, and some
 * mutations of each, always the same ones. `make unit` runs this with any compiler.
 *
 *     test_NAME [FILE|DIRECTORY]…      default: tests/fuzz/NAME/seeds and …/found, with mutations
 */

#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

enum { INPUT_MAX = 1 << 20, MUTATIONS_PER_INPUT = 40, MUTATED_MAX = 65536 };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
    __attribute__((weak));

static bool with_mutations;
static unsigned files, inputs;

size_t
fuzz_mutate(uint8_t *data, size_t size, size_t max, struct fuzz_random *random)
{
    size_t at = size ? fuzz_below(random, (uint32_t)size) : 0;
    switch (fuzz_below(random, 4)) {
    case 0:
        if (size)
            data[at] ^= (uint8_t)(1U << fuzz_below(random, 8));
        return size;
    case 1:
        if (size)
            data[at] = (uint8_t)fuzz_below(random, 256);
        return size;
    case 2:
        if (size == max)
            return size;
        memmove(data + at + 1, data + at, size - at);
        data[at] = (uint8_t)fuzz_below(random, 256);
        return size + 1;
    default:
        if (size == 0)
            return size;
        memmove(data + at, data + at + 1, size - at - 1);
        return size - 1;
    }
}

/* In memory of just its size, so that a read past the end is seen. */
static void
try(struct bytes input)
{
    uint8_t *copy = fuzz_copy(input);
    (void)LLVMFuzzerTestOneInput(copy, input.n);
    free(copy);
    inputs++;
}

static void
try_mutations(struct bytes input)
{
    static uint8_t changed[MUTATED_MAX];
    struct fuzz_random random = {input.n * 2 + 1};
    if (input.n > MUTATED_MAX / 2)
        return;
    for (unsigned i = 0; i < MUTATIONS_PER_INPUT; i++) {
        size_t n = input.n;
        if (n)
            memcpy(changed, input.p, n);
        for (uint32_t times = 1 + fuzz_below(&random, 4); times > 0; times--)
            n = LLVMFuzzerCustomMutator ? LLVMFuzzerCustomMutator(changed, n, MUTATED_MAX,
                                                                  fuzz_below(&random, 1U << 30))
                                        : fuzz_mutate(changed, n, MUTATED_MAX, &random);
        try(bytes_of(changed, n));
    }
}

static void
try_file(const char *path)
{
    static uint8_t input[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "cannot open %s\n", path);
        exit(1);
    }
    size_t n = fread(input, 1, sizeof input, file);
    fclose(file);
    /* The last line of a log of a crash. */
    fprintf(stderr, "%s\n", path);
    files++;
    try(bytes_of(input, n));
    if (with_mutations)
        try_mutations(bytes_of(input, n));
}

static int
is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void
try_path(const char *path, bool must_exist)
{
    struct stat status;
    struct dirent **entry;
    if (stat(path, &status) != 0) {
        if (!must_exist)
            return;
        fprintf(stderr, "there is no %s\n", path);
        exit(1);
    }
    if (!S_ISDIR(status.st_mode)) {
        try_file(path);
        return;
    }
    int count = scandir(path, &entry, is_visible, alphasort);
    for (int i = 0; i < count; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entry[i]->d_name);
        try_file(name);
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
}

int
main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];
    char path[512];
    if (strncmp(name, "test_", 5) == 0)
        name += 5;
    for (int i = 1; i < argc; i++)
        try_path(argv[i], true);
    if (argc == 1) {
        with_mutations = true;
        snprintf(path, sizeof path, "tests/fuzz/%s/seeds", name);
        try_path(path, true);
        snprintf(path, sizeof path, "tests/fuzz/%s/found", name);
        try_path(path, false);
    }
    if (files == 0) {
        fprintf(stderr, "%s has no seeds\n", name);
        return 1;
    }
    printf("[       OK ] fuzz/%s: %u inputs from %u files\n", name, inputs, files);
    return 0;
}
