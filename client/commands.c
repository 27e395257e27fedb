/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of commands. A command is a row here and a file of its own.
 */
#include "commands.h"

#define ROW(name_) .name = #name_, .option = command_##name_##_options, .run = command_##name_

const struct command cli_command[] = {
    {
        ROW(attenuate),
        .synopsis = "[OPTION…] [TOKEN|-]",
        .summary = "narrow a token, offline; prints the new one",
        .details =
            "The new token allows what the old one allows and every caveat holds for. It needs\n"
            "no key and no server, and cannot be undone: give the new one away, keep the old.\n"
            "keyhole(1) has the language of caveats.\n",
        .examples =
            "  keyhole attenuate --method GET --for 10m \"$TOKEN\"\n"
            "      the same token, but to read only, and for ten minutes\n"
            "  export KEYHOLE_TOKEN; keyhole attenuate --path '/v1/chat/**' --label summariser\n"
            "      from KEYHOLE_TOKEN, one path and what is below it, named for the audit log\n"
            "  keyhole attenuate --caveat 'method = GET or path ~ /v1/chat/**' - < token\n"
            "      a condition of one's own, the token from standard input\n"
            "  keyhole attenuate --host api.stripe.com --host files.stripe.com\n"
            "      host in api.stripe.com, files.stripe.com\n"
            "  keyhole attenuate --prefix sk- --for 1h\n"
            "      for a client that wants its key to begin with sk-\n",
    },
    {
        ROW(inspect),
        .synopsis = "[--json] [TOKEN|-]",
        .summary = "say what a token allows, and who narrowed it",
        .details =
            "Reads the token without a key, so nothing is verified: only the broker can tell\n"
            "whether it is genuine. Macaroons of other libraries are read as well.\n",
        .examples = "  keyhole inspect \"$TOKEN\"\n"
                    "  keyhole inspect --json \"$TOKEN\" | jq -r .expires_at\n"
                    "  keyhole attenuate --method GET \"$TOKEN\" | keyhole inspect -\n"
                    "      see what a narrower token would be\n",
    },
    {
        ROW(explain),
        .synopsis = "--request 'METHOD URL' [OPTION…] [TOKEN|-]",
        .summary = "say which caveats a request would meet, offline",
        .details =
            "Judges the caveats alone: the signature, revocations and the policy are for the\n"
            "broker to judge (keyholed explain). Caveats that look at what a method and a URL do\n"
            "not say, such as groups, are not judged. Exit status 3 when a caveat is against it.\n",
        .examples =
            "  keyhole explain --request 'POST https://api.openai.com/v1/files' \"$TOKEN\"\n"
            "      which caveats hold, who added them, and what would have to change\n"
            "  keyhole explain --request 'GET https://api.github.com/user' --at "
            "2026-12-24T00:00:00Z\n"
            "      whether the token in KEYHOLE_TOKEN will do then\n",
    },
    {
        ROW(revoke),
        .synopsis = "[--broker URL|PATH] [--cacert FILE] [--json] [TOKEN|-]",
        .summary = "end a token and everything made from it",
        .details =
            "Presents the token to its broker, which ends its lineage: this token and all that\n"
            "were narrowed from it, not the one that it was narrowed from. Prints the lineage id.\n"
            "Exit status 3 when the broker refuses.\n",
        .examples =
            "  keyhole revoke --broker http://127.0.0.1:8437 \"$TOKEN\"\n"
            "  export KEYHOLE_BROKER=/run/keyholed/proxy.sock; keyhole revoke - < token\n"
            "  keyhole revoke --broker https://keyhole.example --cacert ca.pem \"$TOKEN\"\n",
    },
    {
        ROW(convert),
        .synopsis = "--to FORMAT [TOKEN|-]",
        .summary = "write a token as other macaroon libraries do, or back",
        .details =
            "FORMAT is keyhole, v1 (text of libmacaroons), v2 (binary as base64url: pymacaroons,\n"
            "Go) or json (js-macaroon, Go). All of them are read.\n",
        .examples = "  keyhole convert --to v2 \"$TOKEN\" > macaroon.txt\n"
                    "  keyhole convert --to keyhole - < macaroon.txt\n"
                    "      back, after another library added a caveat\n",
    },
    {.name = NULL},
};
