/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed discharger run, show: the discharger alone, and where it is for others. */
#include "admin.h"
#include "directory.h"
#include "terminal.h"

#include "../supervisor/supervisor.h"

#include <stdio.h>

/* ---- run ---- */

static enum operator_exit
discharger_run(const struct invocation *invocation)
{
    struct fault fault = {0};
    const char *directory = invocation->directory;
    const struct supervisor_options options = {
        .directory = directory,
        .config_path = invocation_value(invocation, "config"),
        .discharger_alone = true,
        .discharger = invocation_value(invocation, "listen"),
        .discharger_url = invocation_value(invocation, "url"),
    };
    if (options.discharger != NULL &&
        supervisor_check_discharger(options.discharger, &fault) != KH_OK)
        return usage_fault(invocation, "--listen: %s", fault.detail);
    if (directory_make(directory, &fault) != KH_OK)
        return command_failed("%s", fault.detail);
    return supervisor_run(&options) == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* ---- show ---- */

static enum operator_exit
discharger_show(const struct invocation *invocation)
{
    struct admin_request request;
    json_t *result = NULL;
    admin_request_init(&request);
    enum operator_exit status =
        admin_ask_discharger(invocation->directory, "status", &request, &result);
    if (status != EXIT_DONE)
        return status;
    char address[512];
    (void)snprintf(address, sizeof(address), "%.250s#%.250s", admin_text(result, "url"),
                   admin_text(result, "public_key"));
    if (invocation->json) {
        json_object_set_new(result, "address", json_string(address));
        admin_print_json(result);
    } else {
        terminal_print_safe(stdout, address);
        putchar('\n');
    }
    json_decref(result);
    return EXIT_DONE;
}

/* ---- the table ---- */

static const struct operator_option run_options[] = {
    {"config", 0, "FILE", false, "the configuration (default: DIR/keyholed.yaml if it is there)"},
    {"listen", 0, "ADDRESS:PORT", false,
     "a loopback address, in place of the configuration's; port 0: any"},
    {"url", 0, "URL", false, "the discharger as browsers see it (default: http://localhost:PORT)"},
    {0},
};

const struct operator_command discharger_commands[] = {
    {
        .name = "discharger run",
        .operands = "",
        .summary = "Run the discharger alone, in the foreground: for another host",
        .text =
            "keyholed run has one beside the broker; this one is for a host, or a team, of its\n"
            "own. It knows no root key and no upstream secret: a broker needs its address alone,\n"
            "as discharger show prints it, under dischargers: in its configuration.\n"
            "DIR is made, mode 0700, when it is not there. When it serves, it prints one line on\n"
            "standard output:\n"
            "  ready discharger=http://localhost:8438 admin=/…/discharger.sock\n"
            "On a network it speaks TLS, or stands behind something that does:\n"
            "discharger.listen and discharger.url in the configuration.",
        .examples =
            "  keyholed discharger run --dir /srv/discharger\n"
            "  keyholed discharger run --listen 127.0.0.1:8438 --url https://discharge.example.com",
        .option = run_options,
        .run = discharger_run,
    },
    {
        .name = "discharger show",
        .operands = "",
        .summary = "Show the discharger's address: its URL and its public key",
        .text = "One word to copy: what brokers are given as the address in dischargers:, and\n"
                "what keyhole attenuate --discharger takes. Tickets are sealed to the key in it.",
        .examples = "  keyholed discharger show\n"
                    "  keyholed discharger show --json | jq .public_key",
        .json = true,
        .run = discharger_show,
    },
    {0},
};
