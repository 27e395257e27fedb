-- keyholed 0.1.0, tables version 5: made by tools/make-database-fixture
PRAGMA application_id = 1265124450;
PRAGMA user_version = 5;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('audit-key',X'01b2330863a65b3a8ce322fbebc8b49cb9c32a0e3171a34c1e9f155074292402a956520d6ff77ce5c4a7f182784a0741ee00b8d8aa7f8beebfe3dc7524');
INSERT INTO meta VALUES('audit-position',X'31312036376662326432343134366364616230636533373839343639643132613930353466313562626533356637356666653262336131333033386134396366346163');
INSERT INTO meta VALUES('counter-horizon',X'3020302030');
INSERT INTO meta VALUES('local-ca-certificate',X'3082019030820135a00302010202144567958c444142390be2a8889065d65f37777b7f300a06082a8648ce3d04030230243122302006035504030c194b6579686f6c65206c6f63616c204341203637393538633434301e170d3236313132313034343231345a170d3336313131393034343231345a30243122302006035504030c194b6579686f6c65206c6f63616c2043412036373935386334343059301306072a8648ce3d020106082a8648ce3d03010703420004d731e21ad123dfc8b85264c2241a34e50298d60b69775da6801dfc65f086b21c2d3697f401822cc43adcd972718c9276522a6f3cc62cbe24de6d23b8a7c2130aa345304330120603551d130101ff040830060101ff020100300e0603551d0f0101ff040403020106301d0603551d0e0416041462f8954322787bb1e4f20c15fc8950e50e4fc1e7300a06082a8648ce3d0403020349003046022100ff90ad98709c71dc28367da54fc5f93b30b13090bb43506d3f9b6900e86217f0022100f0b6d55b99a7e951a553a4af546beca7120bfdb7fa36130d0ca1bc9b281c941c');
INSERT INTO meta VALUES('local-ca-key',X'01d58e55c65d41d974ec86df4abb7288f63ff2377f2d026fdc73711c05f7049bb5d48acbf524d492dc947ce76993d433f7f1a23fdf49e0516e92f38eee6717903a10bb3461650701f242021dcdbe41e7102e0b809f96252d4cad39411f4ac3e33151fe039d7cf05040e1cdd1d303f9b41b885f69e26cc002697ba6559c978d716add00d1edd68a49a93b0d26bd4b09a5bb4ed56f12a2');
INSERT INTO meta VALUES('master-key-check',X'621a199d6f661251c3c2467b60aa96dc');
CREATE TABLE root_key (
    id         INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
    sealed     BLOB NOT NULL, -- empty once retired
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;
INSERT INTO root_key VALUES(1,X'01fe91c814cddecdbc7d66b9ca1329183551d5f8a0fd08f1b43eea0bf333bda45ac054b257852076f680d183c0774ebb9c02fb2fccb63a2d8e589aac3d',1795322534,NULL);
INSERT INTO root_key VALUES(2,X'01010daf0057dd2454d63c76aa070a48ccb3e5fb78cf57f46ca1d8f9f639226bd0a467db96b8e7961222327fe2d2003ab265307e75c3cd9bb895be5e53',1795322534,NULL);
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
INSERT INTO credential VALUES(3327800415638893448,'fixture','','header:Authorization: Bearer {secret}','',1,0,1,0,X'0175e97a5608719d8dc2948b08c1b48ac9fee026e9a3ea985029fb0772cbc3c5de81534b7780cb8ba56ead25e16f7ff2056d246ef802e36aa8cbea0d',1795322534,NULL);
CREATE TABLE token (
    id         BLOB PRIMARY KEY CHECK (length(id) = 16),
    key_id     INTEGER NOT NULL REFERENCES root_key (id),
    user       TEXT NOT NULL,
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > issued_at)
) STRICT, WITHOUT ROWID;
INSERT INTO token VALUES(X'1313cc94822fcf3c458035559401725b',2,'carol',1795322535,2110682535);
INSERT INTO token VALUES(X'3660fb851709f7889fda69667498ccba',2,'dave',1795322535,2110682535);
INSERT INTO token VALUES(X'b1059d899928543f0f2cd2c8b6ce8c1f',2,'mallory',1795322535,2110682535);
INSERT INTO token VALUES(X'b34a35ec6b507bbf3d737e52015cb7ac',2,'bob',1795322534,2110682534);
INSERT INTO token VALUES(X'e9ba9b1a51e8c1066bbf943a2b4c4fe5',1,'alice',1795322534,2110682534);
CREATE TABLE token_item (
    token_id BLOB NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    list     TEXT NOT NULL CHECK (list IN ('credentials', 'labels')),
    position INTEGER NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (token_id, list, position)
) STRICT, WITHOUT ROWID;
INSERT INTO token_item VALUES(X'1313cc94822fcf3c458035559401725b','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'3660fb851709f7889fda69667498ccba','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'b1059d899928543f0f2cd2c8b6ce8c1f','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'b34a35ec6b507bbf3d737e52015cb7ac','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'e9ba9b1a51e8c1066bbf943a2b4c4fe5','credentials',0,'fixture');
CREATE TABLE revocation (
    kind       TEXT NOT NULL CHECK (kind IN ('token', 'lineage', 'user', 'credential',
                                             'minted-before')),
    subject    TEXT NOT NULL,
    token_id   BLOB CHECK (token_id IS NULL OR length(token_id) = 16),
    at         INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO revocation VALUES('token','1313cc94822fcf3c458035559401725b',NULL,1795322535,2110682535);
INSERT INTO revocation VALUES('user','mallory',NULL,1795322535,2110682535);
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
INSERT INTO credential_item VALUES(3327800415638893448,'allow_networks',0,'127.0.0.0/8');
INSERT INTO credential_item VALUES(3327800415638893448,'hosts',0,'fixture.example');
INSERT INTO credential_item VALUES(3327800415638893448,'resolve',0,'fixture.example:443:127.0.0.1:1');
INSERT INTO credential_item VALUES(3327800415638893448,'slots',0,'bearer');
CREATE TABLE credential_previous (
    credential_id INTEGER PRIMARY KEY REFERENCES credential (id) ON DELETE CASCADE,
    sealed        BLOB NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT;
COMMIT;
