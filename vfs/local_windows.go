package vfs

import (
	"math"
	"os"
	"strings"

	"golang.org/x/sys/windows"
)

// isLocal looks at where the handle leads in the end, which is another place
// than the path says when there are links in it.
func isLocal(dir *os.File) bool {
	var path string
	err := withFD(dir, func(fd uintptr) (err error) {
		path, err = finalPath(windows.Handle(fd))
		return err
	})
	if err != nil {
		return false
	}
	drive, ok := strings.CutPrefix(path, `\\?\`)
	if !ok || len(drive) < 2 || drive[1] != ':' {
		return false // \\?\UNC\server\share\… or unknown
	}
	root, err := windows.UTF16PtrFromString(drive[:2] + `\`)
	if err != nil {
		return false
	}
	switch windows.GetDriveType(root) {
	case windows.DRIVE_FIXED, windows.DRIVE_REMOVABLE, windows.DRIVE_RAMDISK:
		return true
	}
	return false
}

func finalPath(h windows.Handle) (string, error) {
	buf := make([]uint16, windows.MAX_LONG_PATH)
	n, err := windows.GetFinalPathNameByHandle(h, &buf[0], uint32(len(buf)), 0)
	if err != nil {
		return "", err
	}
	return windows.UTF16ToString(buf[:min(int(n), len(buf))]), nil
}

func freeBytes(dir *os.File) (n int64, err error) {
	err = withFD(dir, func(fd uintptr) error {
		path, err := finalPath(windows.Handle(fd))
		if err != nil {
			return err
		}
		p, err := windows.UTF16PtrFromString(path)
		if err != nil {
			return err
		}
		var free uint64
		err = windows.GetDiskFreeSpaceEx(p, &free, nil, nil)
		n = int64(min(free, math.MaxInt64))
		return err
	})
	return n, err
}
