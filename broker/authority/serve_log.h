/* SPDX-License-Identifier: Apache-2.0
 *
 * One line of the log for one decision (log.decisions), with the id of its audit record.
 */
#ifndef KEYHOLE_SERVE_LOG_H
#define KEYHOLE_SERVE_LOG_H

#include "audit_record.h"
#include "authority.h"

void serve_log_decision(const struct authority *authority, const struct audit_record *record);
/* What was allowed could not be recorded, and so was denied. */
void serve_log_unrecorded(const struct authority *authority,
                          const uint8_t request_id[REQUEST_ID_SIZE]);

#endif
