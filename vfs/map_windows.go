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

// mapFile maps a view. The mapping object may be closed at once; the view
// keeps it alive. The size must not go beyond the end of the file.
func mapFile(f *os.File, size int64) (Mapping, error) {
	m := new(mapping)
	err := withFD(f, func(fd uintptr) (err error) {
		m.addr, err = mapView(windows.Handle(fd), size)
		return err
	})
	if err != nil {
		return nil, err
	}
	// The address is not of Go's memory, which vet cannot know.
	m.data = unsafe.Slice(*(**byte)(unsafe.Pointer(&m.addr)), size)
	return m, nil
}

func mapView(h windows.Handle, size int64) (uintptr, error) {
	obj, err := windows.CreateFileMapping(h, nil, windows.PAGE_READONLY, uint32(size>>32), uint32(size), nil)
	if err != nil {
		return 0, err
	}
	defer windows.CloseHandle(obj)
	return windows.MapViewOfFile(obj, windows.FILE_MAP_READ, 0, 0, uintptr(size))
}
