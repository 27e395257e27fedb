/* SPDX-License-Identifier: Apache-2.0
 *
 * inspect TOKEN : whom it is for, until when, and each of its caveats in plain words.
 *
 *     cc inspect.c $(pkg-config --cflags --libs libkeyhole) -o inspect
 */
#include <keyhole.h>
#include <stdio.h>
#include <time.h>

static const char *const origins[] = {"holder", "mint", "discharger"};

static int
show(const struct keyhole_token *token, struct keyhole_error *error)
{
    const struct keyhole_claims *claims = keyhole_token_claims(token);
    if (!claims->is_keyhole) {
        snprintf(error->message, sizeof error->message, "%s", claims->problem);
        return 1;
    }
    printf("for %s, to use", claims->user);
    for (size_t i = 0; i < claims->credential_count; i++)
        printf(" %s", claims->credential[i]);
    printf(", lineage %s\n", claims->lineage);
    if (claims->ends_at <= (int64_t)time(NULL))
        printf("over\n");
    for (size_t i = 0; i < claims->caveat_count; i++) {
        char *words = NULL;
        if (keyhole_caveat_words(token, i, KEYHOLE_NOW, &words, error) != KEYHOLE_OK)
            return 1;
        printf("%s: %s\n", origins[keyhole_token_caveat(token, i)->origin], words);
        keyhole_free(words);
    }
    for (size_t i = 0; i < claims->open_hole_count; i++)
        printf("hole %zu is open\n", i + 1);
    return 0;
}

int
main(int argc, char **argv)
{
    struct keyhole_token *token = NULL;
    struct keyhole_error error;

    if (argc != 2) {
        fprintf(stderr, "usage: inspect TOKEN\n");
        return 2;
    }
    int status = keyhole_token_parse(argv[1], KEYHOLE_WHOLE, &token, &error) != KEYHOLE_OK ||
                 show(token, &error) != 0;
    if (status != 0)
        fprintf(stderr, "inspect: %s\n", error.message);
    keyhole_token_free(token);
    return status;
}
