-- docs/ledger-format.md describes these tables. The triggers guard against our own mistakes;
-- against somebody with the disk in hand, the signatures and the witness do.

CREATE TABLE entry (
    sequence  INTEGER PRIMARY KEY CHECK (sequence >= 1),
    type      TEXT NOT NULL,
    subject   TEXT NOT NULL,
    at        TEXT NOT NULL,
    body      BLOB NOT NULL CHECK (length(body) <= 16384),
    leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32)
) STRICT;

CREATE INDEX entry_by_subject ON entry (subject, type, sequence);
CREATE INDEX entry_by_type ON entry (type, sequence);

CREATE TABLE node (
    level    INTEGER NOT NULL CHECK (level >= 1),
    position INTEGER NOT NULL CHECK (position >= 0),
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY CHECK (size >= 1),
    note TEXT NOT NULL
) STRICT;

CREATE TABLE cosignature (
    size      INTEGER NOT NULL CHECK (size >= 1),
    witness   TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    note      TEXT NOT NULL,
    PRIMARY KEY (size, witness)
) STRICT;

CREATE TRIGGER entry_follows_the_last BEFORE INSERT ON entry
WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM entry)
BEGIN SELECT RAISE(ABORT, 'entries are only added at the end'); END;

CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'entries are never removed'); END;

CREATE TRIGGER node_no_update BEFORE UPDATE ON node
BEGIN SELECT RAISE(ABORT, 'nodes are never changed'); END;
CREATE TRIGGER node_no_delete BEFORE DELETE ON node
BEGIN SELECT RAISE(ABORT, 'nodes are never removed'); END;

CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'checkpoints are never changed'); END;
CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'checkpoints are never removed'); END;

CREATE TRIGGER cosignature_no_update BEFORE UPDATE ON cosignature
BEGIN SELECT RAISE(ABORT, 'cosignatures are never changed'); END;
CREATE TRIGGER cosignature_no_delete BEFORE DELETE ON cosignature
BEGIN SELECT RAISE(ABORT, 'cosignatures are never removed'); END;
