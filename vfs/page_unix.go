//go:build unix

package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapShared makes the file long enough and maps it.
func (p *osPage) mapShared(f *os.File, size int) error {
	if err := reserve(f, int64(size)); err != nil {
		return err
	}
	return withFD(f, func(fd uintptr) (err error) {
		p.data, err = unix.Mmap(int(fd), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		return err
	})
}

// grow makes the file longer. Two processes that want different sizes at once
// could cut it here, but all who share a page are of one mind about its size.
func grow(f *os.File, size int64) error {
	info, err := f.Stat()
	if err != nil || info.Size() >= size {
		return err
	}
	return f.Truncate(size)
}
