/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens in the formats of other macaroon libraries.
 */
#include "convert.h"

#include "../caveats/foreign.h"

static const struct {
    const char *name;
    enum convert_format format;
} convert_names[] = {
    {"keyhole", CONVERT_KEYHOLE},
    {"v1", CONVERT_V1},
    {"v2", CONVERT_V2},
    {"json", CONVERT_JSON},
};

enum convert_format
convert_format_read(struct bytes name)
{
    for (size_t i = 0; i < sizeof convert_names / sizeof convert_names[0]; i++)
        if (bytes_is(name, convert_names[i].name))
            return convert_names[i].format;
    return CONVERT_UNSET;
}

enum kh_err
convert_token(const struct token *token, enum convert_format format, struct buffer *out,
              struct fault *fault)
{
    switch (format) {
    case CONVERT_KEYHOLE:
        token_print(token, token->prefix, out);
        return out->failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up") : KH_OK;
    case CONVERT_V1:
        return foreign_export(token, FOREIGN_V1, out, fault);
    case CONVERT_V2:
        return foreign_export(token, FOREIGN_V2, out, fault);
    case CONVERT_JSON:
        return foreign_export(token, FOREIGN_V2_JSON, out, fault);
    case CONVERT_UNSET:
        break;
    }
    return fault_set(fault, KH_ERR_USAGE, "a format is one of keyhole, v1, v2, json");
}
