package vfs_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
	"github.com/go-diskcache/diskcache/vfs/vfstest"
)

func openDir(t *testing.T, o vfs.DirOptions) vfs.FS {
	t.Helper()
	d, err := vfs.OpenDir(t.TempDir(), o)
	require.NoError(t, err)
	t.Cleanup(func() { d.Close() }) // before the directory is removed
	return d
}

func openMem(*testing.T) vfs.FS { return vfs.NewMem() }

func TestSuite(t *testing.T) {
	disk := func(t *testing.T) vfs.FS { return openDir(t, vfs.DirOptions{}) }
	for name, open := range map[string]func(*testing.T) vfs.FS{
		"Disk":        disk,
		"NetworkDisk": func(t *testing.T) vfs.FS { return openDir(t, vfs.DirOptions{Network: vfs.NetworkYes}) },
		"Mem":         openMem,
		"Process":     func(*testing.T) vfs.FS { return vfs.NewMem().Process() },
		"Image":       func(*testing.T) vfs.FS { return image(vfs.NewMem()) },
		"Fault":       func(t *testing.T) vfs.FS { return vfs.NewFault(disk(t)) },
		"FaultMem":    func(t *testing.T) vfs.FS { return vfs.NewFault(openMem(t)) },
		"Retry":       func(t *testing.T) vfs.FS { return vfs.NewRetry(disk(t), vfs.RetryOptions{}) },
		"NFS3":        openHost(vfs.NFS3),
		"NFS4":        openHost(vfs.NFS4),
		"SMB":         openHost(vfs.SMB),
		"RetryNFS3": func(t *testing.T) vfs.FS {
			return vfs.NewRetry(openHost(vfs.NFS3)(t), vfs.RetryOptions{})
		},
	} {
		t.Run(name, func(t *testing.T) { vfstest.Run(t, open) })
	}
}

// TestShared: what the users of a directory see of one another.
func TestShared(t *testing.T) {
	for name, open := range map[string]func(*testing.T) vfstest.Shared{
		"Disk":  openTwice,
		"Mem":   openProcesses,
		"NFSv3": openHosts(vfs.NFS3),
		"NFSv4": openHosts(vfs.NFS4),
		"SMB":   openHosts(vfs.SMB),
	} {
		t.Run(name, func(t *testing.T) { vfstest.RunShared(t, open) })
	}
}

// openTwice opens a directory of the disk twice.
func openTwice(t *testing.T) vfstest.Shared {
	path := t.TempDir()
	var both []vfs.FS
	for range 2 {
		d, err := vfs.OpenDir(path, vfs.DirOptions{})
		require.NoError(t, err)
		t.Cleanup(func() { d.Close() })
		both = append(both, d)
	}
	return vfstest.Shared{Hosts: [][]vfs.FS{both}}
}

func openProcesses(*testing.T) vfstest.Shared {
	m := vfs.NewMem()
	return vfstest.Shared{Hosts: [][]vfs.FS{{m, m.Process(), m.Process()}}}
}

// openHosts opens the directory of a server in processes of three hosts.
func openHosts(f vfs.Flavour) func(*testing.T) vfstest.Shared {
	return func(t *testing.T) vfstest.Shared {
		s := newServer(t, f)
		a, b, c := s.Host("a"), s.Host("b"), s.Host("c")
		shared := vfstest.Shared{Hosts: [][]vfs.FS{{a.Process(), a.Process()}, {b.Process()}, {c.Process()}}}
		if f == vfs.SMB {
			shared.Settle = func() { s.Tick(time.Second) }
		}
		return shared
	}
}

// openHost opens the directory of a server on one of its hosts.
func openHost(f vfs.Flavour) func(*testing.T) vfs.FS {
	return func(t *testing.T) vfs.FS {
		return newServer(t, f).Host("a").Process()
	}
}

// image is the last crash image of a Mem with nothing open: itself.
func image(m *vfs.Mem) (img *vfs.Mem) {
	m.Crashes(vfs.CrashOptions{}, func(i *vfs.Mem, _ vfs.CrashPoint) bool {
		img = i
		return true
	})
	return img
}
