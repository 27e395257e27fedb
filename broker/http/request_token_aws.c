/* SPDX-License-Identifier: Apache-2.0
 *
 * The token as the access key id of an AWS signature: in Authorization, or in the query of a
 * presigned URL. The signature around it was made with a secret that is none, and goes.
 */
#include "request_token_internal.h"

#include "../../caveats/token.h"

#include <string.h>

/* ---- the credential: key/date/region/service/aws4_request ---- */

static bool
is_scope_word(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '-' && c != '_' && c != '.')
            return false;
    }
    return text.n > 0 && text.n <= AWS_SCOPE_WORD_MAX;
}

/* Cut the part behind the last slash off. */
static bool
cut_last(struct bytes *rest, struct bytes *part)
{
    size_t at = rest->n;

    while (at > 0 && rest->p[at - 1] != '/')
        at--;
    if (at == 0)
        return false;
    *part = bytes_from(*rest, at);
    *rest = bytes_slice(*rest, 0, at - 1);
    return true;
}

struct reading
reading_of_aws_credential(struct bytes value)
{
    struct message_aws aws = {0};
    struct bytes key = value, end;

    if (value.n == 0)
        return (struct reading){.kind = READING_NOTHING};
    if (!cut_last(&key, &end) || !bytes_is(end, "aws4_request") || !cut_last(&key, &aws.service) ||
        !cut_last(&key, &aws.region) || !cut_last(&key, &aws.scope_date) ||
        !is_scope_word(aws.service) || !is_scope_word(aws.region) || !is_scope_word(aws.scope_date))
        return (struct reading){.kind = READING_FOREIGN};

    struct reading reading = reading_of_whole(key);
    reading.aws = aws;
    return reading;
}

/* ---- Authorization ---- */

static bool
is_parameter(struct bytes parameter, const char *name, struct bytes *value)
{
    struct bytes prefix = bytes_str(name);

    if (!bytes_starts(parameter, prefix))
        return false;
    *value = bytes_from(parameter, prefix.n);
    return true;
}

static bool
is_signed_headers(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= 0x20 || text.p[i] >= 0x7f || text.p[i] == ',')
            return false;
    return text.n <= AWS_SIGNED_HEADERS_MAX;
}

static const char *const sigv4a =
    "it is signed by SigV4a (AWS4-ECDSA-P256-SHA256), which is not made anew here; let the client "
    "sign by SigV4";

static const char *const sigv2 =
    "it is signed by SigV2, which is not made anew here; let the client sign by SigV4 (s3v4)";

struct reading
reading_of_aws(struct search *search, struct bytes value)
{
    static const char hmac[] = "AWS4-HMAC-SHA256 ";
    struct bytes rest = bytes_from(value, strlen(hmac)), part, other;
    struct bytes credential = BYTES_EMPTY, headers = BYTES_EMPTY;

    if (bytes_starts(value, BYTES("AWS4-ECDSA-P256-SHA256 ")) && token_is_shaped(value))
        search->unsignable = sigv4a;
    if (bytes_starts(value, BYTES("AWS ")) && token_is_shaped(value))
        search->unsignable = sigv2;
    if (!bytes_starts(value, bytes_str(hmac)))
        return (struct reading){.kind = READING_OTHER};
    while (bytes_cut(&rest, ',', &part)) {
        bool first_credential = credential.p == NULL, first_headers = headers.p == NULL;
        part = bytes_trim(part);
        if (first_credential && is_parameter(part, "Credential=", &credential))
            continue;
        if (first_headers && is_parameter(part, "SignedHeaders=", &headers))
            continue;
        if (!is_parameter(part, "Signature=", &other))
            return (struct reading){.kind = READING_OTHER};
    }
    if (!is_signed_headers(headers))
        return (struct reading){.kind = READING_OTHER};

    struct reading reading = reading_of_aws_credential(credential);
    reading.aws.signed_headers = headers;
    return reading;
}

/* ---- the query of a presigned URL ---- */

enum presigned {
    PRESIGNED_ALGORITHM,
    PRESIGNED_CREDENTIAL,
    PRESIGNED_DATE,
    PRESIGNED_EXPIRES,
    PRESIGNED_HEADERS,
    PRESIGNED_SIGNATURE,
    PRESIGNED_TOKEN,
    PRESIGNED_COUNT
};

static const char *const presigned_names[PRESIGNED_COUNT] = {
    [PRESIGNED_ALGORITHM] = "X-Amz-Algorithm",
    [PRESIGNED_CREDENTIAL] = "X-Amz-Credential",
    [PRESIGNED_DATE] = "X-Amz-Date",
    [PRESIGNED_EXPIRES] = "X-Amz-Expires",
    [PRESIGNED_HEADERS] = "X-Amz-SignedHeaders",
    [PRESIGNED_SIGNATURE] = "X-Amz-Signature",
    [PRESIGNED_TOKEN] = "X-Amz-Security-Token",
};

/* PRESIGNED_COUNT: none of them. */
static enum presigned
presigned_of(struct bytes name)
{
    size_t i = 0;

    while (i < PRESIGNED_COUNT && !bytes_equal_nocase(name, bytes_str(presigned_names[i])))
        i++;
    return (enum presigned)i;
}

/* The client's own session token belongs to no key that is sent. */
static void
drop_session_token(struct search *search)
{
    for (size_t i = 0; i < search->request->field_count; i++)
        if (bytes_is(search->request->field[i].name, "x-amz-security-token"))
            search->request->field[i].is_slot = true;
}

static void
take_presigned(struct search *search, const struct bytes value[PRESIGNED_COUNT])
{
    struct reading reading = reading_of_aws_credential(value[PRESIGNED_CREDENTIAL]);

    if (reading.kind == READING_TOKEN &&
        (!bytes_is(value[PRESIGNED_ALGORITHM], "AWS4-HMAC-SHA256") ||
         !is_scope_word(value[PRESIGNED_DATE]) || !is_scope_word(value[PRESIGNED_EXPIRES]) ||
         !is_signed_headers(value[PRESIGNED_HEADERS])))
        search->unsignable = "the X-Amz- parameters are not those of a presigned URL";
    if (search->has_token)
        search->misplaced = "a token stands in a presigned query and in another slot";
    reading.aws.presigned = true;
    reading.aws.date = value[PRESIGNED_DATE];
    reading.aws.expires = value[PRESIGNED_EXPIRES];
    reading.aws.signed_headers = value[PRESIGNED_HEADERS];
    search_take(search, (struct slot){.kind = SLOT_AWS}, &reading);
}

/* False: one occurs twice. */
static bool
read_presigned(const struct request *request, struct bytes value[PRESIGNED_COUNT])
{
    bool has[PRESIGNED_COUNT] = {false}, twice = false;

    for (size_t i = 0; i < request->query_count; i++) {
        enum presigned which = presigned_of(request->query[i].name);

        if (which == PRESIGNED_COUNT)
            continue;
        twice = twice || has[which];
        has[which] = true;
        value[which] = request->query[i].value;
    }
    return !twice;
}

static void
search_no_slot(struct search *search, const struct bytes value[PRESIGNED_COUNT])
{
    for (size_t i = 0; i < PRESIGNED_COUNT; i++)
        if (token_is_shaped(value[i]))
            search->misplaced = "a token stands in a presigned query that is no slot here";
}

void
search_aws_query(struct search *search)
{
    const struct request *request = search->request;
    struct bytes value[PRESIGNED_COUNT] = {0};
    bool once = read_presigned(request, value);

    if (!search_has_slot(search, SLOT_AWS)) {
        if (request->query_count > 0)
            search_no_slot(search, value);
        return;
    }
    drop_session_token(search);
    for (size_t i = 0; i < request->query_count; i++)
        if (bytes_is(request->query[i].name, "AWSAccessKeyId") &&
            token_is_shaped(request->query[i].value))
            search->unsignable = sigv2;
    if (value[PRESIGNED_CREDENTIAL].n == 0 && value[PRESIGNED_SIGNATURE].n == 0)
        return;
    for (size_t i = 0; i < request->query_count; i++)
        if (presigned_of(request->query[i].name) != PRESIGNED_COUNT)
            search->request->query[i].is_slot = true;
    take_presigned(search, value);
    if (!once)
        search->unsignable = "a parameter of a presigned URL occurs twice";
}
