/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed key rotate, list, retire; ca show. */
#include "admin.h"
#include "terminal.h"
#include "values.h"

#include <stdio.h>
#include <unistd.h>

static enum operator_exit
ask_plain(const struct invocation *invocation, const char *command, json_t **result)
{
    struct admin_request request;
    admin_request_init(&request);
    return admin_ask(invocation->directory, command, &request, result);
}

static void
show_id(const struct invocation *invocation, json_t *result)
{
    (void)invocation;
    printf("%lld\n", (long long)admin_number(result, "id"));
}

static enum operator_exit
key_rotate(const struct invocation *invocation)
{
    json_t *result = NULL;
    enum operator_exit status = ask_plain(invocation, "key.rotate", &result);
    return admin_show(invocation, status, result, show_id);
}

static void
show_keys(const struct invocation *invocation, json_t *result)
{
    size_t i;
    const json_t *key;
    (void)invocation;
    json_array_foreach(json_object_get(result, "keys"), i, key)
    {
        bool active = json_is_true(json_object_get(key, "active"));
        const char *retired = admin_text(key, "retired_at");
        printf("%-6lld%-24s%s%s%s\n", (long long)admin_number(key, "id"),
               admin_text(key, "created_at"), active ? "active" : "",
               retired[0] != '\0' ? "retired " : "", retired);
    }
}

static enum operator_exit
key_list(const struct invocation *invocation)
{
    json_t *result = NULL;
    enum operator_exit status = ask_plain(invocation, "key.list", &result);
    return admin_show(invocation, status, result, show_keys);
}

static void
tell_retired(const struct invocation *invocation, json_t *result)
{
    (void)invocation;
    fprintf(stderr, "key %lld is retired: the tokens that it signed are refused\n",
            (long long)admin_number(result, "id"));
}

static enum operator_exit
key_retire(const struct invocation *invocation)
{
    uint64_t id;
    struct fault fault = {0};
    struct admin_request request;
    json_t *result = NULL;
    if (value_number(invocation->operand[0], 0, UINT32_MAX, &id, &fault) != KH_OK)
        return usage_fault(invocation, "%s", fault.detail);
    admin_request_init(&request);
    admin_put(&request, "id", json_integer((json_int_t)id));
    enum operator_exit status = admin_ask(invocation->directory, "key.retire", &request, &result);
    return admin_show(invocation, status, result, tell_retired);
}

static void
show_certificate(const struct invocation *invocation, json_t *result)
{
    (void)invocation;
    fputs(admin_text(result, "pem"), stdout);
    fprintf(stderr, "SHA-256 %s, until %s\n", admin_text(result, "sha256"),
            admin_text(result, "expires_at"));
}

static enum operator_exit
ca_show(const struct invocation *invocation)
{
    json_t *result = NULL;
    enum operator_exit status = ask_plain(invocation, "ca.show", &result);
    return admin_show(invocation, status, result, show_certificate);
}

const struct operator_command key_commands[] = {
    {
        .name = "key rotate",
        .operands = "",
        .summary = "Sign new tokens with a new root key; old tokens stay valid",
        .text = "The new key's id stands on standard output.",
        .examples = "  keyholed key rotate\n"
                    "  keyholed key retire 1     once the tokens of the old key may end",
        .json = true,
        .run = key_rotate,
    },
    {
        .name = "key list",
        .operands = "",
        .summary = "List the root keys",
        .examples = "  keyholed key list",
        .json = true,
        .run = key_list,
    },
    {
        .name = "key retire",
        .operands = "ID",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "End a root key, and with it every token that it signed",
        .examples = "  keyholed key rotate && keyholed key retire 1",
        .json = true,
        .run = key_retire,
    },
    {
        .name = "ca show",
        .operands = "",
        .summary = "Print the local CA's certificate as PEM, for clients that use CONNECT",
        .examples = "  keyholed ca show > keyhole-ca.pem\n"
                    "  HTTPS_PROXY=http://127.0.0.1:8437 curl --cacert keyhole-ca.pem …",
        .json = true,
        .run = ca_show,
    },
    {0},
};
