/* SPDX-License-Identifier: Apache-2.0
 *
 * The files that a backup is made of, all open before the first is read: what they are then is what
 * the backup has, whatever is renamed or appended meanwhile.
 */
#ifndef KEYHOLE_KEEP_SOURCES_H
#define KEYHOLE_KEEP_SOURCES_H

#include "contents.h"

enum { SOURCES_MAX = 4096 };

struct source {
    char name[CONTENTS_NAME_MAX + 1];
    int fd;
    uint64_t size;
};

struct sources {
    struct source *item;
    size_t count;
    uint64_t size;                     /* of all */
    int64_t schema, discharger_schema; /* versions of the tables; 0: there is none */
    uint64_t audit_seq;                /* of the last record; 0: no log, or it was left out */
    bool master_key;
};

struct sources_options {
    const char *directory, *config;
    bool without_master_key, without_audit_log;
};

/* sources_fini in any case. */
KH_MUST_CHECK enum kh_err sources_open(const struct sources_options *options, struct sources *out,
                                       struct fault *fault);
void sources_fini(struct sources *sources);

#endif
