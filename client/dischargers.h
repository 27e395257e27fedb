/* SPDX-License-Identifier: Apache-2.0
 *
 * The dischargers that a client was told to trust. It follows the location of a hole only if one of
 * them is there: else whoever adds a hole to a token decides where its holder goes and signs.
 *
 * In the order in which they count: --discharger, KEYHOLE_DISCHARGER, the file
 * $XDG_CONFIG_HOME/keyhole/dischargers, and what the broker announces that the client was told to
 * use.
 */
#ifndef KEYHOLE_CLIENT_DISCHARGERS_H
#define KEYHOLE_CLIENT_DISCHARGERS_H

#include "../caveats/ticket.h"
#include "broker.h"
#include "options.h"

enum { DISCHARGERS_MAX = 64, DISCHARGERS_FILE_MAX = 65536 };

enum dischargers_source {
    DISCHARGERS_OPTION = 0,
    DISCHARGERS_ENVIRONMENT,
    DISCHARGERS_FILE,
    DISCHARGERS_BROKER,
};
const char *dischargers_source_name(enum dischargers_source source); /* "--discharger" */

struct dischargers {
    struct discharger entry[DISCHARGERS_MAX];
    enum dischargers_source source[DISCHARGERS_MAX];
    size_t count;
};

/* "URL#kd1_…" or "NAME URL#kd1_…". A URL that is in the list keeps what was there. KH_ERR_USAGE,
 * KH_ERR_SYNTAX, KH_ERR_TOO_LONG. */
KH_MUST_CHECK enum kh_err dischargers_add(struct dischargers *list, struct bytes text,
                                          enum dischargers_source source, struct fault *fault);
/* For an option a URL is enough: what fills holes seals nothing, and needs no key. Errors as above.
 */
KH_MUST_CHECK enum kh_err dischargers_add_place(struct dischargers *list, struct bytes text,
                                                struct fault *fault);
/* What --discharger (option `id`), the environment and the file say. With the option a URL is
 * enough; the key of such an entry is zero, and nothing is sealed to it. */
KH_MUST_CHECK enum kh_err dischargers_collect(struct dischargers *list,
                                              const struct options *options, int id,
                                              struct fault *fault);

/* NULL when it is not there. A name is that of the file or of the broker's announcement. */
const struct discharger *dischargers_by_url(const struct dischargers *list, struct bytes url);
const struct discharger *dischargers_by_name(const struct dischargers *list, struct bytes name);

/* 1 to DISCHARGER_NAME_MAX letters, digits, '.', '_' and '-', the first a letter or digit. */
bool dischargers_name_is_good(struct bytes name);

/* Append the path of the file. KH_ERR_NOT_FOUND when there is no home. */
KH_MUST_CHECK enum kh_err dischargers_file_path(struct buffer *out, struct fault *fault);
/* Lines "NAME URL#kd1_…", '#' for a remark; a missing file has none. Faults name the line. */
KH_MUST_CHECK enum kh_err dischargers_file_read(struct dischargers *list, const char *path,
                                                struct fault *fault);
/* Those that came from the file, and only those; whole or not at all. */
KH_MUST_CHECK enum kh_err dischargers_file_write(const struct dischargers *list, const char *path,
                                                 struct fault *fault);

/* Add what that broker announces. KH_ERR_PERMISSION when anybody on the way could answer in its
 * place; what http_call returns; KH_ERR_PROTOCOL. */
KH_MUST_CHECK enum kh_err dischargers_ask_broker(struct dischargers *list,
                                                 const struct broker_address *broker,
                                                 const char *ca_file, struct fault *fault);
/* The reading of that answer, apart from the network. */
KH_MUST_CHECK enum kh_err dischargers_read_announcement(struct dischargers *list,
                                                        const struct http_answer *answer,
                                                        struct fault *fault);

/* Ask a discharger who it is: what `keyhole trust` shows. `url` is canonical
 * (discharger_url_parse).
 */
KH_MUST_CHECK enum kh_err dischargers_ask_key(const char *url, const char *ca_file,
                                              struct discharger *out, struct fault *fault);

#endif
