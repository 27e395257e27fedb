/* SPDX-License-Identifier: Apache-2.0
 *
 * "hmac:ALGORITHM:ENCODING:NAME: template with {signature}": a header with an HMAC of the request.
 * The key stays here; the proxy sends the body when it is signed.
 */
#include "inject_internal.h"

#include "../../caveats/base64.h"
#include "../../caveats/timestamp.h"
#include "hmac.h"

#include <stdio.h>
#include <string.h>

#define SIGNATURE_MARK "{signature}"
#define TIMESTAMP_MARK "{timestamp}"

enum { MOMENT_SIZE = 24 };

// ---- the text ----

struct form {
    enum hmac_algorithm algorithm;
    bool base64; // else hexadecimal
    struct bytes name, template;
};

// "sha256:hex:X-Signature: sha256={signature}"; without a template, the signature alone.
static bool
read_form(struct bytes text, struct form *out)
{
    struct bytes rest = text, algorithm, encoding;

    *out = (struct form){.template = BYTES(SIGNATURE_MARK)};
    if (!bytes_cut(&rest, ':', &algorithm) || !bytes_cut(&rest, ':', &encoding) ||
        !hmac_algorithm_find(algorithm, &out->algorithm) ||
        (!bytes_is(encoding, "hex") && !bytes_is(encoding, "base64")))
        return false;
    out->base64 = bytes_is(encoding, "base64");
    size_t colon = bytes_index(rest, ':');
    out->name = bytes_slice(rest, 0, colon);
    if (colon < rest.n)
        out->template = bytes_trim(bytes_from(rest, colon + 1));
    return true;
}

static enum kh_err
parse(struct credential *credential, struct bytes text, struct fault *fault)
{
    struct form form;
    BUFFER_AUTO lower, canonical;

    buffer_init(&lower, CREDENTIAL_FIELD_MAX + 1);
    buffer_init(&canonical, CREDENTIAL_FIELD_MAX + INJECT_TEMPLATE_MAX + 32);
    if (!read_form(text, &form))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "it is hmac:ALGORITHM:ENCODING:NAME: template, with sha256 or sha512, and "
                         "hex or base64");
    enum kh_err err = credential_field_name(form.name, &lower, fault);
    if (!err)
        err = inject_check_template(form.template, SIGNATURE_MARK, fault);
    if (err)
        return err;
    buffer_printf(&canonical, "hmac:%s:%s:", form.algorithm == HMAC_SHA256 ? "sha256" : "sha512",
                  form.base64 ? "base64" : "hex");
    buffer_put(&canonical, form.name);
    buffer_put_str(&canonical, ": ");
    buffer_put(&canonical, form.template);
    return inject_keep_built(credential, INJECT_HMAC, buffer_bytes(&lower), &canonical, fault);
}

// ---- the credential ----

static struct bytes
what_is_signed(const struct credential *credential)
{
    return credential_option_or(credential, "sign", "{body}");
}

// It was read when the credential was made.
static bool
form_of(const struct credential *credential, struct form *form, struct hmac_marks *marks)
{
    return read_form(bytes_from(credential->row.inject, strlen("hmac:")), form) &&
           hmac_template_read(what_is_signed(credential), marks, NULL) == KH_OK;
}

static bool
has_mark(struct bytes template, const char *mark)
{
    return bytes_find(template, bytes_str(mark)) < template.n;
}

static enum kh_err
check(const struct credential *credential, struct fault *fault)
{
    struct form form;
    struct hmac_marks marks;
    bool has_header = credential_option(credential, "timestamp-header").n > 0;
    enum kh_err err = hmac_template_read(what_is_signed(credential), &marks, fault);

    if (err) {
        fault_prefix(fault, "options: sign: ");
        return err;
    }
    if (!form_of(credential, &form, &marks))
        return fault_set(fault, KH_ERR_INTERNAL, "inject: it cannot be read again");
    bool carried = has_header || has_mark(form.template, TIMESTAMP_MARK);
    if (marks.timestamp && !carried)
        return fault_set(fault, KH_ERR_USAGE,
                         "options: {timestamp} is signed: say the timestamp-header that carries "
                         "it, or put it into the injection's template");
    if (!marks.timestamp && carried)
        return fault_set(fault, KH_ERR_USAGE,
                         "options: a timestamp is sent that is not signed; put {timestamp} into "
                         "sign");
    return KH_OK;
}

// The key's bytes, appended.
static bool
put_key(const struct credential *credential, struct bytes secret, struct buffer *out)
{
    struct bytes encoding = credential_option_or(credential, "key-encoding", "text");

    if (bytes_is(encoding, "base64"))
        return base64_decode(BASE64_STANDARD, secret, out) && out->n > 0;
    if (bytes_is(encoding, "hex")) {
        uint8_t *room = buffer_reserve(out, secret.n / 2);
        if (room == NULL || secret.n % 2 || !bytes_from_hex(secret, room, secret.n / 2))
            return false;
        buffer_advance(out, secret.n / 2);
        return true;
    }
    buffer_put(out, secret);
    return !out->failed;
}

static enum kh_err
check_secret(const struct credential *credential, struct bytes secret, struct fault *fault)
{
    BUFFER_AUTO key;

    buffer_init_secret(&key, HMAC_KEY_MAX);
    if (!put_key(credential, secret, &key))
        return fault_set(fault, KH_ERR_SYNTAX, "the secret is not in the key-encoding");
    return KH_OK;
}

// ---- the signature ----

static bool
is_empty(const struct message_decide *request)
{
    return request->body.has_size && request->body.size == 0;
}

static struct injection_needs
needs(const struct credential *credential, const struct injection_context *context)
{
    struct form form;
    struct hmac_marks marks;

    return (struct injection_needs){.content = form_of(credential, &form, &marks) && marks.body &&
                                               !is_empty(context->request) &&
                                               context->content_state == CONTENT_NONE};
}

static void
print_moment(struct bytes format, int64_t now, char out[MOMENT_SIZE])
{
    if (bytes_is(format, "rfc3339"))
        timestamp_print(now, out);
    else
        snprintf(out, MOMENT_SIZE, "%lld%s", (long long)now,
                 bytes_is(format, "milliseconds") ? "000" : "");
}

_Static_assert((int)TIMESTAMP_SIZE <= (int)MOMENT_SIZE, "a moment in RFC 3339");

static enum injection_result
find_body(const struct inject_work *work, const struct hmac_marks *marks, struct bytes *body)
{
    const struct injection_context *context = work->context;

    *body = BYTES_EMPTY;
    if (!marks->body || is_empty(context->request))
        return INJECTION_READY;
    if (context->content_state == CONTENT_LOST)
        return INJECTION_BUSY;
    // What is signed is what was judged and will be sent.
    if (context->content_state != CONTENT_HERE || !context->request->body.has_size ||
        context->content.n != context->request->body.size)
        return INJECTION_FAILED;
    *body = context->content;
    return INJECTION_READY;
}

static bool
sign(const struct inject_work *work, const struct form *form, const struct hmac_values *values,
     struct buffer *out)
{
    uint8_t signature[HMAC_SIZE_MAX];
    char hex[2 * HMAC_SIZE_MAX + 1];
    size_t n = 0;
    BUFFER_AUTO key;

    buffer_init_secret(&key, HMAC_KEY_MAX);
    if (!put_key(work->credential, work->secret, &key) ||
        hmac_template_sign(form->algorithm, buffer_bytes(&key), what_is_signed(work->credential),
                           values, signature, &n))
        return false;
    if (form->base64)
        base64_encode(BASE64_STANDARD, bytes_of(signature, n), out);
    else if (bytes_to_hex(bytes_of(signature, n), hex, sizeof hex))
        buffer_put_str(out, hex);
    return out->n > 0 && !out->failed;
}

// "t={timestamp},v1={signature}"
static struct inject_part
put_header(struct inject_work *work, struct bytes template, struct bytes signature,
           struct bytes timestamp)
{
    size_t place = inject_place(work), at;

    while ((at = bytes_find(template, BYTES(TIMESTAMP_MARK))) < template.n) {
        inject_put_template(work, bytes_slice(template, 0, at), SIGNATURE_MARK, signature);
        inject_put(work, timestamp);
        template = bytes_from(template, at + strlen(TIMESTAMP_MARK));
    }
    inject_put_template(work, template, SIGNATURE_MARK, signature);
    return inject_since(work, place);
}

static enum injection_result
make(struct inject_work *work)
{
    const struct credential *credential = work->credential;
    const struct message_decide *request = work->context->request;
    struct bytes timestamp_header = credential_option(credential, "timestamp-header");
    struct hmac_marks marks;
    struct form form;
    char moment[MOMENT_SIZE];
    struct hmac_values values = {.method = request->method, .path = request->path_encoded};
    BUFFER_AUTO signature;

    buffer_init_secret(&signature, 2 * HMAC_SIZE_MAX + 8);
    if (!form_of(credential, &form, &marks))
        return INJECTION_FAILED;
    enum injection_result result = find_body(work, &marks, &values.body);
    if (result != INJECTION_READY)
        return result;
    print_moment(credential_option(credential, "timestamp-format"), work->context->now, moment);
    values.timestamp = bytes_str(moment);
    if (!sign(work, &form, &values, &signature))
        return INJECTION_FAILED;
    inject_edit(work, EDIT_HEADER_SET, credential->route.inject_name,
                put_header(work, form.template, buffer_bytes(&signature), values.timestamp));
    if (timestamp_header.n > 0) {
        size_t place = inject_place(work);
        inject_put(work, values.timestamp);
        inject_edit(work, EDIT_HEADER_SET, timestamp_header, inject_since(work, place));
    }
    inject_scrub_text(work, buffer_bytes(&signature));
    return INJECTION_READY;
}

static unsigned
covers(const struct credential *credential)
{
    struct form form;
    struct hmac_marks marks;

    if (!form_of(credential, &form, &marks))
        return 0;
    return (marks.path ? INJECT_OF_PATH : 0) | (marks.body ? INJECT_OF_BODY : 0);
}

const struct inject_rules inject_hmac_rules = {
    .kind = INJECT_HMAC,
    .word = "hmac",
    .form = "\"hmac:ALGORITHM:ENCODING:NAME: template with " SIGNATURE_MARK "\"",
    .named = true,
    .parse = parse,
    .check = check,
    .check_secret = check_secret,
    .needs = needs,
    .make = make,
    .covers = covers,
};
