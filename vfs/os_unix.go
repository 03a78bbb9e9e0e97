//go:build unix

package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// openFlags: never wait for the other end of a pipe, never become a terminal's
// process, never follow a link.
const openFlags = syscall.O_NONBLOCK | syscall.O_NOCTTY | syscall.O_NOFOLLOW

// uninterrupted calls f again when a signal came between, but not for ever.
func uninterrupted(f func() error) (err error) {
	for range 100 {
		if err = f(); err != syscall.EINTR {
			return err
		}
	}
	return err
}

// checkTrust refuses a directory that others may write, or that is neither
// ours nor root's.
func checkTrust(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	uid := int(st.Uid)
	if info.Mode().Perm()&0o022 == 0 && (uid == os.Geteuid() || uid == 0) {
		return nil
	}
	return &UntrustedError{Path: path, Mode: info.Mode(), UID: uid}
}

// syncDir syncs a directory. A file system that says that it cannot do that
// (some in user space) has nothing that could be asked of it instead.
func syncDir(dir *os.Root) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	if err1 := f.Close(); err == nil {
		err = err1
	}
	return err
}

// syncParent syncs the directory that path is in. One that may be searched but
// not read cannot be opened, and so cannot be synced; that is no reason to
// refuse what is below it.
func syncParent(path string) error {
	r, err := os.OpenRoot(filepath.Dir(path))
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	return syncDir(r)
}
