/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a broker is, and calls to it.
 */
#include "broker.h"

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

enum kh_err
broker_call(const struct broker_address *address, const char *path, struct http_request request,
            struct http_answer *out, struct fault *fault)
{
    BUFFER_AUTO url;
    buffer_init(&url, HTTP_URL_MAX);
    buffer_printf(&url, "%s%s", address->url, path);
    request.url = buffer_text(&url);
    request.unix_path = address->unix_path;
    if (url.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "the broker's URL is too long");
    return http_call(&request, out, fault);
}
