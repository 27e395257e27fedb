/* SPDX-License-Identifier: Apache-2.0
 *
 * add-a-hole TOKEN DEMAND DISCHARGER : a token for somebody else, of no use until the demand is
 * met, and for an hour at most. Nobody is asked for it.
 *
 *     cc add-a-hole.c $(pkg-config --cflags --libs libkeyhole) -o add-a-hole
 *     ./add-a-hole "$TOKEN" 'user = alice and factor = yubikey for 15m'
 * https://discharge.example#kd1_...
 */
#include <keyhole.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
    struct keyhole_attenuation *attenuation = NULL;
    struct keyhole_token *token = NULL, *narrow = NULL;
    struct keyhole_error error;
    char *text = NULL;

    if (argc != 4) {
        fprintf(stderr, "usage: add-a-hole TOKEN DEMAND DISCHARGER\n");
        return 2;
    }
    int good =
        keyhole_token_parse(argv[1], KEYHOLE_WHOLE, &token, &error) == KEYHOLE_OK &&
        keyhole_attenuation_new(&attenuation, &error) == KEYHOLE_OK &&
        keyhole_attenuation_add_label(attenuation, "with a touch", &error) == KEYHOLE_OK &&
        keyhole_attenuation_add_lifetime(attenuation, KEYHOLE_NOW, 3600, &error) == KEYHOLE_OK &&
        keyhole_attenuation_add_hole(attenuation, argv[2], argv[3], &error) == KEYHOLE_OK &&
        keyhole_token_attenuate(token, attenuation, &narrow, &error) == KEYHOLE_OK &&
        keyhole_token_encode(narrow, KEYHOLE_FORMAT_KEYHOLE, &text, NULL, &error) == KEYHOLE_OK;
    if (good)
        puts(text);
    else
        fprintf(stderr, "add-a-hole: %s\n", error.message);
    keyhole_free(text);
    keyhole_token_free(narrow);
    keyhole_token_free(token);
    keyhole_attenuation_free(attenuation);
    return !good;
}
