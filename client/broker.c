/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP to a broker.
 */
#include "broker.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

// ---- where the broker is ----

static bool
broker_is_loopback(const char *host)
{
    // All of 127.0.0.0/8 is this machine; a name is trusted for it only as RFC 6761 says.
    unsigned a, b, c, d;
    char rest;
    if (sscanf(host, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &rest) == 4)
        return a == 127;
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

static enum kh_err
broker_check_part(CURLU *url, CURLUPart part, const char *name, struct fault *fault)
{
    char *value = NULL;
    CURLUcode code = curl_url_get(url, part, &value, 0);
    curl_free(value);
    if (code == CURLUE_OK)
        return fault_set(fault, KH_ERR_USAGE, "a broker's URL has no %s", name);
    return KH_OK;
}

static enum kh_err
broker_read_parts(CURLU *url, struct broker_address *out, struct fault *fault)
{
    static const struct {
        CURLUPart part;
        const char *name;
    } refused[] = {{CURLUPART_USER, "user in it"},
                   {CURLUPART_PASSWORD, "password in it"},
                   {CURLUPART_QUERY, "query"},
                   {CURLUPART_FRAGMENT, "fragment"}};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (broker_check_part(url, refused[i].part, refused[i].name, fault) != KH_OK)
            return KH_ERR_USAGE;
    char *scheme = NULL, *host = NULL, *whole = NULL;
    enum kh_err err =
        fault_set(fault, KH_ERR_USAGE, "a broker's URL begins with https:// or http:// and a host");
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK &&
        (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0)) {
        size_t length = strlen(whole);
        while (length > 0 && whole[length - 1] == '/')
            length--;
        out->exposed = strcmp(scheme, "http") == 0 && !broker_is_loopback(host);
        out->url = strndup(whole, length);
        err = out->url != NULL ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(whole);
    return err;
}

static enum kh_err
broker_read_url(const char *text, struct broker_address *out, struct fault *fault)
{
    CURLU *url = curl_url();
    if (url == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, 0);
    enum kh_err err = code == CURLUE_OK
                          ? broker_read_parts(url, out, fault)
                          : fault_set(fault, KH_ERR_USAGE,
                                      "the broker's address is neither a URL nor a socket's path: "
                                      "%s",
                                      curl_url_strerror(code));
    curl_url_cleanup(url);
    return err;
}

enum kh_err
broker_address_read(const char *text, struct broker_address *out, struct fault *fault)
{
    struct broker_address address = {0};
    enum kh_err err = KH_OK;
    const char *path = strncmp(text, "unix:", 5) == 0                             ? text + 5
                       : strstr(text, "://") == NULL && strchr(text, '/') != NULL ? text
                                                                                  : NULL;
    if (path != NULL) {
        if (path[0] == '\0' || strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
            return fault_set(fault, KH_ERR_USAGE, "a socket's path has 1 to %zu bytes",
                             sizeof((struct sockaddr_un *)0)->sun_path - 1);
        address.unix_path = strdup(path);
        address.url = strdup("http://localhost");
        if (address.unix_path == NULL || address.url == NULL)
            err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    } else {
        err = broker_read_url(text, &address, fault);
    }
    if (err != KH_OK)
        broker_address_free(&address);
    else
        *out = address;
    return err;
}

void
broker_address_free(struct broker_address *address)
{
    free(address->url);
    free(address->unix_path);
    *address = (struct broker_address){0};
}

// ---- one call ----

static size_t
broker_receive(char *data, size_t size, size_t n, void *context)
{
    struct broker_answer *answer = context;
    buffer_put(&answer->body, bytes_of(data, size * n));
    return answer->body.failed ? 0 : size * n;
}

// Each is a promise of the header; together or not at all.
static bool
broker_set_options(CURL *curl, const struct broker_address *address, const char *url,
                   const char *ca_file, struct curl_slist *fields, struct broker_answer *answer,
                   char *why)
{
    bool ok = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why) == CURLE_OK;
#define SET(option, value) ok = curl_easy_setopt(curl, option, value) == CURLE_OK && ok
    SET(CURLOPT_URL, url);
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
    SET(CURLOPT_TIMEOUT_MS, (long)BROKER_TIMEOUT_MS);
    SET(CURLOPT_USERAGENT, "keyhole/" KEYHOLE_VERSION);
    SET(CURLOPT_HTTPHEADER, fields);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDS, "");
    SET(CURLOPT_POSTFIELDSIZE, 0L);
    SET(CURLOPT_WRITEFUNCTION, broker_receive);
    SET(CURLOPT_WRITEDATA, answer);
    if (address->unix_path != NULL)
        SET(CURLOPT_UNIX_SOCKET_PATH, address->unix_path);
    if (ca_file != NULL) {
        SET(CURLOPT_CAINFO, ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
#undef SET
    return ok;
}

static void
broker_read_content_type(CURL *curl, struct broker_answer *answer)
{
    const char *type = NULL;
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    size_t n = type != NULL ? strcspn(type, "; \t") : 0;
    if (n >= sizeof answer->content_type)
        n = 0;
    for (size_t i = 0; i < n; i++)
        answer->content_type[i] = (char)tolower((unsigned char)type[i]);
    answer->content_type[n] = '\0';
}

static enum kh_err
broker_perform(CURL *curl, const char *where, const char *why, struct broker_answer *answer,
               struct fault *fault)
{
    CURLcode code = curl_easy_perform(curl);
    if (answer->body.failed)
        return fault_set(fault, KH_ERR_PROTOCOL, "%s answers with more than %d bytes", where,
                         BROKER_ANSWER_MAX);
    if (code != CURLE_OK)
        return fault_set(fault, code == CURLE_OPERATION_TIMEDOUT ? KH_ERR_TIMEOUT : KH_ERR_IO,
                         "%s: %s", where, why[0] != '\0' ? why : curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    broker_read_content_type(curl, answer);
    return KH_OK;
}

static struct curl_slist *
broker_make_fields(struct bytes token, struct fault *fault)
{
    // A control character here would let the text end the field and begin another.
    for (size_t i = 0; i < token.n; i++) {
        if (token.p[i] <= 0x20 || token.p[i] >= 0x7f) {
            fault_set(fault, KH_ERR_MALFORMED, "the token has a byte that no header field carries");
            return NULL;
        }
    }
    struct buffer field;
    buffer_init_secret(&field, 16384);
    buffer_put_str(&field, "Authorization: Bearer ");
    buffer_put(&field, token);
    const char *text = buffer_text(&field);
    struct curl_slist *fields = text[0] != '\0' ? curl_slist_append(NULL, text) : NULL;
    if (fields == NULL)
        fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    buffer_free(&field);
    return fields;
}

enum kh_err
broker_post(const struct broker_address *address, const char *path, struct bytes token,
            const char *ca_file, struct broker_answer *out, struct fault *fault)
{
    char why[CURL_ERROR_SIZE] = "";
    struct broker_answer answer = {0};
    struct fault unmade = {.err = KH_ERR_MEMORY};
    enum kh_err err = KH_ERR_MEMORY;
    buffer_init(&answer.body, BROKER_ANSWER_MAX);
    BUFFER_AUTO url;
    buffer_init(&url, 4096);
    buffer_printf(&url, "%s%s", address->url, path);
    struct curl_slist *fields = broker_make_fields(token, &unmade);
    CURL *curl = curl_easy_init();
    if (fields == NULL)
        err = fault_set(fault, unmade.err, "%s", unmade.detail);
    else if (curl == NULL || url.failed ||
             !broker_set_options(curl, address, buffer_text(&url), ca_file, fields, &answer, why))
        err = fault_set(fault, KH_ERR_MEMORY, "libcurl could not be set up");
    else
        err = broker_perform(curl, address->unix_path != NULL ? address->unix_path : address->url,
                             why, &answer, fault);
    curl_easy_cleanup(curl);
    if (fields != NULL)
        wipe(fields->data, strlen(fields->data));
    curl_slist_free_all(fields);
    if (err == KH_OK)
        *out = answer;
    else
        buffer_free(&answer.body);
    return err;
}

void
broker_answer_free(struct broker_answer *answer)
{
    buffer_free(&answer->body);
}
