package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// remote are the file systems whose files other machines may change under us,
// or whose pages need not agree with what read returns.
var remote = map[uint32]string{
	0x6969:     "nfs",
	0x517B:     "smb",
	0xFF534D42: "cifs",
	0xFE534D42: "smb2",
	0x65735546: "fuse", // virtiofs too
	0x01021997: "9p",
	0x00C36400: "ceph",
	0x0BD00BD0: "lustre",
	0x47504653: "gpfs",
	0x19830326: "beegfs",
	0x20030528: "orangefs",
	0x5346414F: "afs",
	0x6B414653: "kafs",
	0x73757245: "coda",
	0x564C:     "ncp",
	0x01161970: "gfs2",
	0x7461636F: "ocfs2",
	0x786F4256: "vboxsf",
}

func isLocal(dir *os.File) bool {
	var st unix.Statfs_t
	err := withFD(dir, func(fd uintptr) error {
		return uninterrupted(func() error { return unix.Fstatfs(int(fd), &st) })
	})
	_, found := remote[uint32(st.Type)]
	return err == nil && !found
}

func freeBytes(dir *os.File) (int64, error) {
	var st unix.Statfs_t
	err := withFD(dir, func(fd uintptr) error {
		return uninterrupted(func() error { return unix.Fstatfs(int(fd), &st) })
	})
	return max(0, int64(st.Bavail)) * int64(st.Bsize), err
}
