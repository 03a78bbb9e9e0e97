package segment

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// meanwhile is a directory that another process uses amidst a call of this one.
type meanwhile struct {
	vfs.FS
	left  atomic.Int64 // so many calls before
	other func()
}

func (m *meanwhile) step() {
	if m.left.Add(-1) == 0 {
		m.other()
	}
}

func (m *meanwhile) Create(name string) (vfs.File, error) {
	m.step()
	f, err := m.FS.Create(name)
	if err != nil {
		return nil, err
	}
	return &meanwhileFile{f, m}, nil
}

func (m *meanwhile) Rename(from, to string) error { m.step(); return m.FS.Rename(from, to) }
func (m *meanwhile) Remove(name string) error     { m.step(); return m.FS.Remove(name) }

type meanwhileFile struct {
	vfs.File
	m *meanwhile
}

func (f *meanwhileFile) WriteAt(b []byte, off int64) (int, error) {
	f.m.step()
	return f.File.WriteAt(b, off)
}

func (f *meanwhileFile) Sync() error  { f.m.step(); return f.File.Sync() }
func (f *meanwhileFile) Close() error { f.m.step(); return f.File.Close() }

// TestHintWrittenTwice: two processes, of which each knows nothing of the other, write the hint of a
// segment at once. Neither fails, and it is there, whatever a third one has left behind.
func TestHintWrittenTwice(t *testing.T) {
	for _, f := range []vfs.Flavour{vfs.NFS3, vfs.NFS4, vfs.SMB} {
		for _, left := range []bool{false, true} {
			for seed := range uint64(4) {
				t.Run(fmt.Sprint(f, " left ", left, " ", seed), func(t *testing.T) {
					for n := int64(1); !hintWrittenTwice(t, f, left, seed, n); n++ {
					}
				})
			}
		}
	}
}

// hintWrittenTwice has the other one write at the n-th call, and reports whether there were fewer.
func hintWrittenTwice(t *testing.T, f vfs.Flavour, left bool, seed uint64, n int64) (fewer bool) {
	srv := vfs.NewServer(vfs.ServerOptions{Flavour: f, Seed: seed})
	disk := func(host string) vfs.FS {
		return vfs.NewRetry(srv.Host(host).Process(), vfs.RetryOptions{Sleep: srv.Tick})
	}
	h := &codec.Hint{SegmentID: 7, Length: codec.SegmentHeaderLen}
	if left {
		c, err := disk("c").Create(codec.TempName(codec.HintName(7), 0))
		require.NoError(t, err)
		require.NoError(t, c.Close())
		srv.Tick(time.Minute)
	}
	b := disk("b")
	a := &meanwhile{FS: disk("a"), other: func() {
		_, err := WriteHint(b, h, nil)
		require.NoError(t, err, "the other, at %d", n)
	}}
	a.left.Store(n)
	_, err := WriteHint(a, h, nil)
	require.NoError(t, err, "the other came at %d", n)
	srv.Tick(time.Minute)
	_, err = ReadHint(disk("d"), 7)
	require.NoError(t, err)
	list, err := disk("d").List(".")
	require.NoError(t, err)
	for _, info := range list {
		require.False(t, strings.HasSuffix(info.Name, ".tmp"), info.Name)
	}
	return a.left.Load() > 0
}
