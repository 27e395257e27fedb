-- SPDX-License-Identifier: Apache-2.0
--
-- The secret before the last rotation, sealed, while its grace lasts.
CREATE TABLE credential_previous (
    credential_id INTEGER PRIMARY KEY REFERENCES credential (id) ON DELETE CASCADE,
    sealed        BLOB NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT;
