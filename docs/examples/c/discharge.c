/* SPDX-License-Identifier: Apache-2.0
 *
 * discharge TOKEN DISCHARGER [SSH-KEY] : the token with its holes filled, by an SSH key or, without
 * one, by a page that somebody opens. HTTP is libcurl's.
 *
 *     cc discharge.c $(pkg-config --cflags --libs libkeyhole libcurl) -o discharge
 */
#include <curl/curl.h>
#include <keyhole.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct body {
    char *data;
    size_t size;
};

static size_t
receive(char *data, size_t size, size_t count, void *context)
{
    struct body *body = context;
    size_t n = size * count;
    if (n > KEYHOLE_ANSWER_MAX - body->size)
        return 0;
    memcpy(body->data + body->size, data, n);
    body->size += n;
    return n;
}

/* Redirects are not followed, and certificates are checked: both are libcurl's own ways. */
static enum keyhole_status
http(void *context, const struct keyhole_http_request *request, struct keyhole_http_answer *answer,
     struct keyhole_error *error)
{
    struct body body = {malloc(KEYHOLE_ANSWER_MAX), 0};
    struct curl_slist *fields = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *curl = curl_easy_init();
    enum keyhole_status status = KEYHOLE_ERROR_IO;
    long code = 0;

    (void)context;
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    if (request->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body_size);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
    CURLcode result = body.data != NULL ? curl_easy_perform(curl) : CURLE_OUT_OF_MEMORY;
    if (result == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
        status = keyhole_http_answer_set(answer, (int)code, body.data, body.size);
    } else {
        snprintf(error->message, sizeof error->message, "%s: %s", request->url,
                 curl_easy_strerror(result));
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(fields);
    free(body.data);
    return status;
}

static enum keyhole_status
show(void *context, const struct keyhole_question *question, struct keyhole_error *error)
{
    (void)context, (void)error;
    if (question->page_url != NULL)
        fprintf(stderr, "open %s, and go on only if it shows %s\n", question->page_url,
                question->code);
    else
        fprintf(stderr, "%s asks you to vouch for this:\n%s", question->discharger,
                question->shown);
    return KEYHOLE_OK;
}

static enum keyhole_status
sign(void *context, const struct keyhole_question *question, struct keyhole_answer *answer,
     struct keyhole_error *error)
{
    (void)question;
    return keyhole_ssh_answer(context, answer, error);
}

int
main(int argc, char **argv)
{
    struct keyhole_discharge_settings settings = KEYHOLE_DISCHARGE_SETTINGS_INIT;
    struct keyhole_token *token = NULL, *filled = NULL;
    struct keyhole_error error;
    char *text = NULL;

    if (argc < 3) {
        fprintf(stderr, "usage: discharge TOKEN DISCHARGER [SSH-KEY]\n");
        return 2;
    }
    const char *trusted = argv[2];
    settings.trusted = &trusted;
    settings.trusted_count = 1;
    settings.http = http;
    settings.show = show;
    settings.context = argc > 3 ? argv[3] : NULL;
    settings.ssh = argc > 3 ? sign : NULL;
    settings.browser = argc == 3;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int good =
        keyhole_token_parse(argv[1], KEYHOLE_WHOLE, &token, &error) == KEYHOLE_OK &&
        keyhole_discharge(token, &settings, &filled, &error) == KEYHOLE_OK &&
        keyhole_token_encode(filled, KEYHOLE_FORMAT_KEYHOLE, &text, NULL, &error) == KEYHOLE_OK;
    if (good)
        puts(text);
    else
        fprintf(stderr, "discharge: %s\n", error.message);
    keyhole_free(text);
    keyhole_token_free(filled);
    keyhole_token_free(token);
    curl_global_cleanup();
    return !good;
}
