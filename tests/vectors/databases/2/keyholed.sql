-- keyholed 0.1.0, tables version 2: made by tools/make-database-fixture
PRAGMA application_id = 1265124450;
PRAGMA user_version = 2;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('audit-key',X'012960819e50e06dd9bc789961f7d6a22aa1c55676a76070805433805fca6becaceb1711f51187a54b16590f5e094d31b7df2aaf824faab040a67b21a2');
INSERT INTO meta VALUES('audit-position',X'31312036616238343064346463656132636338373663643337333632316233666135653564343539613832313537393830613437313261333136313136656162653533');
INSERT INTO meta VALUES('counter-horizon',X'3020302030');
INSERT INTO meta VALUES('local-ca-certificate',X'3082018f30820135a003020102021447ce0fb9d14e3fda48ae30d02d48cc412c1830d9300a06082a8648ce3d04030230243122302006035504030c194b6579686f6c65206c6f63616c204341206365306662396431301e170d3236313132313034343231315a170d3336313131393034343231315a30243122302006035504030c194b6579686f6c65206c6f63616c2043412063653066623964313059301306072a8648ce3d020106082a8648ce3d03010703420004df223c59f5b954466e8ddd7aa73969564971c50c78e51ade3e366473bf189d6129d1c7094151ba04a76645caad8bae0dae236da0d834e8a6a2d0bd62d4d65276a345304330120603551d130101ff040830060101ff020100300e0603551d0f0101ff040403020106301d0603551d0e04160414a56ab30d17ae5dd6f70821099b458663da8786b2300a06082a8648ce3d040302034800304502202207b851ea7401b1ff67c24803b841a9817326bbc9d1f6d63a0bc60107072bb4022100d1d940b89063d4d008c050b63cc6901bbef483e02f86134cd1d4d08d2e6c00d2');
INSERT INTO meta VALUES('local-ca-key',X'01c05c906de4052935c570ae592bf4f0919d92b72edd862c124532307c4c68ea6fd77d91ac45e8d2df7706fed144ea6e1fc41439fe699cda750ef6b02c5bedd549e514ac10f3d1c9d32bda44767a0ea5ed3ddbdd9cbe9d9bc863ad648acd2a35b304a29e26007ac388001327dd96595750371c1c4f2ffa4220cd2e1a09f234a77441350ef67e96744012fa8336d1c6e899d4d86cca53');
INSERT INTO meta VALUES('master-key-check',X'cbab4a935b6903a574ec41e6f7b8b684');
CREATE TABLE root_key (
    id         INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
    sealed     BLOB NOT NULL, -- empty once retired
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;
INSERT INTO root_key VALUES(1,X'019c5c11430d09fa3e8226c9e9145dc0dfe2522e46125a0e2828e8291c0426f121027031a1866b3104b07b1459f5f83a8d45b255290286111cf4f18c7f',1795322531,NULL);
INSERT INTO root_key VALUES(2,X'01effb60d87659f065f2153203a8cf61fda86e262c36c006feac2ca3bf050134a16b7c733025dbc702302449d75ab91d5a6128740a5bca07c4f5ebecd9',1795322531,NULL);
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
INSERT INTO credential VALUES(3614292948016296101,'fixture','','header:Authorization: Bearer {secret}','',1,0,1,0,X'01e512c04f57e7bccfaabca785825420abca57078db2a3a8ac824668e6e5233834abe9d6a57a64885f36ad50adff6276d43c02fc39590258d25ea971',1795322531,NULL);
CREATE TABLE credential_item (
    credential_id INTEGER NOT NULL REFERENCES credential (id) ON DELETE CASCADE,
    list          TEXT NOT NULL CHECK (list IN ('hosts', 'ports', 'slots', 'resolve',
                                                'allow_networks', 'path_exceptions')),
    position      INTEGER NOT NULL,
    value         TEXT NOT NULL,
    PRIMARY KEY (credential_id, list, position)
) STRICT, WITHOUT ROWID;
INSERT INTO credential_item VALUES(3614292948016296101,'allow_networks',0,'127.0.0.0/8');
INSERT INTO credential_item VALUES(3614292948016296101,'hosts',0,'fixture.example');
INSERT INTO credential_item VALUES(3614292948016296101,'resolve',0,'fixture.example:443:127.0.0.1:1');
INSERT INTO credential_item VALUES(3614292948016296101,'slots',0,'bearer');
CREATE TABLE token (
    id         BLOB PRIMARY KEY CHECK (length(id) = 16),
    key_id     INTEGER NOT NULL REFERENCES root_key (id),
    user       TEXT NOT NULL,
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > issued_at)
) STRICT, WITHOUT ROWID;
INSERT INTO token VALUES(X'036f03f28b219fd9af2a5655e33f81ef',1,'alice',1795322531,2110682531);
INSERT INTO token VALUES(X'08f7c881369975ac155d746424dda889',2,'carol',1795322531,2110682531);
INSERT INTO token VALUES(X'259d41f36835ceb6124d5baec0bb42ce',2,'mallory',1795322531,2110682531);
INSERT INTO token VALUES(X'7798c067f5592a1abb88b3bdae3db815',2,'dave',1795322531,2110682531);
INSERT INTO token VALUES(X'c54f0ba1c28ee5b6da8e9f450bce5af3',2,'bob',1795322531,2110682531);
CREATE TABLE token_item (
    token_id BLOB NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    list     TEXT NOT NULL CHECK (list IN ('credentials', 'labels')),
    position INTEGER NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (token_id, list, position)
) STRICT, WITHOUT ROWID;
INSERT INTO token_item VALUES(X'036f03f28b219fd9af2a5655e33f81ef','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'08f7c881369975ac155d746424dda889','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'259d41f36835ceb6124d5baec0bb42ce','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'7798c067f5592a1abb88b3bdae3db815','credentials',0,'fixture');
INSERT INTO token_item VALUES(X'c54f0ba1c28ee5b6da8e9f450bce5af3','credentials',0,'fixture');
CREATE TABLE revocation (
    kind       TEXT NOT NULL CHECK (kind IN ('token', 'lineage', 'user', 'credential',
                                             'minted-before')),
    subject    TEXT NOT NULL,
    token_id   BLOB CHECK (token_id IS NULL OR length(token_id) = 16),
    at         INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO revocation VALUES('token','08f7c881369975ac155d746424dda889',NULL,1795322531,2110682531);
INSERT INTO revocation VALUES('user','mallory',NULL,1795322531,2110682531);
CREATE TABLE counter (
    lineage    BLOB PRIMARY KEY CHECK (length(lineage) = 16), -- right after the caveat
    token_id   BLOB NOT NULL CHECK (length(token_id) = 16),
    window_s   INTEGER NOT NULL CHECK (window_s BETWEEN 0 AND 86400), -- 0: uses
    bound      INTEGER NOT NULL CHECK (bound > 0),
    used       INTEGER NOT NULL CHECK (used BETWEEN 0 AND bound), -- rate: beyond those in the log
    log        BLOB NOT NULL, -- rate: moments and numbers, broker/authority/counter_row.c
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
COMMIT;
