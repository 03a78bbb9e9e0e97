package main

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

var sqliteKind = contest.Kind{
	Promises: contest.Promises{
		Name: "sqlite", Version: "modernc.org/sqlite", Opened: "WAL, one table without rowid, prepared statements; synchronous FULL if durable, else OFF",
		Shared: true, Survives: true,
	},
	Open: openSqlite,
}

// sqliteStore has one connection to write, and several to read.
type sqliteStore struct {
	writer, reader   *sql.DB
	set, get, delete *sql.Stmt
}

func openSqlite(dir string, o contest.Options) (contest.Store, error) {
	if err := errors.Join(o.Plain(), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	source := "file:" + filepath.Join(dir, "cache.db") + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)&_pragma=mmap_size(1073741824)&_pragma=synchronous("
	if o.Durable() {
		source += "FULL)"
	} else {
		source += "OFF)"
	}
	s := &sqliteStore{}
	var werr, rerr error
	s.writer, werr = sql.Open("sqlite", source)
	s.reader, rerr = sql.Open("sqlite", source)
	if err := errors.Join(werr, rerr); err != nil {
		return nil, err
	}
	s.writer.SetMaxOpenConns(1)
	return s, s.prepare()
}

func (s *sqliteStore) prepare() (err error) {
	if _, err := s.writer.Exec("CREATE TABLE IF NOT EXISTS cache (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"); err != nil {
		return err
	}
	for _, p := range []struct {
		stmt **sql.Stmt
		db   *sql.DB
		text string
	}{
		{&s.set, s.writer, "INSERT OR REPLACE INTO cache VALUES (?, ?)"},
		{&s.delete, s.writer, "DELETE FROM cache WHERE key = ?"},
		{&s.get, s.reader, "SELECT value FROM cache WHERE key = ?"},
	} {
		if *p.stmt, err = p.db.Prepare(p.text); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqliteStore) Set(key, value []byte) error {
	_, err := s.set.Exec(key, value)
	return err
}

func (s *sqliteStore) Get(key, _ []byte) (v []byte, err error) {
	err = s.get.QueryRow(key).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, contest.ErrMissing
	}
	return v, err
}

func (s *sqliteStore) Delete(key []byte) error {
	_, err := s.delete.Exec(key)
	return err
}

func (s *sqliteStore) Batch(keys, values [][]byte) error {
	tx, err := s.writer.Begin()
	if err != nil {
		return err
	}
	set := tx.Stmt(s.set)
	for i, key := range keys {
		if _, err := set.Exec(key, values[i]); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func (s *sqliteStore) Compact() error {
	_, err := s.writer.Exec("VACUUM")
	return err
}

func (s *sqliteStore) Close() error { return errors.Join(s.reader.Close(), s.writer.Close()) }
