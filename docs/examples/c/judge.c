/* SPDX-License-Identifier: Apache-2.0
 *
 * judge TOKEN METHOD URL [BODY] : would the token's own caveats let this request pass? Exit status
 * 0 when all hold, 3 when one fails, 4 when it is not for a holder to know.
 *
 *     cc judge.c $(pkg-config --cflags --libs libkeyhole) -o judge
 *     ./judge "$TOKEN" POST https://api.openai.com/v1/chat/completions '{"model":"gpt-4o"}'
 */
#include <keyhole.h>
#include <stdio.h>
#include <string.h>

static int
show(const struct keyhole_judgement *judgement)
{
    static const char *const words[] = {"fails  ", "unknown", "holds  "};
    static const int status[] = {3, 4, 0};
    const struct keyhole_finding *finding;
    for (size_t i = 0; (finding = keyhole_judgement_finding(judgement, i)) != NULL; i++)
        printf("%s %s%s%s\n", words[finding->verdict], finding->text,
               finding->change[0] != '\0' ? ": " : "", finding->change);
    return status[keyhole_judgement_verdict(judgement)];
}

int
main(int argc, char **argv)
{
    struct keyhole_token *token = NULL;
    struct keyhole_request *request = NULL;
    struct keyhole_judgement *judgement = NULL;
    struct keyhole_error error;
    int status = 1;

    if (argc < 4) {
        fprintf(stderr, "usage: judge TOKEN METHOD URL [BODY]\n");
        return 2;
    }
    if (keyhole_token_parse(argv[1], KEYHOLE_WHOLE, &token, &error) == KEYHOLE_OK &&
        keyhole_request_new(argv[2], argv[3], &request, &error) == KEYHOLE_OK &&
        (argc < 5 ||
         keyhole_request_set_body(request, argv[4], strlen(argv[4]), &error) == KEYHOLE_OK) &&
        keyhole_judge(token, request, &judgement, &error) == KEYHOLE_OK)
        status = show(judgement);
    else
        fprintf(stderr, "judge: %s\n", error.message);
    keyhole_judgement_free(judgement);
    keyhole_request_free(request);
    keyhole_token_free(token);
    return status;
}
