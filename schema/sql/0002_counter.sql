-- SPDX-License-Identifier: Apache-2.0
--
-- Counters of caveats (`uses`, `rate`). `used` is reserved ahead: it is never less than what was
-- given out since the last clean stop, so that a start after a crash can only be stricter.

CREATE TABLE counter (
    lineage    BLOB PRIMARY KEY CHECK (length(lineage) = 16), -- right after the caveat
    token_id   BLOB NOT NULL CHECK (length(token_id) = 16),
    window_s   INTEGER NOT NULL CHECK (window_s BETWEEN 0 AND 86400), -- 0: uses
    bound      INTEGER NOT NULL CHECK (bound > 0),
    used       INTEGER NOT NULL CHECK (used BETWEEN 0 AND bound), -- rate: beyond those in the log
    log        BLOB NOT NULL, -- rate: moments and numbers, broker/authority/counter_row.c
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
