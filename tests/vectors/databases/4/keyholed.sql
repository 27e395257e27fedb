-- keyholed 0.1.0, tables version 4: made by tools/make-database-fixture
PRAGMA application_id = 1265124450;
PRAGMA user_version = 4;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('audit-key',X'014d0260d328b9e7677fd7ea722053f7299091f5be70cc6279a065b02001032b68fb214c77e5e53b38ca1fb36eef5fff76e1ee15b3a41409e4ccccf757');
INSERT INTO meta VALUES('audit-position',X'31312038383830303437653736653737393430383330633537656333326438333534356537383962376239616666653430306561373166303131616430313637656537');
INSERT INTO meta VALUES('counter-horizon',X'3020302030');
INSERT INTO meta VALUES('local-ca-certificate',X'3082018f30820135a00302010202145d23a8d21a3dbd4e69fa162e3b88627ba006356d300a06082a8648ce3d04030230243122302006035504030c194b6579686f6c65206c6f63616c204341203233613864323161301e170d3236313132313034343231335a170d3336313131393034343231335a30243122302006035504030c194b6579686f6c65206c6f63616c2043412032336138643231613059301306072a8648ce3d020106082a8648ce3d03010703420004d948eb33fa3e61dc749e859e41210e2042522767fc135f74b71ea2141b1e9873407fa8b4dd4988edfd12f959de3cfd8f7c61d1dd9194cbbd9000245d8c0c745ca345304330120603551d130101ff040830060101ff020100300e0603551d0f0101ff040403020106301d0603551d0e04160414a07813cd770b42f3bf832ddf725662ddf3175b4f300a06082a8648ce3d0403020348003045022027c884d04dacdc489bab68a1ebde69107f27f00b313866a804ad64965dc0e84f0221009b4bdd90fe8b1c6a50f1f35c13eb3c5f69dd93b81ecf5f06500dddeb304ca27a');
INSERT INTO meta VALUES('local-ca-key',X'01612cea5002d017e166dfa3f2b4759bdc203cab0245d00f533fedcb8885653a035a27fb79f1af5dc8e0fce2f318966b41bb5b3c2b9a6b3a1f1c7d26b06c5fc86814934effce9f05a87e2a910d611287cdb7af1c215cc94f56d9af4097c8a0a9e60fc7b7754c4b168972ef20591c0bc89608a6334e9e8bc1536233a3be65d76e5c8d8c4e04eb8b966b77849b1d0cb778ab1ee03e6744');
INSERT INTO meta VALUES('master-key-check',X'0cff2d92e0a83496b7fea6fe87908987');
CREATE TABLE root_key (
    id         INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
    sealed     BLOB NOT NULL, -- empty once retired
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;
INSERT INTO root_key VALUES(1,X'0143407c7bcf95e321890f431ccd91b6df453d4dffdfaaa6add13009f91c1c955846901c84fdfdf862dae12eed56d82078db30e88ca666f623e1fe8929',1795322533,NULL);
INSERT INTO root_key VALUES(2,X'015d75a4b4a32a389ef5420923999e7bbb9dd4e3a9747609da13a139fab38657d7cad64b9cbbf86e02c6859a619a6d44c43d7db381ad7ca6a34730df13',1795322533,NULL);
CREATE TABLE credential (
    id           INTEGER PRIMARY KEY, -- random, so that no id ever returns
    name         TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),
    preset       TEXT NOT NULL,
    inject       TEXT NOT NULL,
    upstream_ca  TEXT NOT NULL,
    enabled      INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    plain        INTEGER NOT NULL CHECK (plain IN (0, 1)),
    scrub        INTEGER NOT NULL CHECK (scrub IN (0, 1)),
    foreign_pass INTEGER NOT NULL CHECK (foreign_pass IN (0, 1)),
    sealed       BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    rotated_at   INTEGER
) STRICT;
INSERT INTO credential VALUES(1931378401708610358,'fixture','','header:Authorization: Bearer {secret}','',1,0,1,0,X'01bd9fbd80eccc9130dc732987844402917133535f2c4c6036ee294c2a5463050bd2bc686e1ad87ad98041c9204bfa3c4157e2365a31af746144c2a8',1795322533,NULL);
CREATE TABLE token (
    id         BLOB PRIMARY KEY CHECK (length(id) = 16),
    key_id     INTEGER NOT NULL REFERENCES root_key (id),
    user       TEXT NOT NULL,
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > issued_at)
) STRICT, WITHOUT ROWID;
INSERT INTO token VALUES(X'2de55f081a2e34bcc32b3cd04aa5d85c',2,'dave',1795322533,2110682533);
INSERT INTO token VALUES(X'3260246f17aacfeceb76262ad9d5c2bd',2,'mallory',1795322533,2110682533);
INSERT INTO token VALUES(X'463ba34aaf01b6a3051030ec2e746bad',2,'carol',1795322533,2110682533);
INSERT INTO token VALUES(X'c0d9b04fcc93701522a2d873ee4834f8',1,'alice',1795322533,2110682533);
INSERT INTO token VALUES(X'cc45eef189798bb83b61a9dac4b896e9',2,'bob',1795322533,2110682533);
CREATE TABLE token_item (
    token_id BLOB NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    list     TEXT NOT NULL CHECK (list IN ('credentials', 'labels')),
    position INTEGER NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (token_id, list, position)
) STRICT, WITHOUT ROWID;
INSERT INTO token_item VALUES(X'2de55f081a2e34bcc32b3cd04aa5d85c','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'3260246f17aacfeceb76262ad9d5c2bd','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'463ba34aaf01b6a3051030ec2e746bad','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'c0d9b04fcc93701522a2d873ee4834f8','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'cc45eef189798bb83b61a9dac4b896e9','credentials',0,'fixture');
CREATE TABLE revocation (
    kind       TEXT NOT NULL CHECK (kind IN ('token', 'lineage', 'user', 'credential',
                                             'minted-before')),
    subject    TEXT NOT NULL,
    token_id   BLOB CHECK (token_id IS NULL OR length(token_id) = 16),
    at         INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO revocation VALUES('token','463ba34aaf01b6a3051030ec2e746bad',NULL,1795322533,2110682533);
INSERT INTO revocation VALUES('user','mallory',NULL,1795322533,2110682533);
CREATE TABLE counter (
    lineage    BLOB PRIMARY KEY CHECK (length(lineage) = 16), -- right after the caveat
    token_id   BLOB NOT NULL CHECK (length(token_id) = 16),
    window_s   INTEGER NOT NULL CHECK (window_s BETWEEN 0 AND 86400), -- 0: uses
    bound      INTEGER NOT NULL CHECK (bound > 0),
    used       INTEGER NOT NULL CHECK (used BETWEEN 0 AND bound), -- rate: beyond those in the log
    log        BLOB NOT NULL, -- rate: moments and numbers, broker/authority/counter_row.c
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE policy_version (
    number     INTEGER PRIMARY KEY CHECK (number >= 1),
    text       TEXT NOT NULL,    -- empty: no policy, as before the first version
    uid        INTEGER NOT NULL, -- of whoever applied it, by the admin socket
    applied_at INTEGER NOT NULL,
    comment    TEXT NOT NULL,
    changes    TEXT NOT NULL,    -- against the version before, a line each
    restores   INTEGER           -- the version whose text it has again
) STRICT;
CREATE TABLE IF NOT EXISTS "credential_item" (
    credential_id INTEGER NOT NULL REFERENCES credential (id) ON DELETE CASCADE,
    list          TEXT NOT NULL CHECK (list IN ('hosts', 'ports', 'slots', 'resolve',
                                                'allow_networks', 'path_exceptions', 'options')),
    position      INTEGER NOT NULL,
    value         TEXT NOT NULL,
    PRIMARY KEY (credential_id, list, position)
) STRICT, WITHOUT ROWID;
INSERT INTO credential_item VALUES(1931378401708610358,'allow_networks',0,'127.0.0.0/8');
INSERT INTO credential_item VALUES(1931378401708610358,'hosts',0,'fixture.example');
INSERT INTO credential_item VALUES(1931378401708610358,'resolve',0,'fixture.example:443:127.0.0.1:1');
INSERT INTO credential_item VALUES(1931378401708610358,'slots',0,'bearer');
COMMIT;
