-- SPDX-License-Identifier: Apache-2.0
--
-- Credentials have options, 'NAME=VALUE' (schema/credential_options.def). A CHECK cannot be changed
-- in place, so the table is made anew.
CREATE TABLE credential_item_new (
    credential_id INTEGER NOT NULL REFERENCES credential (id) ON DELETE CASCADE,
    list          TEXT NOT NULL CHECK (list IN ('hosts', 'ports', 'slots', 'resolve',
                                                'allow_networks', 'path_exceptions', 'options')),
    position      INTEGER NOT NULL,
    value         TEXT NOT NULL,
    PRIMARY KEY (credential_id, list, position)
) STRICT, WITHOUT ROWID;

INSERT INTO credential_item_new SELECT credential_id, list, position, value FROM credential_item;
DROP TABLE credential_item;
ALTER TABLE credential_item_new RENAME TO credential_item;
