package vfs

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

type mapping struct {
	addr uintptr
	data []byte
}

func (m *mapping) Bytes() []byte { return m.data }

func (m *mapping) Close() error {
	if m.data == nil {
		return nil
	}
	m.data = nil
	if err := windows.UnmapViewOfFile(m.addr); err != nil {
		return pathError("unmap", "", err)
	}
	return nil
}

// mapFile maps a view. The size must not go beyond the end of the file.
func mapFile(f *os.File, size int64) (Mapping, error) {
	m := new(mapping)
	if err := m.view(f, size, windows.PAGE_READONLY, windows.FILE_MAP_READ); err != nil {
		return nil, err
	}
	return m, nil
}

// mapShared maps the file for writing, which makes it long enough.
func (p *osPage) mapShared(f *os.File, size int) error {
	return p.view(f, int64(size), windows.PAGE_READWRITE, windows.FILE_MAP_READ|windows.FILE_MAP_WRITE)
}

// view maps a view. The mapping object may be closed at once; the view keeps it
// alive.
func (m *mapping) view(f *os.File, size int64, protect, access uint32) error {
	err := withFD(f, func(fd uintptr) error {
		obj, err := windows.CreateFileMapping(windows.Handle(fd), nil, protect, uint32(size>>32), uint32(size), nil)
		if err != nil {
			return err
		}
		defer windows.CloseHandle(obj)
		m.addr, err = windows.MapViewOfFile(obj, access, 0, 0, uintptr(size))
		return err
	})
	if err != nil {
		return err
	}
	// The address is not of Go's memory, which vet cannot know.
	m.data = unsafe.Slice(*(**byte)(unsafe.Pointer(&m.addr)), size)
	return nil
}
