/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed gateway key, nginx, envoy. */
#include "gateway_plan.h"

#include "admin.h"
#include "operator.h"
#include "values.h"

#include "../gateway_key.h"
#include "../supervisor/gateway.h"
#include "../supervisor/supervisor.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"

enum { CONFIGURATION_MAX = 1 << 20 };

/* ---- key ---- */

static enum operator_exit
gateway_key(const struct invocation *invocation)
{
    struct gateway_keys keys = {0};
    struct fault fault = {0};
    enum kh_err err = gateway_keys_read(invocation->directory, &keys, &fault);
    if (err == KH_ERR_NOT_FOUND || (err == KH_OK && invocation_flag(invocation, "rotate"))) {
        err = gateway_keys_add(&keys, &fault);
        if (err == KH_OK)
            err = gateway_keys_write(invocation->directory, &keys, &fault);
        if (err == KH_OK)
            fputs("a new key: it counts from the next start of keyholed run\n", stderr);
    }
    if (err == KH_OK)
        printf("%s\n", keys.text[0]);
    wipe(&keys, sizeof keys);
    return err == KH_OK ? EXIT_DONE : command_failed("%s", fault.detail);
}

/* ---- credentials ---- */

static enum operator_exit
ask_credential(const struct invocation *invocation, const char *name, json_t **result)
{
    struct admin_request request;
    admin_request_init(&request);
    admin_put_text(&request, "name", name);
    return admin_ask(invocation->directory, "credential.show", &request, result);
}

// "--host openai=eu.api.openai.com", or without a name when there is one credential.
static const char *
host_of(const struct invocation *invocation, const char *name)
{
    const struct invocation_values *hosts = invocation_values(invocation, "host");
    size_t n = strlen(name);
    for (size_t i = 0; i < hosts->count; i++) {
        const char *equals = strchr(hosts->value[i], '=');
        if (equals == NULL && invocation_values(invocation, "credential")->count == 1)
            return hosts->value[i];
        if (equals != NULL && (size_t)(equals - hosts->value[i]) == n &&
            strncmp(hosts->value[i], name, n) == 0)
            return equals + 1;
    }
    return NULL;
}

static enum operator_exit
add_members(const struct invocation *invocation, const char *members,
            struct gateway_upstream *upstream, struct fault *fault)
{
    struct bytes rest = bytes_str(members), item;
    while (bytes_cut(&rest, ',', &item)) {
        char name[GATEWAY_TEXT_MAX];
        json_t *member = NULL;
        const char *more = NULL;
        snprintf(name, sizeof name, "%.*s", BYTES_ARG(bytes_trim(item)));
        enum operator_exit status = ask_credential(invocation, name, &member);
        if (status != EXIT_DONE)
            return status;
        enum kh_err err =
            gateway_read_inject(admin_text(member, "inject"), &upstream->set, &more, fault);
        json_decref(member);
        if (err != KH_OK)
            return command_failed("%s, one of %s: %s", name, upstream->credential, fault->detail);
    }
    return EXIT_DONE;
}

static enum operator_exit
add_credential(const struct invocation *invocation, const char *name, struct gateway_plan *plan)
{
    struct fault fault = {0};
    json_t *credential = NULL;
    const char *members = NULL;
    struct gateway_upstream *upstream = &plan->upstream[plan->count];
    if (plan->count == GATEWAY_UPSTREAMS_MAX)
        return usage_fault(invocation, "at most %d credentials", GATEWAY_UPSTREAMS_MAX);
    enum operator_exit status = ask_credential(invocation, name, &credential);
    if (status != EXIT_DONE)
        return status;
    enum kh_err err =
        gateway_read_credential(credential, host_of(invocation, name), upstream, &members, &fault);
    if (err != KH_OK)
        status = command_failed("%s: %s", name, fault.detail);
    else if (members != NULL)
        status = add_members(invocation, members, upstream, &fault);
    json_decref(credential);
    for (size_t i = 0; status == EXIT_DONE && i < plan->count; i++) {
        if (strcmp(plan->upstream[i].credential, name) == 0)
            return usage_fault(invocation, "%s is given a second time", name);
        if (plan->by_host && strcmp(plan->upstream[i].host, upstream->host) == 0)
            return usage_fault(invocation,
                               "%s and %s are both for %s: without --by-host each has a path",
                               plan->upstream[i].credential, name, upstream->host);
    }
    plan->count += status == EXIT_DONE;
    return status;
}

// What names no credential would be left out without a word, and the first host be taken.
static enum operator_exit
check_hosts(const struct invocation *invocation)
{
    const struct invocation_values *hosts = invocation_values(invocation, "host");
    const struct invocation_values *names = invocation_values(invocation, "credential");
    for (size_t i = 0; i < hosts->count; i++) {
        const char *host = hosts->value[i], *equals = strchr(host, '=');
        bool known = equals == NULL && names->count == 1;
        for (size_t j = 0; equals != NULL && j < names->count; j++)
            known |= strlen(names->value[j]) == (size_t)(equals - host) &&
                     strncmp(names->value[j], host, (size_t)(equals - host)) == 0;
        if (!known)
            return usage_fault(invocation,
                               "--host %s is for none of the credentials that are "
                               "given: with more than one it is NAME=HOST",
                               host);
    }
    return EXIT_DONE;
}

/* ---- where the gateway asks ---- */

static const struct config_gateway *
choose_gateway(const struct config *config, const char *wanted)
{
    for (size_t i = 0; i < config->gateway_count; i++) {
        const struct config_gateway *gateway = &config->gateway[i];
        const char *name = gateway->socket != NULL ? gateway->socket : gateway->listener.address;
        if (wanted == NULL || strcmp(wanted, name) == 0)
            return gateway;
    }
    return NULL;
}

static enum operator_exit
plan_listener(const struct invocation *invocation, const struct config *config,
              const struct config_gateway *gateway, struct gateway_plan *plan, char *ca, size_t cap)
{
    const struct config_listener *listener = &gateway->listener;
    if (gateway->socket != NULL) {
        plan->socket = gateway->socket;
        return EXIT_DONE;
    }
    plan->address = invocation_value(invocation, "gateway-address");
    if (plan->address == NULL)
        plan->address = listener->address;
    if (bytes_ends(bytes_str(plan->address), BYTES(":0")))
        return usage_fault(invocation, "the gateway's listener has any port: say which one with "
                                       "--gateway-address ADDRESS:PORT");
    plan->tls = listener->tls;
    if (!plan->tls)
        return EXIT_DONE;
    plan->check_name = invocation_value(invocation, "gateway-name");
    if (plan->check_name == NULL && config->name_count > 0)
        plan->check_name = config->name[0];
    if (plan->check_name == NULL)
        return usage_fault(invocation,
                           "say the name in the listener's certificate: --gateway-name, "
                           "or `names:` in the configuration");
    snprintf(ca, cap, "%s/ca.pem", invocation->directory);
    plan->check_trusted = listener->certificate != NULL ? SYSTEM_ROOTS : ca;
    if (invocation_value(invocation, "gateway-ca") != NULL)
        plan->check_trusted = invocation_value(invocation, "gateway-ca");
    return EXIT_DONE;
}

/* ---- the configuration ---- */

static enum operator_exit
check_texts(const struct invocation *invocation, const struct gateway_plan *plan)
{
    const char *const texts[] = {plan->listen,  plan->certificate, plan->key,
                                 plan->trusted, plan->resolver,    plan->socket,
                                 plan->address, plan->check_name,  plan->check_trusted};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i] != NULL && !gateway_is_plain(texts[i]))
            return usage_fault(invocation,
                               "\"%.100s\" has a character that does not fit into a configuration",
                               texts[i]);
    }
    return EXIT_DONE;
}

static enum operator_exit
check_listen(const struct invocation *invocation, struct gateway_plan *plan)
{
    struct sockaddr_storage address;
    socklen_t size;
    struct fault fault = {0};
    if ((plan->certificate == NULL) != (plan->key == NULL))
        return usage_fault(invocation, "--certificate and --key go together");
    if (listener_parse_address(plan->listen, &address, &size, &fault) != KH_OK ||
        (plan->address != NULL &&
         listener_parse_address(plan->address, &(struct sockaddr_storage){0}, &size, &fault) !=
             KH_OK))
        return usage_fault(invocation, "%s", fault.detail);
    if (plan->certificate == NULL && !listener_is_loopback(&address))
        return usage_fault(invocation,
                           "tokens would cross the network in the clear: give --certificate and "
                           "--key, or listen on loopback");
    return EXIT_DONE;
}

static enum operator_exit
make_plan(const struct invocation *invocation, const struct config *config,
          struct gateway_plan *plan, struct gateway_keys *keys, char *ca, size_t cap)
{
    const struct invocation_values *names = invocation_values(invocation, "credential");
    const struct config_gateway *gateway =
        choose_gateway(config, invocation_value(invocation, "gateway"));
    struct fault fault = {0};
    if (names->count == 0)
        return usage_fault(invocation, "say for which credentials: --credential NAME");
    if (gateway == NULL)
        return command_failed("the configuration has no such gateway: listener; docs/GATEWAYS.md "
                              "shows how to add one");
    enum operator_exit status = check_hosts(invocation);
    if (status == EXIT_DONE)
        status = plan_listener(invocation, config, gateway, plan, ca, cap);
    if (status == EXIT_DONE && plan->socket == NULL) {
        if (gateway_keys_read(invocation->directory, keys, &fault) != KH_OK)
            return command_failed("%s", fault.detail);
        plan->gateway_key = keys->text[0];
    }
    if (status == EXIT_DONE)
        status = check_texts(invocation, plan);
    if (status == EXIT_DONE)
        status = check_listen(invocation, plan);
    for (size_t i = 0; status == EXIT_DONE && i < names->count; i++)
        status = add_credential(invocation, names->value[i], plan);
    return status;
}

static enum operator_exit
print_configuration(const struct invocation *invocation, struct gateway_plan *plan,
                    void (*print)(const struct gateway_plan *plan, struct buffer *out))
{
    struct gateway_keys keys = {0};
    struct config config;
    struct fault fault = {0};
    char used[PATH_MAX], ca[PATH_MAX];
    BUFFER_AUTO out;
    const char *trusted = invocation_value(invocation, "upstream-ca");
    const char *listen = invocation_value(invocation, "listen");
    plan->listen = listen != NULL ? listen : plan->listen;
    plan->by_host = invocation_flag(invocation, "by-host");
    plan->certificate = invocation_value(invocation, "certificate");
    plan->key = invocation_value(invocation, "key");
    plan->trusted = trusted != NULL ? trusted : SYSTEM_ROOTS;
    buffer_init_secret(&out, CONFIGURATION_MAX);
    config_init(&config);
    enum operator_exit status = EXIT_DONE;
    if (supervisor_read_config(invocation->directory, invocation_value(invocation, "config"),
                               &config, used, &fault) != KH_OK)
        status = command_failed("%s", fault.detail);
    if (status == EXIT_DONE)
        status = make_plan(invocation, &config, plan, &keys, ca, sizeof ca);
    if (status == EXIT_DONE) {
        print(plan, &out);
        if (out.failed)
            status = command_failed("the configuration is too long");
        else
            fwrite(out.p, 1, out.n, stdout);
    }
    wipe(&keys, sizeof keys);
    config_free(&config);
    // The plan is for this one print.
    // NOLINTNEXTLINE(clang-analyzer-core.StackAddressEscape)
    return status;
}

static enum operator_exit
gateway_nginx(const struct invocation *invocation)
{
    static struct gateway_plan plan = {.listen = "127.0.0.1:8480"};
    plan.resolver = invocation_value(invocation, "resolver");
    return print_configuration(invocation, &plan, gateway_print_nginx);
}

static enum operator_exit
gateway_envoy(const struct invocation *invocation)
{
    static struct gateway_plan plan = {.listen = "127.0.0.1:8480"};
    const char *body = invocation_value(invocation, "body");
    struct fault fault = {0};
    if (body != NULL && value_number(body, 1, 1 << 30, &plan.body_max, &fault) != KH_OK)
        return usage_fault(invocation, "--body: %s", fault.detail);
    return print_configuration(invocation, &plan, gateway_print_envoy);
}

/* ---- the table ---- */

static const struct operator_option key_options[] = {
    {"rotate", 0, NULL, false, "make a new one; the one before it is good until the next"},
    {0},
};

#define COMMON_OPTIONS                                                                             \
    {"credential", 0, "NAME", true, "whose keys the gateway is to get"},                           \
        {"listen", 0, "ADDRESS:PORT", false, "of the gateway (default: 127.0.0.1:8480)"},          \
        {"by-host", 0, NULL, false, "by Host, in place of /~NAME/ before the path"},               \
        {"host", 0, "[NAME=]HOST", true, "which of a credential's hosts (default: its first)"},    \
        {"certificate", 0, "FILE", false, "TLS of the gateway; needed off loopback"},              \
        {"key", 0, "FILE", false, "the key of that certificate"},                                  \
        {"upstream-ca", 0, "FILE", false, "roots for the upstreams (default: the system's)"},      \
        {"gateway", 0, "SOCKET-OR-ADDRESS", false,                                                 \
         "which `gateway:` listener it asks (default: the first)"},                                \
        {"gateway-address", 0, "ADDRESS:PORT", false, "where the gateway reaches that listener"},  \
        {"gateway-name", 0, "NAME", false, "the name in that listener's certificate"},             \
        {"gateway-ca", 0, "FILE", false, "who signed that certificate"},                           \
    {                                                                                              \
        "config", 0, "FILE", false, "the configuration (default: DIR/keyholed.yaml)"               \
    }

static const struct operator_option nginx_options[] = {
    COMMON_OPTIONS,
    {"resolver", 0, "ADDRESS", false,
     "a DNS server; without it nginx resolves hosts when it starts, and not again"},
    {0},
};

static const struct operator_option envoy_options[] = {
    COMMON_OPTIONS,
    {"body", 0, "BYTES", false, "send bodies up to this to Keyhole, for caveats that look at them"},
    {0},
};

const struct operator_command gateway_commands[] = {
    {
        .name = "gateway key",
        .operands = "",
        .summary = "Print the key with which gateways prove that they are, made when there is none",
        .text =
            "Listeners under `gateway:` that have an address ask for it; those on a unix socket\n"
            "ask who connects. It is kept in DIR/gateway.key, mode 0600.",
        .examples = "  keyholed gateway key\n"
                    "  keyholed gateway key --rotate",
        .option = key_options,
        .run = gateway_key,
    },
    {
        .name = "gateway nginx",
        .operands = "",
        .summary = "Print a configuration for nginx, which keeps the traffic and asks Keyhole",
        .text =
            "It goes inside of http { }. nginx needs ngx_http_auth_request_module, which Debian's\n"
            "packages have. See docs/GATEWAYS.md for what a gateway cannot do.",
        .examples =
            "  keyholed gateway nginx --credential openai > /etc/nginx/conf.d/keyhole.conf\n"
            "  keyholed gateway nginx --credential openai --credential stripe --by-host\n"
            "  curl http://127.0.0.1:8480/~openai/v1/models -H \"Authorization: Bearer "
            "$TOKEN\"",
        .option = nginx_options,
        .run = gateway_nginx,
    },
    {
        .name = "gateway envoy",
        .operands = "",
        .summary = "Print a configuration for Envoy, which keeps the traffic and asks Keyhole",
        .text =
            "A whole bootstrap file: listener, routes, ext_authz filters, clusters. With --body\n"
            "Envoy holds each body back and sends it along, so that caveats can look at it.",
        .examples = "  keyholed gateway envoy --credential openai > envoy.yaml\n"
                    "  keyholed gateway envoy --credential openai --body 1048576 > envoy.yaml\n"
                    "  envoy -c envoy.yaml",
        .option = envoy_options,
        .run = gateway_envoy,
    },
    {0},
};
