/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a token from text at hand, of Keyhole's own form or of another library's.
 */
#include "input.h"

#include "../caveats/foreign.h"

#include <string.h>

static struct bytes
input_trim(struct bytes text)
{
    while (text.n > 0 && strchr(" \t\r\n", text.p[0]) != NULL && text.p[0] != '\0')
        text = bytes_from(text, 1);
    while (text.n > 0 && strchr(" \t\r\n", text.p[text.n - 1]) != NULL &&
           text.p[text.n - 1] != '\0')
        text.n--;
    return text;
}

static enum kh_err
input_import(struct bytes text, struct token **out, struct fault *fault)
{
    struct buffer own;
    buffer_init_secret(&own, TOKEN_TEXT_MAX);
    enum kh_err err = foreign_import(text, &own, fault);
    if (err == KH_OK)
        err = token_scan(buffer_bytes(&own), out, fault);
    buffer_free(&own);
    return err;
}

enum kh_err
input_scan(struct bytes text, struct token **out, struct fault *fault)
{
    struct fault foreign = {.err = KH_OK};
    text = input_trim(text);
    if (text.n == 0)
        return fault_set(fault, KH_ERR_MALFORMED, "there is no token: the text is empty");
    // JSON may have the mark in a caveat, and base64 of other libraries by accident.
    bool json = text.p[0] == '{' || text.p[0] == '[';
    bool shaped = !json && token_is_shaped(text);
    enum kh_err own_err = shaped ? token_scan(text, out, fault) : KH_ERR_MALFORMED;
    if (own_err == KH_OK)
        return KH_OK;
    enum kh_err err = input_import(text, out, &foreign);
    if (err == KH_OK)
        return KH_OK;
    if (shaped)
        return own_err;
    return fault_set(fault, err, "%s%s",
                     json ? "as a macaroon in JSON: "
                          : "there is no " TOKEN_MARK " in it, so it is no Keyhole token; and as a "
                            "macaroon of another library: ",
                     foreign.detail);
}
