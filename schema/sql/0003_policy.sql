-- SPDX-License-Identifier: Apache-2.0
--
-- Every version of the policy that was ever in force; the one with the highest number is. Rolling
-- back is a new version with an older text.
CREATE TABLE policy_version (
    number     INTEGER PRIMARY KEY CHECK (number >= 1),
    text       TEXT NOT NULL,    -- empty: no policy, as before the first version
    uid        INTEGER NOT NULL, -- of whoever applied it, by the admin socket
    applied_at INTEGER NOT NULL,
    comment    TEXT NOT NULL,
    changes    TEXT NOT NULL,    -- against the version before, a line each
    restores   INTEGER           -- the version whose text it has again
) STRICT;
