/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts that requests to token endpoints are made of.
 */
#include "exchange_rules.h"

#include "../../caveats/path.h"

#include <string.h>

enum kh_err
exchange_request_init(struct exchange_request *request, const struct credential *credential)
{
    memset(request, 0, sizeof *request);
    request->carry.credential = credential->row.name;
    request->carry.method = BYTES("POST");
    buffer_init_secret(&request->text, EXCHANGE_TEXT_MAX);
    return buffer_reserve(&request->text, EXCHANGE_TEXT_MAX - 1) ? KH_OK : KH_ERR_MEMORY;
}

void
exchange_request_free(struct exchange_request *request)
{
    buffer_free(&request->text);
}

struct bytes
exchange_since(const struct exchange_request *request, size_t start)
{
    return bytes_from(buffer_bytes(&request->text), start);
}

enum kh_err
exchange_set_url(struct exchange_request *request, struct bytes url, struct fault *fault)
{
    bool plain = bytes_starts(url, BYTES("http://"));
    struct bytes rest = bytes_from(url, plain ? 7 : 8);
    size_t end = 0;
    BUFFER_AUTO host;

    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
        end++;
    buffer_init(&host, 512);
    if ((!plain && !bytes_starts(url, BYTES("https://"))) || bytes_index(url, ' ') < url.n ||
        bytes_index(url, '#') < url.n ||
        authority_split(bytes_slice(rest, 0, end), &host, &request->carry.port))
        return fault_set(fault, KH_ERR_SYNTAX, "the token endpoint's URL is not https://HOST/PATH");
    if (request->carry.port == 0)
        request->carry.port = plain ? 80 : 443;
    request->carry.plain = plain;
    size_t start = request->text.n;
    buffer_put(&request->text, buffer_bytes(&host));
    request->carry.host = exchange_since(request, start);
    start = request->text.n;
    if (end == rest.n || rest.p[end] == '?')
        buffer_put_byte(&request->text, '/');
    buffer_put(&request->text, bytes_from(rest, end));
    request->carry.target = exchange_since(request, start);
    return request->text.failed ? fault_set(fault, KH_ERR_TOO_LONG, "the URL is too long") : KH_OK;
}

void
exchange_add_field(struct exchange_request *request, const char *name, struct bytes value)
{
    struct message_carry *carry = &request->carry;

    if (carry->field_count == CARRY_FIELDS_MAX)
        request->text.failed = true;
    else
        carry->field[carry->field_count++] = (struct fact_pair){bytes_str(name), value};
}

void
exchange_put_form(struct exchange_request *request, const char *name, struct bytes value)
{
    if (value.n == 0)
        return;
    buffer_put_byte(&request->text, '&');
    buffer_put_str(&request->text, name);
    buffer_put_byte(&request->text, '=');
    form_encode(value, &request->text);
}
