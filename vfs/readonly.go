package vfs

import "errors"

// ErrReadOnly: the directory was opened for reading only.
var ErrReadOnly = errors.New("opened for reading only")

// ReadOnly is an FS by which nothing is ever changed, not even a lock file: all that would
// is ErrReadOnly, before the disk is asked.
type ReadOnly struct{ FS }

func (ReadOnly) Create(name string) (File, error) { return nil, readOnly("create", name) }

func (ReadOnly) OpenWrite(name string) (File, error) { return nil, readOnly("open", name) }

func (ReadOnly) Remove(name string) error { return readOnly("remove", name) }

func (ReadOnly) Rename(from, _ string) error { return readOnly("rename", from) }

func (ReadOnly) Mkdir(name string) error { return readOnly("mkdir", name) }

func (ReadOnly) SyncDir(dir string) error { return readOnly("sync", dir) }

func (ReadOnly) Locks(name string) (Locks, error) { return nil, readOnly("lock", name) }

func (ReadOnly) Page(name string, _ int) (Page, error) { return nil, readOnly("page", name) }

func readOnly(op, name string) error { return pathError(op, name, ErrReadOnly) }
