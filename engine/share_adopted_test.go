package engine

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// syncHook is a directory in which something happens as a segment is synced, once.
type syncHook struct {
	vfs.FS
	sync func(f vfs.File) error
}

func (h *syncHook) Create(name string) (vfs.File, error) {
	f, err := h.FS.Create(name)
	if err != nil || !strings.HasSuffix(name, ".seg") {
		return f, err
	}
	return &syncHookFile{f, h}, nil
}

type syncHookFile struct {
	vfs.File
	h *syncHook
}

func (f *syncHookFile) Sync() error {
	if do := f.h.sync; do != nil {
		f.h.sync = nil
		return do(f.File)
	}
	return f.File.Sync()
}

// TestShareAdoptedStays: a host is cut off as it commits, after the server has got all of it, and loses its
// locks. Another publishes what it finds. Whatever the first is told when it is back, neither the commit
// nor the segment goes.
func TestShareAdoptedStays(t *testing.T) {
	for _, flavour := range []vfs.Flavour{vfs.NFS4, vfs.SMB} {
		for _, before := range []int{0, 1} { // commits in the segment
			for _, answer := range []error{nil, syscall.EIO} {
				t.Run(fmt.Sprint(flavour, ", after ", before, ", ", answer), func(t *testing.T) {
					adoptedStays(t, flavour, before, answer)
				})
			}
		}
	}
}

func adoptedStays(t *testing.T, flavour vfs.Flavour, before int, answer error) {
	srv := vfs.NewServer(vfs.ServerOptions{Flavour: flavour})
	host := srv.Host("a")
	hook := &syncHook{FS: host.Process()}
	opt := Options{Freshness: -1}
	a, err := Open(vfs.NewRetry(hook, vfs.RetryOptions{Tries: 2, Sleep: srv.Tick}), opt)
	require.NoError(t, err)
	b, err := Open(asMounted(srv.Host("b")), opt)
	require.NoError(t, err)
	require.NoError(t, a.Set("k", []byte("old"), Attrs{}))
	for range before {
		require.NoError(t, a.Set("k", []byte("older"), Attrs{}))
	}
	handOn(a)
	require.NoError(t, b.Set("other", []byte("1"), Attrs{}))
	handOn(b)

	reads := func(e *Engine) string {
		v, err := e.Get("k", nil)
		require.NoError(t, err)
		return string(v)
	}
	hook.sync = func(f vfs.File) error {
		require.NoError(t, f.Sync())
		host.CutOff()
		srv.Tick(2 * time.Minute)
		require.NoError(t, b.Set("other", []byte("2"), Attrs{}))
		require.Equal(t, "new", reads(b), "published")
		handOn(b)
		host.Reconnect()
		return answer
	}
	require.Error(t, a.Set("k", []byte("new"), Attrs{}))
	require.Equal(t, "new", reads(b))
	c, err := Open(asMounted(srv.Host("c")), opt)
	require.NoError(t, err)
	require.Equal(t, "new", reads(c))
	for _, e := range []*Engine{c, a, b} {
		_ = e.Close() // what a has lost it tells of once more
	}
}
