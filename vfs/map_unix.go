//go:build unix

package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

type mapping struct{ data []byte }

func (m *mapping) Bytes() []byte { return m.data }

func (m *mapping) Close() error {
	if m.data == nil {
		return nil
	}
	data := m.data
	m.data = nil
	if err := unix.Munmap(data); err != nil {
		return pathError("unmap", "", err)
	}
	return nil
}

func mapFile(f *os.File, size int64) (Mapping, error) {
	m := new(mapping)
	err := withFD(f, func(fd uintptr) (err error) {
		m.data, err = unix.Mmap(int(fd), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}
