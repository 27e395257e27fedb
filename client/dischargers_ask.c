/* SPDX-License-Identifier: Apache-2.0
 *
 * What brokers say of their dischargers, and dischargers of themselves.
 */
#include "dischargers.h"

#include "answer.h"

#include <stdio.h>
#include <string.h>

#define ANNOUNCEMENT_PATH "/.well-known/keyhole/dischargers"
#define KEY_PATH          "/.well-known/keyhole/discharger"

enum { ANNOUNCEMENT_TIMEOUT_MS = 5000 };

// "url" and "public_key" of an object, put together as they are written in one word.
static enum kh_err
dischargers_read_object(const json_t *object, bool named, struct buffer *out, struct fault *fault)
{
    const char *name = answer_string(object, "name"), *url = answer_string(object, "url");
    const char *key = answer_string(object, "public_key");
    if (url == NULL || key == NULL)
        return fault_set(fault, KH_ERR_PROTOCOL, "it names no url and public_key");
    if (named && name != NULL && dischargers_name_is_good(bytes_str(name)))
        buffer_printf(out, "%s ", name);
    buffer_printf(out, "%s#%s", url, key);
    return out->failed ? fault_set(fault, KH_ERR_PROTOCOL, "its url is too long") : KH_OK;
}

enum kh_err
dischargers_read_announcement(struct dischargers *list, const struct http_answer *answer,
                              struct fault *fault)
{
    json_t *object = NULL;
    if (answer->status != 200 || answer_object(answer, &object) != KH_OK ||
        !json_is_array(json_object_get(object, "dischargers"))) {
        json_decref(object);
        return fault_set(fault, KH_ERR_PROTOCOL, "the broker announces no dischargers (status %ld)",
                         answer->status);
    }
    const json_t *array = json_object_get(object, "dischargers");
    enum kh_err err = KH_OK;
    for (size_t i = 0; err == KH_OK && i < json_array_size(array); i++) {
        BUFFER_AUTO text;
        buffer_init(&text, DISCHARGER_TEXT_MAX + DISCHARGER_NAME_MAX + 2);
        err = dischargers_read_object(json_array_get(array, i), true, &text, fault);
        if (err == KH_OK)
            err = dischargers_add(list, buffer_bytes(&text), DISCHARGERS_BROKER, fault);
        if (err != KH_OK)
            fault_prefix(fault, "what the broker announces: ");
    }
    json_decref(object);
    return err;
}

enum kh_err
dischargers_ask_broker(struct dischargers *list, const struct broker_address *broker,
                       const char *ca_file, struct fault *fault)
{
    struct http_answer answer;
    struct http_request request = {.ca_file = ca_file, .timeout_ms = ANNOUNCEMENT_TIMEOUT_MS};
    // Whoever is on the way would say whom to trust.
    if (broker->exposed)
        return fault_set(fault, KH_ERR_PERMISSION,
                         "%s has no TLS, so what it announces could be anybody's", broker->url);
    enum kh_err err = broker_call(broker, ANNOUNCEMENT_PATH, request, &answer, fault);
    if (err != KH_OK)
        return err;
    err = dischargers_read_announcement(list, &answer, fault);
    http_answer_free(&answer);
    return err;
}

static enum kh_err
dischargers_read_key(const char *url, const struct http_answer *answer, struct discharger *out,
                     struct fault *fault)
{
    json_t *object = NULL;
    struct discharger found = {.name = ""};
    struct fault why = {.err = KH_OK};
    BUFFER_AUTO text;
    buffer_init(&text, DISCHARGER_TEXT_MAX);
    enum kh_err err = KH_ERR_PROTOCOL;
    if (answer->status == 200 && answer_object(answer, &object) == KH_OK)
        err = dischargers_read_object(object, false, &text, &why);
    if (err == KH_OK)
        err = discharger_parse(buffer_bytes(&text), &found, &why);
    json_decref(object);
    if (err != KH_OK)
        return fault_set(fault, KH_ERR_PROTOCOL,
                         "what answers at %s with status %ld is no discharger of Keyhole", url,
                         answer->status);
    // The location in a token is compared with the name that the discharger has for itself.
    if (strcmp(found.url, url) != 0)
        return fault_set(fault, KH_ERR_PROTOCOL,
                         "the discharger at %s says that it is %s: use that URL", url, found.url);
    *out = found;
    return KH_OK;
}

enum kh_err
dischargers_ask_key(const char *url, const char *ca_file, struct discharger *out,
                    struct fault *fault)
{
    struct http_answer answer;
    char whole[DISCHARGER_URL_MAX + sizeof KEY_PATH];
    snprintf(whole, sizeof whole, "%s%s", url, KEY_PATH);
    struct http_request request = {.url = whole, .ca_file = ca_file};
    enum kh_err err = http_call(&request, &answer, fault);
    if (err != KH_OK)
        return err;
    err = dischargers_read_key(url, &answer, out, fault);
    http_answer_free(&answer);
    return err;
}
