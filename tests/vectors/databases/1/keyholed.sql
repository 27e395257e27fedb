-- keyholed 0.1.0, tables version 1: made by tools/make-database-fixture
PRAGMA application_id = 1265124450;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('audit-key',X'01efe84a5fe81fa443d2425ca01870e93c05cb53d9b89f9aa0d2a0fa0bd23296647280c78530717d59e15468b497f465a91c8791c1aa6c86b3aeece72c');
INSERT INTO meta VALUES('audit-position',X'31302066313738396635636131646636336238633735393831383965646130636632383735613436393931373139333136303966303661363963333330396162633939');
INSERT INTO meta VALUES('local-ca-certificate',X'3082018f30820135a00302010202145604ca1d6e906477befda1ada1c27d0c8d80054a300a06082a8648ce3d04030230243122302006035504030c194b6579686f6c65206c6f63616c204341203034636131643665301e170d3236313132313034343231305a170d3336313131393034343231305a30243122302006035504030c194b6579686f6c65206c6f63616c2043412030346361316436653059301306072a8648ce3d020106082a8648ce3d03010703420004114709d77282a8a3ddd8decbdebc940b28efb4de1f1b09771fc2a0336ba83521dcf790f8c852333aa3c1fa8c342bc165ed3a189c85b81cec0808efcf2c31dd2aa345304330120603551d130101ff040830060101ff020100300e0603551d0f0101ff040403020106301d0603551d0e041604145f0638e64e78b6eabdc196d554d08f9c9ab5f00e300a06082a8648ce3d0403020348003045022100a6d1a3f0cd1c934e449c66b78d6ac845e9135fbe7ac8b9845cdc4d195cb3aac502207a5424be5c3ff5b7a75010d8c0c8ea96ff03c07089c9e17b0fbe2f0fef6d12e0');
INSERT INTO meta VALUES('local-ca-key',X'01162cf137fb7f03576009ed7abaf6d55beb34263889f4f17ffd450215a6955170b1bf36ff1e1d1484502a63221024cb019ae737242fcb8b554992abe0a03765ed01f456955f9d16a610e019693c41752d67037bebb617295441d6e016ae3aec0df57681ad369af14b8d8f32b524154b5a4ae2d9026da0c6edf8e0dd44ac65a4c152fbec8174705baa8e0fc6441fd7bbe643a9d87e1b');
INSERT INTO meta VALUES('master-key-check',X'f8608a6a459c029df3c6929fc2891ad7');
CREATE TABLE root_key (
    id         INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
    sealed     BLOB NOT NULL, -- empty once retired
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;
INSERT INTO root_key VALUES(1,X'016e45b4bb3d20d2e6343cd63594b3941f3b1155731798de10ac960b33a8ff32d1d482914b4fae5467119f0f5401e8aac21a5274f313559ddb94daeae9',1795322530,NULL);
INSERT INTO root_key VALUES(2,X'01f82f899dfff41ff6c9f908d9ede5b147f772bd4c352c5548c3c12cd77ac8b3320b5edc9d4aadf547d9080a20151903fcedeeb8ec40a9060bc61bfed9',1795322530,NULL);
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
INSERT INTO credential VALUES(1724625994448252083,'fixture','','header:Authorization: Bearer {secret}','',1,0,1,0,X'01803ca112f49eec96c68718ecdebcb27772a5951cb6e79ceceb9786f0d08d282357ad381a2cca1253385e5ce51e90864a55b11401574d4d0ed35429',1795322530,NULL);
CREATE TABLE credential_item (
    credential_id INTEGER NOT NULL REFERENCES credential (id) ON DELETE CASCADE,
    list          TEXT NOT NULL CHECK (list IN ('hosts', 'ports', 'slots', 'resolve',
                                                'allow_networks', 'path_exceptions')),
    position      INTEGER NOT NULL,
    value         TEXT NOT NULL,
    PRIMARY KEY (credential_id, list, position)
) STRICT, WITHOUT ROWID;
INSERT INTO credential_item VALUES(1724625994448252083,'allow_networks',0,'127.0.0.0/8');
INSERT INTO credential_item VALUES(1724625994448252083,'hosts',0,'fixture.example');
INSERT INTO credential_item VALUES(1724625994448252083,'resolve',0,'fixture.example:443:127.0.0.1:1');
INSERT INTO credential_item VALUES(1724625994448252083,'slots',0,'bearer');
CREATE TABLE token (
    id         BLOB PRIMARY KEY CHECK (length(id) = 16),
    key_id     INTEGER NOT NULL REFERENCES root_key (id),
    user       TEXT NOT NULL,
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > issued_at)
) STRICT, WITHOUT ROWID;
INSERT INTO token VALUES(X'3ac203a925d5451240989d46f9971158',1,'alice',1795322530,2110682530);
INSERT INTO token VALUES(X'4aab03b794278eb3adbe6f25149ecde1',2,'mallory',1795322530,2110682530);
INSERT INTO token VALUES(X'7842cf0c3db1c84fc59e5a1e0ecd2226',2,'bob',1795322530,2110682530);
INSERT INTO token VALUES(X'adceaff2c77bfff59e5b3369972e745a',2,'carol',1795322530,2110682530);
CREATE TABLE token_item (
    token_id BLOB NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    list     TEXT NOT NULL CHECK (list IN ('credentials', 'labels')),
    position INTEGER NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (token_id, list, position)
) STRICT, WITHOUT ROWID;
INSERT INTO token_item VALUES(X'3ac203a925d5451240989d46f9971158','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'4aab03b794278eb3adbe6f25149ecde1','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'7842cf0c3db1c84fc59e5a1e0ecd2226','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'adceaff2c77bfff59e5b3369972e745a','credentials',0,'fixture');
CREATE TABLE revocation (
    kind       TEXT NOT NULL CHECK (kind IN ('token', 'lineage', 'user', 'credential',
                                             'minted-before')),
    subject    TEXT NOT NULL,
    token_id   BLOB CHECK (token_id IS NULL OR length(token_id) = 16),
    at         INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO revocation VALUES('token','adceaff2c77bfff59e5b3369972e745a',NULL,1795322530,2110682530);
INSERT INTO revocation VALUES('user','mallory',NULL,1795322530,2110682530);
COMMIT;
