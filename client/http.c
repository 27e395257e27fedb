/* SPDX-License-Identifier: Apache-2.0
 *
 * One HTTP exchange.
 */
#include "http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static size_t
http_receive(char *data, size_t size, size_t n, void *context)
{
    struct http_answer *answer = context;
    buffer_put(&answer->body, bytes_of(data, size * n));
    return answer->body.failed ? 0 : size * n;
}

// Each is a promise of the header; together or not at all.
static bool
http_set_options(CURL *curl, const struct http_request *request, struct curl_slist *fields,
                 struct http_answer *answer, char *why)
{
    bool ok = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why) == CURLE_OK;
#define SET(option, value) ok = curl_easy_setopt(curl, option, value) == CURLE_OK && ok
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    SET(CURLOPT_TIMEOUT_MS, request->timeout_ms > 0 ? request->timeout_ms : (long)HTTP_TIMEOUT_MS);
    SET(CURLOPT_USERAGENT, "keyhole/" KEYHOLE_VERSION);
    SET(CURLOPT_HTTPHEADER, fields);
    SET(CURLOPT_WRITEFUNCTION, http_receive);
    SET(CURLOPT_WRITEDATA, answer);
    if (request->method == HTTP_POST) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, request->json.n > 0 ? (const char *)request->json.p : "");
        SET(CURLOPT_POSTFIELDSIZE, (long)request->json.n);
    }
    if (request->unix_path != NULL)
        SET(CURLOPT_UNIX_SOCKET_PATH, request->unix_path);
    if (request->ca_file != NULL) {
        SET(CURLOPT_CAINFO, request->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
#undef SET
    return ok;
}

static void
http_read_head(CURL *curl, struct http_answer *answer)
{
    const char *type = NULL;
    curl_off_t wait_s = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait_s);
    answer->retry_after_s = wait_s > 0 && wait_s < UINT32_MAX ? (uint32_t)wait_s : 0;
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    size_t n = type != NULL ? strcspn(type, "; \t") : 0;
    if (n >= sizeof answer->content_type)
        n = 0;
    for (size_t i = 0; i < n; i++)
        answer->content_type[i] = (char)tolower((unsigned char)type[i]);
    answer->content_type[n] = '\0';
}

static enum kh_err
http_perform(CURL *curl, const struct http_request *request, const char *why,
             struct http_answer *answer, struct fault *fault)
{
    // What is asked may be unguessable, and so a secret: only the place is named.
    const char *path = strstr(request->url, "://");
    path = path != NULL ? strchr(path + 3, '/') : NULL;
    size_t origin = path != NULL ? (size_t)(path - request->url) : strlen(request->url);
    struct bytes where =
        request->unix_path != NULL ? bytes_str(request->unix_path) : bytes_of(request->url, origin);
    CURLcode code = curl_easy_perform(curl);
    if (answer->body.failed)
        return fault_set(fault, KH_ERR_PROTOCOL, "%.*s answers with more than %d bytes",
                         BYTES_ARG(where), HTTP_ANSWER_MAX);
    if (code != CURLE_OK)
        return fault_set(fault, code == CURLE_OPERATION_TIMEDOUT ? KH_ERR_TIMEOUT : KH_ERR_IO,
                         "%.*s: %s", BYTES_ARG(where),
                         why[0] != '\0' ? why : curl_easy_strerror(code));
    http_read_head(curl, answer);
    return KH_OK;
}

static enum kh_err
http_add_field(struct curl_slist **fields, const char *text, struct fault *fault)
{
    struct curl_slist *longer = text[0] != '\0' ? curl_slist_append(*fields, text) : NULL;
    if (longer == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    *fields = longer;
    return KH_OK;
}

static enum kh_err
http_add_bearer(struct curl_slist **fields, struct bytes bearer, struct fault *fault)
{
    // A control character here would let the text end the field and begin another.
    for (size_t i = 0; i < bearer.n; i++)
        if (bearer.p[i] <= 0x20 || bearer.p[i] >= 0x7f)
            return fault_set(fault, KH_ERR_MALFORMED,
                             "the token has a byte that no header field carries");
    struct buffer field;
    buffer_init_secret(&field, 16384);
    buffer_put_str(&field, "Authorization: Bearer ");
    buffer_put(&field, bearer);
    enum kh_err err = http_add_field(fields, buffer_text(&field), fault);
    buffer_free(&field);
    return err;
}

static enum kh_err
http_make_fields(const struct http_request *request, struct curl_slist **fields,
                 struct fault *fault)
{
    // Accept keeps the list from being empty, which libcurl would take as none given.
    enum kh_err err = http_add_field(fields, "Accept: application/json", fault);
    // Waiting for "100 Continue" gains nothing for a body this small.
    if (err == KH_OK)
        err = http_add_field(fields, "Expect:", fault);
    if (err == KH_OK && request->json.n > 0)
        err = http_add_field(fields, "Content-Type: application/json", fault);
    if (err == KH_OK && request->bearer.n > 0)
        err = http_add_bearer(fields, request->bearer, fault);
    return err;
}

enum kh_err
http_call(const struct http_request *request, struct http_answer *out, struct fault *fault)
{
    char why[CURL_ERROR_SIZE] = "";
    struct http_answer answer = {0};
    struct curl_slist *fields = NULL;
    buffer_init_secret(&answer.body, HTTP_ANSWER_MAX);
    enum kh_err err = http_make_fields(request, &fields, fault);
    CURL *curl = err == KH_OK ? curl_easy_init() : NULL;
    if (err == KH_OK && (curl == NULL || !http_set_options(curl, request, fields, &answer, why)))
        err = fault_set(fault, KH_ERR_MEMORY, "libcurl could not be set up");
    if (err == KH_OK)
        err = http_perform(curl, request, why, &answer, fault);
    curl_easy_cleanup(curl);
    for (struct curl_slist *field = fields; field != NULL; field = field->next)
        wipe(field->data, strlen(field->data));
    curl_slist_free_all(fields);
    if (err == KH_OK)
        *out = answer;
    else
        buffer_free(&answer.body);
    return err;
}
