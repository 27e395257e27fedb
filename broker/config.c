/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration's defaults, the file that shows them, and what a reload cannot change. */
#include "config_internal.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_ADDRESS    "127.0.0.1:8437"
#define DEFAULT_DISCHARGER "127.0.0.1:8438"

void
config_init(struct config *config)
{
    *config = (struct config){0};
    for (size_t i = 0; i < CONFIG_SETTINGS; i++)
        config_set(config, &config_setting[i], config_setting[i].standard);
    config->listener = calloc(1, sizeof(*config->listener));
    if (config->listener == NULL)
        return;
    config->listener->address = strdup(DEFAULT_ADDRESS);
    if (config->listener->address == NULL)
        config_listeners_free(config);
    else
        config->listener_count = 1;
}

void
config_free(struct config *config)
{
    config_listeners_free(config);
    config_names_free(config);
    config_gateways_free(config);
    config_metrics_free(config);
    config_dns_free(config);
    config_dischargers_free(config);
    config_pass_through_free(config);
    *config = (struct config){0};
}

static const char head[] =
    "## keyholed.yaml: the settings of keyholed, each with its default (docs/CONFIGURATION.md).\n"
    "## Take the first \"#\" from a line, and from the line of its group, to change a setting.\n"
    "\n"
    "## Where clients come in: ADDRESS:PORT, numeric. A plain listener is for loopback alone "
    "unless\n"
    "## it says `insecure: true`; with `tls: true` it presents `certificate` and `key` (PEM "
    "files), or\n"
    "## without them a certificate of the local CA.\n"
    "#listen:\n"
    "#  - address: " DEFAULT_ADDRESS "\n"
    "\n"
    "## The broker's own host names, beside localhost and its addresses. The first one is what "
    "people\n"
    "## see as the broker's name when they fill a hole.\n"
    "#names: []\n"
    "\n"
    "## Where gateways (nginx, Envoy) ask whether a request may go on: a unix socket with the "
    "users "
    "or\n"
    "## the group that may connect, or an address, for which `keyholed gateway key` makes a key. "
    "See\n"
    "## docs/GATEWAYS.md.\n"
    "#gateway:\n"
    "#  - socket: /run/keyholed/gateway.sock\n"
    "#    users: [www-data]\n"
    "\n"
    "## Where the broker is watched: /metrics (Prometheus), /healthz, /readyz, and nothing else. "
    "No "
    "token\n"
    "## is asked for. Plain on loopback alone, unless it says `insecure: true`; or a unix socket, "
    "of\n"
    "## mode 0600, or 0660 with a `group`. Without it there is none. See "
    "docs/guides/monitoring.md.\n"
    "#metrics:\n"
    "#  - address: 127.0.0.1:9437\n"
    "\n"
    "## Where DNS is answered, for sandboxes whose connections are redirected to the broker: names "
    "that\n"
    "## requests may go to get the address `answer`, others are refused, nothing is forwarded.\n"
    "#dns:\n"
    "#  - address: 192.0.2.10:53\n"
    "#    answer: 192.0.2.10\n"
    "\n"
    "## Hosts that no credential is for, and that may be reached all the same: as they are, with "
    "TLS\n"
    "## between client and host that nobody looks into.\n"
    "#pass-through:\n"
    "#  - host: files.pythonhosted.org\n"
    "#    ports: [443]\n"
    "\n"
    "## The discharger that runs beside the broker: it fills holes for whoever touches a security "
    "key.\n"
    "#discharger:\n"
    "#  enabled: true\n"
    "#  # Where browsers and programs reach it. Plain on loopback alone; on a network with `tls: "
    "true`,\n"
    "#  # `certificate` and `key`, and then `url` has to be given.\n"
    "#  listen:\n"
    "#    - address: " DEFAULT_DISCHARGER "\n"
    "#  # Its URL as browsers see it; without it http://localhost and the port.\n"
    "#  # url: https://discharge.example.com\n"
    "#  # required: only security keys with an attestation can be enrolled; or optional.\n"
    "#  attestation: required\n"
    "#  # The models that can be enrolled, by AAGUID; none given: all.\n"
    "#  aaguids: []\n"
    "#  # The oldest firmware that can be enrolled; not given: any.\n"
    "#  # firmware: \"5.7.4\"\n"
    "\n"
    "## Dischargers of others, for holes that are minted here: name, and address with its key, as\n"
    "## `keyholed discharger show` prints it there.\n"
    "#dischargers: []\n"
    "\n"
    "## Which of them fills a hole when none is named: `local` is the one beside the broker.\n"
    "#default-discharger: local\n";

void
config_print_default(struct buffer *out)
{
    const char *group = "";
    buffer_put_str(out, head);
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        const struct config_setting *setting = &config_setting[i];
        bool nested = setting->group[0] != '\0';
        if (strcmp(group, setting->group) != 0)
            buffer_printf(out, "\n#%s:\n", setting->group);
        group = setting->group;
        if (nested)
            buffer_printf(out, "#  # %s\n#  %s: ", setting->description, setting->key);
        else
            buffer_printf(out, "\n## %s\n#%s: ", setting->description, setting->key);
        config_value_print(setting->type, setting->standard, out);
        buffer_put_byte(out, '\n');
    }
}

void
config_restart_needed(const struct config *old, const struct config *new, struct buffer *out)
{
    bool first = true;
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        const struct config_setting *setting = &config_setting[i];
        if (setting->reload == SETTING_RELOAD ||
            config_get(old, setting) == config_get(new, setting))
            continue;
        buffer_put_str(out, first ? "" : ", ");
        config_setting_name(setting, out);
        first = false;
    }
    if (!config_gateways_equal(old, new)) {
        buffer_put_str(out, first ? "gateway" : ", gateway");
        first = false;
    }
    if (!config_metrics_equal(old, new)) {
        buffer_put_str(out, first ? "metrics" : ", metrics");
        first = false;
    }
    if (!config_dns_equal(old, new))
        buffer_put_str(out, first ? "dns" : ", dns");
    config_discharger_restart_needed(old, new, out);
}
