/* SPDX-License-Identifier: Apache-2.0 */
/* softauthn: a security key without hardware, for tests. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../softauthn_server.h"

enum {
    HELP = 1,
    UNIX_PATH,
    STATE,
    CA,
    PRESENCE,
    FORMAT,
    PIN,
    PIN_PROTOCOL,
    LIE,
    ALGORITHM,
    FIRMWARE
};

static const struct option long_options[] = {
    {"help", no_argument, NULL, HELP},
    {"unix", required_argument, NULL, UNIX_PATH},
    {"state", required_argument, NULL, STATE},
    {"ca", required_argument, NULL, CA},
    {"presence", required_argument, NULL, PRESENCE},
    {"format", required_argument, NULL, FORMAT},
    {"pin", required_argument, NULL, PIN},
    {"pin-protocol", required_argument, NULL, PIN_PROTOCOL},
    {"lie", required_argument, NULL, LIE},
    {"algorithm", required_argument, NULL, ALGORITHM},
    {"firmware", required_argument, NULL, FIRMWARE},
    {NULL, 0, NULL, 0}};

static void
print_help(void)
{
    fputs("usage: softauthn --unix PATH [OPTION…]\n"
          "  A security key without hardware: CTAPHID reports over a SEQPACKET socket.\n\n"
          "  --unix PATH        the socket\n"
          "  --state FILE       keep keys, credentials, PIN and counter there\n"
          "  --ca OUT.pem       write the attestation root there\n"
          "  --presence MODE    auto (default), deny, never, timeout, line, file:PATH\n"
          "  --format FORMAT    packed (default), self, none, u2f\n"
          "  --algorithm NAME   es256, eddsa, rs256; default: the first that is asked for\n"
          "  --pin PIN          has this PIN from the start\n"
          "  --pin-protocol N   1 or 2 alone\n"
          "  --firmware X.Y.Z   what the certificate says, as Yubico's do\n"
          "  --lie WORD         one of:\n",
          stdout);
    for (int i = 0; i < SOFTAUTHN_LIE_COUNT; i++)
        printf("      %-14s %s\n", softauthn_lie_word((enum softauthn_lie)i),
               softauthn_lie_sentence((enum softauthn_lie)i));
    puts("\nPrints \"ready\" when it listens, then what happens, a line each: waiting, touched,\n"
         "denied, cancelled, timeout, wink. Takes lines on stdin: touch, deny, presence MODE,\n"
         "lie WORD, counter N, unplug.");
}

static bool
parse_firmware(const char *text, uint32_t *out)
{
    unsigned part[3];
    char end;
    if (sscanf(text, "%3u.%3u.%3u%c", &part[0], &part[1], &part[2], &end) != 3 || part[0] > 255 ||
        part[1] > 255 || part[2] > 255)
        return false;
    *out = part[0] << 16 | part[1] << 8 | part[2];
    return true;
}

static bool
take(struct softauthn_server_options *o, int option, const char *value)
{
    switch (option) {
    case UNIX_PATH:
        o->path = value;
        return true;
    case STATE:
        o->authenticator.state = value;
        return true;
    case CA:
        o->root = value;
        return true;
    case PRESENCE:
        o->presence = value;
        return softauthn_presence_known(value);
    case FORMAT:
        return softauthn_format_parse(value, &o->authenticator.format);
    case PIN:
        o->authenticator.pin = value;
        return strlen(value) >= 4 && strlen(value) < 64;
    case PIN_PROTOCOL:
        o->authenticator.pin_protocol = atoi(value);
        return strcmp(value, "1") == 0 || strcmp(value, "2") == 0;
    case LIE:
        return softauthn_lie_parse(value, &o->authenticator.lie);
    case ALGORITHM:
        return softauthn_algorithm_parse(value, &o->authenticator.algorithm);
    case FIRMWARE:
        return parse_firmware(value, &o->authenticator.firmware);
    default:
        return false;
    }
}

int
main(int argc, char **argv)
{
    struct softauthn_server_options options = {
        .presence = "auto", .control = STDIN_FILENO, .events = STDOUT_FILENO};
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == HELP) {
            print_help();
            return 0;
        }
        if (!take(&options, option, optarg)) {
            fprintf(stderr, "softauthn: %s: what is that? See softauthn --help\n",
                    optarg ? optarg : argv[optind - 1]);
            return 2;
        }
    }
    if (options.path == NULL || optind != argc) {
        fputs("usage: softauthn --unix PATH [OPTION…]; see softauthn --help\n", stderr);
        return 2;
    }
    fprintf(stderr, "softauthn: %s\n", softauthn_serve(&options));
    return 1;
}
