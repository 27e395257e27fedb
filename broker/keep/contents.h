/* SPDX-License-Identifier: Apache-2.0
 *
 * What of a state directory is in a backup, and nothing else is. One entry of the sealed file:
 *
 *     u8 length of the name | name | u64 size | contents
 *
 * The first one is the manifest, a JSON object; a name of no length ends the list.
 */
#ifndef KEYHOLE_KEEP_CONTENTS_H
#define KEYHOLE_KEEP_CONTENTS_H

#include "../database/sqlite.h"
#include "envelope.h"

#include <sys/types.h>

#define CONTENTS_MANIFEST            "manifest"
#define CONTENTS_DATABASE            "keyholed.db"
#define CONTENTS_MASTER_KEY          "master.key"
#define CONTENTS_CONFIG              "keyholed.yaml"
#define CONTENTS_AUDIT_LOG           "audit.log"
#define CONTENTS_AUDIT_HEAD          "audit.head"
#define CONTENTS_DISCHARGER          "discharger"
#define CONTENTS_DISCHARGER_DATABASE CONTENTS_DISCHARGER "/discharger.db"
#define CONTENTS_DISCHARGER_ROOTS    CONTENTS_DISCHARGER "/roots"

enum { CONTENTS_NAME_MAX = 255, CONTENTS_MANIFEST_MAX = 1 << 20, CONTENTS_FORMAT = 1 };

/* The rights that such a file has; false: there is no such thing, and it is not to be made. */
KH_MUST_CHECK bool contents_knows(const char *name, mode_t *mode);

extern const struct sqlite_schema contents_broker_schema, contents_discharger_schema;

KH_MUST_CHECK enum kh_err contents_put_entry(struct envelope_writer *writer, const char *name,
                                             uint64_t size, struct fault *fault);
KH_MUST_CHECK enum kh_err contents_put_end(struct envelope_writer *writer, struct fault *fault);
/* `name` is "" at the end. */
KH_MUST_CHECK enum kh_err contents_get_entry(struct envelope_reader *reader,
                                             char name[CONTENTS_NAME_MAX + 1], uint64_t *size,
                                             struct fault *fault);

#endif
