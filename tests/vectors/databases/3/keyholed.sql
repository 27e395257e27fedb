-- keyholed 0.1.0, tables version 3: made by tools/make-database-fixture
PRAGMA application_id = 1265124450;
PRAGMA user_version = 3;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('audit-key',X'01175660bae48439faa7d9be7b9e1710d61df25a392a819b406d7245aecbe8094bda2be3757194124004b2d83b874a63d40f5791387d89fcfca7e49b95');
INSERT INTO meta VALUES('audit-position',X'31312030376363623261313236633932333930383135663336393461663264626335303435616661363234323034616535363233613131306235313037356636623366');
INSERT INTO meta VALUES('counter-horizon',X'3020302030');
INSERT INTO meta VALUES('local-ca-certificate',X'3082018e30820135a00302010202144881c37e611632578fb7667a742bcce071b867c2300a06082a8648ce3d04030230243122302006035504030c194b6579686f6c65206c6f63616c204341203831633337653631301e170d3236313132313034343231325a170d3336313131393034343231325a30243122302006035504030c194b6579686f6c65206c6f63616c2043412038316333376536313059301306072a8648ce3d020106082a8648ce3d030107034200041c34a958ee8b210b472ed15e6242c072ea365345aed0aebfeac7071a55fd25ea7288f0b0b9b2b712d359b2ef5b58bffbd58c491f68be488f4684b024e3d5401ca345304330120603551d130101ff040830060101ff020100300e0603551d0f0101ff040403020106301d0603551d0e04160414521bfa0ce71096da7025a1137d96a128241d21e4300a06082a8648ce3d0403020347003044022019414b2118f9822ac1fc2e4f3e2142944a3f60558eb9def576e13947d96d5505022012298ef887004454a55033aac270f889bcc373fae3677eb45a5d45b72f56b477');
INSERT INTO meta VALUES('local-ca-key',X'01ea238d605acf6611d758b9fac9123e21676b536ef922ce83aa328ea5e5809bab16eca7c1d39dbfa7e6df7d6eb47f1400b87bba90c49e4820143f7a1c17db5efa42a642e23dc2095fcc751fb60eb8da0afa293ee56d2f2ac0a14f4b551d131d4716d02851d2ba6da8678d26852382f777dce76c626f5cbc92068a96857ca42d69a2cd7360096ea6ec43e49a0ee323707e21c2277cbc');
INSERT INTO meta VALUES('master-key-check',X'd53c03349b8c28c935d92a5576677825');
CREATE TABLE root_key (
    id         INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
    sealed     BLOB NOT NULL, -- empty once retired
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;
INSERT INTO root_key VALUES(1,X'01f25d289eae558be60ab340ecb7c13c1327e72d50ee698625a617c809cba7351f394f8f7c44c40af3e0a7eb46b6b2cf6be5ca5cd34d82cf5d5a20c3d4',1795322532,NULL);
INSERT INTO root_key VALUES(2,X'01645f502b3c2f8d85d35814b36171fff51a28e9e0135a56a3ae9180f7de53825949d4030bbe748d34632d7e90eb7835ad3b194fdd9c82cff71a79c9cd',1795322532,NULL);
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
INSERT INTO credential VALUES(4187223662073435859,'fixture','','header:Authorization: Bearer {secret}','',1,0,1,0,X'011c4817543654a3bbdfb32b9babd11cdda5aa0d5b08a8d1eb5a6d2c82f76ace6fc642298c52d7aa3325ab3b40ef6fa80d68b5bfef3cfc23f031416d',1795322532,NULL);
CREATE TABLE credential_item (
    credential_id INTEGER NOT NULL REFERENCES credential (id) ON DELETE CASCADE,
    list          TEXT NOT NULL CHECK (list IN ('hosts', 'ports', 'slots', 'resolve',
                                                'allow_networks', 'path_exceptions')),
    position      INTEGER NOT NULL,
    value         TEXT NOT NULL,
    PRIMARY KEY (credential_id, list, position)
) STRICT, WITHOUT ROWID;
INSERT INTO credential_item VALUES(4187223662073435859,'allow_networks',0,'127.0.0.0/8');
INSERT INTO credential_item VALUES(4187223662073435859,'hosts',0,'fixture.example');
INSERT INTO credential_item VALUES(4187223662073435859,'resolve',0,'fixture.example:443:127.0.0.1:1');
INSERT INTO credential_item VALUES(4187223662073435859,'slots',0,'bearer');
CREATE TABLE token (
    id         BLOB PRIMARY KEY CHECK (length(id) = 16),
    key_id     INTEGER NOT NULL REFERENCES root_key (id),
    user       TEXT NOT NULL,
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > issued_at)
) STRICT, WITHOUT ROWID;
INSERT INTO token VALUES(X'296fd5d245710f904da2bc9e1e384580',2,'dave',1795322532,2110682532);
INSERT INTO token VALUES(X'78e0910a1d88cbde1baa06f1a0197d78',1,'alice',1795322532,2110682532);
INSERT INTO token VALUES(X'a6570bc9500dc33d589d5e7800d79109',2,'carol',1795322532,2110682532);
INSERT INTO token VALUES(X'a6c5ae851eb6afd9f4239e9e8cb63418',2,'mallory',1795322532,2110682532);
INSERT INTO token VALUES(X'd7f968012a64d32cc6b743898cb9d605',2,'bob',1795322532,2110682532);
CREATE TABLE token_item (
    token_id BLOB NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    list     TEXT NOT NULL CHECK (list IN ('credentials', 'labels')),
    position INTEGER NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (token_id, list, position)
) STRICT, WITHOUT ROWID;
INSERT INTO token_item VALUES(X'296fd5d245710f904da2bc9e1e384580','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'78e0910a1d88cbde1baa06f1a0197d78','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'a6570bc9500dc33d589d5e7800d79109','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'a6c5ae851eb6afd9f4239e9e8cb63418','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'd7f968012a64d32cc6b743898cb9d605','credentials',0,'fixture');
CREATE TABLE revocation (
    kind       TEXT NOT NULL CHECK (kind IN ('token', 'lineage', 'user', 'credential',
                                             'minted-before')),
    subject    TEXT NOT NULL,
    token_id   BLOB CHECK (token_id IS NULL OR length(token_id) = 16),
    at         INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO revocation VALUES('token','a6570bc9500dc33d589d5e7800d79109',NULL,1795322532,2110682532);
INSERT INTO revocation VALUES('user','mallory',NULL,1795322532,2110682532);
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
COMMIT;
