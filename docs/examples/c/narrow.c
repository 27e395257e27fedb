/* SPDX-License-Identifier: Apache-2.0
 *
 * narrow TOKEN CAVEAT... : a narrower token on standard output.
 *
 *     cc narrow.c $(pkg-config --cflags --libs libkeyhole) -o narrow
 *     ./narrow "$TOKEN" 'method = GET' 'path = /v1/models'
 */
#include <keyhole.h>
#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
    struct keyhole_token *token = NULL, *narrow = NULL;
    struct keyhole_error error;
    char *text = NULL;

    if (argc < 3) {
        fprintf(stderr, "usage: narrow TOKEN CAVEAT...\n");
        return 2;
    }
    const char *const *caveat = (const char *const *)&argv[2];
    if (keyhole_token_parse(argv[1], KEYHOLE_WHOLE, &token, &error) != KEYHOLE_OK ||
        keyhole_token_narrow(token, caveat, (size_t)argc - 2, &narrow, &error) != KEYHOLE_OK ||
        keyhole_token_encode(narrow, KEYHOLE_FORMAT_KEYHOLE, &text, NULL, &error) != KEYHOLE_OK) {
        fprintf(stderr, "narrow: %s\n", error.message);
        if (error.caveat >= 0 && error.byte >= 0)
            fprintf(stderr, "  %s\n  %*s^\n", caveat[error.caveat], error.byte, "");
        keyhole_token_free(token);
        keyhole_token_free(narrow);
        return 1;
    }
    puts(text);
    keyhole_free(text);
    keyhole_token_free(narrow);
    keyhole_token_free(token);
    return 0;
}
