//go:build unix || windows

package vfs

import "os"

// withFD lends f a file's descriptor. File.Fd would put it into blocking mode;
// this does not, and keeps it from being closed meanwhile.
func withFD(file *os.File, f func(fd uintptr) error) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if conn.Control(func(fd uintptr) { inner = f(fd) }) != nil {
		return os.ErrClosed // nothing else keeps Control from calling it
	}
	return inner
}
