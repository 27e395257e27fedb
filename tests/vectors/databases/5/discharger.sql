PRAGMA application_id = 1265124451;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE user (
    name       TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE authenticator (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- so that no id ever returns
    user          TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    name          TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    kind          TEXT NOT NULL CHECK (kind IN ('fido2', 'ssh', 'ssh-sk')),
    credential_id BLOB NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
    public_key    BLOB NOT NULL CHECK (length(public_key) > 0),
    algorithm     INTEGER NOT NULL, -- COSE; 0 for SSH
    counter       INTEGER NOT NULL CHECK (counter BETWEEN 0 AND 4294967295),
    aaguid        BLOB NOT NULL CHECK (length(aaguid) = 16),
    firmware      INTEGER NOT NULL CHECK (firmware BETWEEN 0 AND 4294967295),
    attested      INTEGER NOT NULL CHECK (attested IN (0, 1)),
    yubikey       INTEGER NOT NULL CHECK (yubikey IN (0, 1)),
    u2f           INTEGER NOT NULL CHECK (u2f IN (0, 1)),
    verified      INTEGER NOT NULL CHECK (verified IN (0, 1)),
    created_at    INTEGER NOT NULL,
    used_at       INTEGER,
    cloned_at     INTEGER, -- its counter went back: blocked
    UNIQUE (user, name)
) STRICT;
CREATE TABLE invitation (
    hash       BLOB PRIMARY KEY CHECK (length(hash) = 32),
    user       TEXT NOT NULL UNIQUE REFERENCES user (name) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE declined (
    ticket     BLOB PRIMARY KEY CHECK (length(ticket) = 32), -- SHA-256
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
DELETE FROM sqlite_sequence;
COMMIT;
