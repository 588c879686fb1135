"""The tables of a store."""

SCHEMA = 6
"""Raised with every change; tables of an older one are made anew, since keys of another edgebuild hit nothing."""

TABLES = """
CREATE TABLE actions (key TEXT PRIMARY KEY, outcome TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
  refusal TEXT NOT NULL, cost REAL NOT NULL, created REAL NOT NULL, step TEXT NOT NULL, pinned INTEGER NOT NULL,
  used REAL NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE seen (prekey TEXT NOT NULL, digest TEXT NOT NULL, files TEXT NOT NULL, key TEXT NOT NULL,
  created REAL NOT NULL, PRIMARY KEY (prekey, digest)) WITHOUT ROWID;
CREATE TABLE history (workspace TEXT NOT NULL, label TEXT NOT NULL, age INTEGER NOT NULL, key TEXT NOT NULL,
  parts TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, created REAL NOT NULL,
  PRIMARY KEY (workspace, label, age)) WITHOUT ROWID;
CREATE TABLE workspaces (path TEXT PRIMARY KEY, seen REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE folders (path TEXT PRIMARY KEY, seen REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE plans (name TEXT PRIMARY KEY, installation TEXT NOT NULL, seen TEXT NOT NULL, outline TEXT NOT NULL,
  steps TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE observations (number INTEGER PRIMARY KEY, condition TEXT NOT NULL, subjects TEXT NOT NULL,
  digest TEXT NOT NULL, created REAL NOT NULL, replaced INTEGER NOT NULL);
CREATE INDEX observed ON observations (condition);
CREATE TABLE crashes (key TEXT PRIMARY KEY, limits TEXT NOT NULL, reason TEXT NOT NULL, log TEXT NOT NULL,
  times INTEGER NOT NULL, created REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE peaks (step TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE settled (name TEXT PRIMARY KEY, digest TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE trees (digest TEXT PRIMARY KEY, manifest TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE blobs (digest TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime INTEGER NOT NULL, inode TEXT NOT NULL)
  WITHOUT ROWID;
CREATE TABLE stats (device TEXT NOT NULL, inode TEXT NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
  ctime INTEGER NOT NULL, digest TEXT NOT NULL, crc INTEGER NOT NULL, used REAL NOT NULL,
  PRIMARY KEY (device, inode)) WITHOUT ROWID;
"""
STATEMENTS = tuple(text.strip() for text in TABLES.split(";") if text.strip())
"""One for each table and index, as SQLite keeps it."""
