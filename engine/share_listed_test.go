package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestShareListedAndGone: an SMB server lists a file that was removed for as long as a host has it
// open. Who opens the directory meanwhile does without it.
func TestShareListedAndGone(t *testing.T) {
	srv := vfs.NewServer(vfs.ServerOptions{Flavour: vfs.SMB, Choose: func(q vfs.Question, _ int) int {
		if q == vfs.AskPending {
			return 1
		}
		return 0
	}})
	host := srv.Host("a")
	process := host.Process()
	e, err := Open(vfs.NewRetry(process, vfs.RetryOptions{}), Options{SegmentSize: 4096})
	require.NoError(t, err)
	for i := range 20 {
		require.NoError(t, e.Set(fmt.Sprint(i), make([]byte, 1000), Attrs{}))
	}
	process.Kill()
	_ = e.Close()
	srv.Tick(2 * time.Minute)

	d := asMounted(srv.Host("d"))
	list, err := d.List(".")
	require.NoError(t, err)
	removed := 0
	for _, info := range list {
		if kind, _, ok := codec.ParseName(info.Name); ok && kind == codec.NameSegment && removed == 0 {
			f, err := asMounted(srv.Host("holder")).Open(info.Name)
			require.NoError(t, err)
			defer f.Close()
			require.NoError(t, d.Remove(info.Name))
			removed++
		}
	}
	require.Equal(t, 1, removed)
	again, err := asMounted(srv.Host("b")).List(".")
	require.NoError(t, err)
	require.Len(t, again, len(list), "it is listed")

	b, err := Open(asMounted(srv.Host("c")), Options{SegmentSize: 4096})
	require.NoError(t, err)
	n, err := b.Len()
	require.NoError(t, err)
	require.Greater(t, n, 10)
	require.Less(t, n, 20)
	require.NoError(t, b.Close())
}
