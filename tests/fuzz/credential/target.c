/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/authority/credential.c broker/authority/credential_slot.c
 * broker/authority/credential_option.c broker/authority/credential_network.c
 * broker/authority/credential_answer.c broker/authority/preset.c broker/route_text.c
 * broker/messages_route.c
 *
 * A credential that is built has one canonical row: built from that row, it is the same row and the
 * same route, and the route can be sent to a proxy.
 *
 * Input, a line each: name, preset, injection, "flags"; then "h…" hosts, "p…" ports, "s…" slots,
 * "r…" overrides, "n…" networks, "e…" path exceptions, "o…" options.
 */

#include "../../../broker/authority/credential.h"
#include "../fuzz.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static const char *const words[] = {
    "openai",
    "github",
    "aws",
    "google",
    "telegram",
    "slack",
    "header:X-Api-Key: {secret}",
    "header:Authorization: Bearer {secret}",
    "basic",
    "query:key",
    "cookie:session",
    "path:bot{secret}",
    "field:token",
    "field:/auth/key",
    "hmac:X-Signature: sha256={hex}",
    "sigv4",
    "oauth2",
    "jwt",
    "mtls",
    "several:openai,github",
    "subprotocol:key.{secret}",
#define KH_OPTION(name, kinds, type, values, doc) "o" name "=",
#include "../../../schema/credential_options.def"
    "hapi.example.com",
    "h*.example.com",
    "p8443",
    "sbearer",
    "sbasic",
    "sheader:x-api-key",
    "squery:key",
    "scookie:session",
    "spath",
    "saws",
    "ssubprotocol",
    "sfield:token",
    "rapi.example.com:443:127.0.0.1:8443",
    "n127.0.0.0/8",
    "n2001:db8::/32",
    "eescaped-slash",
    "otoken-url=https://id.example.com/token",
    "ogrant=client",
    "otoken-answers=seal:x",
    "oregion=eu-west-1",
    "okey-encoding=hex",
    "osign={method}{path}{body}",
    NULL,
};

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    return fuzz_mutate_lines(data, size, max, seed, words);
}

static void
row_read(struct bytes rest, struct store_credential *row)
{
    static const char marks[] = "hpsreno"; /* in no order of the enum */
    static const enum store_list lists[] = {
        STORE_LIST_HOSTS,           STORE_LIST_PORTS,    STORE_LIST_SLOTS,  STORE_LIST_RESOLVE,
        STORE_LIST_PATH_EXCEPTIONS, STORE_LIST_NETWORKS, STORE_LIST_OPTIONS};
    *row = (struct store_credential){.enabled = true, .scrub = true};
    row->name = fuzz_line(&rest);
    row->preset = fuzz_line(&rest);
    row->inject = fuzz_line(&rest);
    struct bytes flags = fuzz_line(&rest);
    row->plain = bytes_index(flags, 'p') < flags.n;
    row->foreign_pass = bytes_index(flags, 'f') < flags.n;
    while (rest.n) {
        struct bytes line = fuzz_line(&rest);
        const char *mark = line.n && line.p[0] ? strchr(marks, line.p[0]) : NULL;
        if (mark == NULL)
            continue;
        enum store_list list = lists[mark - marks];
        if (row->item_count[list] < STORE_LIST_MAX)
            row->item[list][row->item_count[list]++] = bytes_from(line, 1);
    }
}

static void
same_row(const struct store_credential *a, const struct store_credential *b)
{
    FUZZ_SAME(a->name, b->name);
    FUZZ_SAME(a->preset, b->preset);
    FUZZ_SAME(a->inject, b->inject);
    FUZZ_CHECK(a->plain == b->plain && a->foreign_pass == b->foreign_pass);
    for (size_t list = 0; list < STORE_LIST_COUNT; list++) {
        FUZZ_CHECK(a->item_count[list] == b->item_count[list]);
        for (size_t i = 0; i < a->item_count[list]; i++)
            FUZZ_SAME(a->item[list][i], b->item[list][i]);
    }
}

static void
send_route(const struct credential *credential, struct buffer *out)
{
    static struct route route;
    buffer_init(out, 1 << 17);
    message_route_tx(&credential->route, out);
    FUZZ_CHECK(!out->failed);
    FUZZ_CHECK(message_route_rx(buffer_bytes(out), &route) == KH_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct store_credential row;
    struct credential *credential = NULL, *again = NULL;
    struct fault fault = {0};
    BUFFER_AUTO route = {0};
    BUFFER_AUTO route_again = {0};

    row_read(bytes_of(data, size), &row);
    if (credential_build(&row, true, &credential, &fault) != KH_OK) {
        FUZZ_CHECK(credential == NULL && fault.detail[0] != '\0');
        return 0;
    }
    if (credential_build(&credential->row, false, &again, &fault) != KH_OK) {
        fprintf(stderr, "%s\n", fault.detail);
        FUZZ_CHECK(!"a row that was made is taken");
    }
    same_row(&credential->row, &again->row);
    send_route(credential, &route);
    send_route(again, &route_again);
    FUZZ_SAME(buffer_bytes(&route), buffer_bytes(&route_again));
    FUZZ_CHECK(!credential_allows_host(credential, BYTES("http"), BYTES("other.invalid"), 80) ||
               credential->row.plain);
    (void)!credential_check_secret(credential, BYTES("a secret"), &fault);
    credential_free(&credential);
    credential_free(&again);
    return 0;
}
