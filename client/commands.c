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
            "      for a client that wants its key to begin with sk-\n"
            "  keyhole attenuate --method DELETE --hole 'user = alice and factor = yubikey for "
            "5m'\n"
            "      of no use before alice touches her YubiKey, and for five minutes after it\n",
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
        ROW(discharge),
        .synopsis = "[OPTION…] [TOKEN|-]",
        .summary = "fill a token's holes: touch a key, sign, or use a browser",
        .details =
            "Asks the discharger of each open hole, shows what you would vouch for, and has your\n"
            "security key, SSH key or browser answer. Prints the token with its discharges; it "
            "can\n"
            "be narrowed and given away as before, and nothing else made from its parent can use\n"
            "them. A location is followed only if you trust it: keyhole help trust.\n"
            "Exit status 3 when you or the discharger decline.\n",
        .examples =
            "  keyhole discharge \"$TOKEN\"\n"
            "      with whatever is at hand and the hole takes\n"
            "  KEYHOLE_TOKEN=$(keyhole discharge --with ssh - < token); export KEYHOLE_TOKEN\n"
            "      with a key of ssh-agent\n"
            "  keyhole discharge --with browser --no-open \"$TOKEN\"\n"
            "      the link is shown, for a browser on another machine\n",
    },
    {
        ROW(login),
        .synopsis = "USER --credential NAME… [OPTION…]",
        .summary = "a token for oneself: its hole is the login",
        .details =
            "Asks the broker for a token under USER's grants and fills its hole, as discharge\n"
            "does. Before that the token is worth nothing, whoever asked for it.\n",
        .examples = "  keyhole login alice --credential openai --for 8h > token\n"
                    "  OPENAI_API_KEY=$(keyhole login alice --credential openai --with browser)\n"
                    "  keyhole login alice --credential github --broker https://keyhole.example\n",
    },
    {
        ROW(enroll),
        .synopsis = "[--code CODE] [--name NAME] [--ssh [KEYFILE]] [OPTION…]",
        .summary = "register a security key or an SSH key",
        .details = "An operator's invitation (keyholed invite USER) has a code that is good once. "
                   "With it\n"
                   "a security key that is plugged in, or an SSH key, becomes yours: from then on "
                   "it fills\n"
                   "holes that ask for you.\n",
        .examples = "  keyhole enroll --code K7QF-2M9X-0TRB --name 'blue key'\n"
                    "      the security key that is plugged in, or touched if there are several\n"
                    "  keyhole enroll --ssh ~/.ssh/id_ed25519 --code - < code\n"
                    "      an SSH key, the code from standard input\n"
                    "  keyhole enroll --browser --discharger https://discharge.example\n"
                    "      where the page is that does it\n",
    },
    {
        ROW(trust),
        .synopsis = "[--name NAME] URL[#KEY] | --list | --remove NAME",
        .summary = "say which dischargers to follow",
        .details = "Whoever adds a hole to a token says where it is to be filled. keyhole goes "
                   "there only\n"
                   "if it was told to: here, by --discharger or KEYHOLE_DISCHARGER, or by the "
                   "broker that\n"
                   "it uses. The list is $XDG_CONFIG_HOME/keyhole/dischargers.\n",
        .examples = "  keyhole trust https://discharge.example\n"
                    "      its key is shown: compare it with what its operator told you\n"
                    "  keyhole trust --name home http://localhost:8438#kd1_…\n"
                    "  keyhole trust --list\n"
                    "  keyhole trust --remove home\n",
    },
    {
        ROW(run),
        .program = true,
        .synopsis = "[OPTION…] [--] CMD [ARG…]",
        .summary = "run a program that holds tokens and no keys",
        .details =
            "Starts CMD with tokens where its clients look for keys (OPENAI_API_KEY, "
            "GITHUB_TOKEN,\n"
            "…), and with the broker as its proxy: credentials' hosts are reached with a token, "
            "what\n"
            "the operator lists as pass-through without a key, and nothing else. The tokens are\n"
            "narrowed for this run, and end with it. Programs that ignore proxy variables are not\n"
            "stopped, unless they run in a closed room (--isolate). Exit status: CMD's, 128+N\n"
            "after signal N, 127 and 126 when it cannot be run; 1, 2 and 3 as ever when keyhole\n"
            "itself fails.\n",
        .examples =
            "  export KEYHOLE_TOKEN; keyhole run -- claude\n"
            "      with the token in KEYHOLE_TOKEN, for what it covers\n"
            "  keyhole run --credential github --method GET --for 1h -- gh issue list\n"
            "      one of its credentials, to read, for an hour\n"
            "  keyhole run --token @token --allow-host files.pythonhosted.org -- python3 agent.py\n"
            "      no other host than that one and the credentials'\n"
            "  keyhole run --credential openai -- sh -c 'env | grep OPENAI'\n"
            "      without a token: the broker that you run on this machine mints one\n"
            "  keyhole run --isolate --rw . --credential openai -- ./agent\n"
            "      in a room whose only way out is the broker, and that writes here alone\n",
    },
    {
        ROW(env),
        .synopsis = "[--format FORMAT] [OPTION…]",
        .summary = "print the variables that run would set",
        .details =
            "For shells, containers and services: the same tokens, proxies and certificates, with\n"
            "the broker's own URL. Nothing ends these tokens but their time and keyhole revoke.\n"
            "FORMAT is shell, fish, dotenv, docker (--env-file), systemd (EnvironmentFile=), json "
            "or\n"
            "github (for $GITHUB_ENV).\n",
        .examples =
            "  eval \"$(keyhole env --for 8h)\"\n"
            "      in a shell, or in direnv's .envrc\n"
            "  keyhole env --credential openai --format docker > agent.env\n"
            "      for docker run --network host --env-file agent.env\n"
            "  keyhole env --format systemd --ca-bundle /etc/agent/ca.pem > /etc/agent/env\n"
            "      for EnvironmentFile=/etc/agent/env\n",
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
    {
        ROW(completion),
        .synopsis = "bash|zsh|fish",
        .summary = "print completions for a shell",
        .details =
            "From the tables that the help is made from. An installation has them already.\n",
        .examples =
            "  keyhole completion bash > ~/.local/share/bash-completion/completions/keyhole\n"
            "  keyhole completion zsh > ~/.zfunc/_keyhole\n"
            "      in a directory of $fpath, before compinit\n"
            "  keyhole completion fish > ~/.config/fish/completions/keyhole.fish\n",
    },
    {.name = NULL},
};
