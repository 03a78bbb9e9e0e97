package engine

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestViewsForgotten: nobody looks at the views any more, and what is stored and goes does not make
// them longer and longer: in neither of two processes.
func TestViewsForgotten(t *testing.T) {
	mem := vfs.NewMem()
	opt := Options{CountLimit: 100, SegmentSize: 4096}
	procs := make([]*Engine, 2)
	for i := range procs {
		var err error
		procs[i], err = openAs(mem, opt)
		require.NoError(t, err)
		for _, w := range []Walk{{}, {ByKey: true}, {Tag: "t"}, {Tag: "t", ByKey: true}} {
			require.Empty(t, keysOfWalk(t, procs[i], w))
		}
		_, err = procs[i].QueueLen("")
		require.NoError(t, err)
	}
	for i := range 5_000 {
		key := fmt.Sprintf("%015d", i+1)
		require.NoError(t, procs[0].Set(key, nil, Attrs{Tag: "t"}))
		if i%3 == 0 {
			_, err := procs[0].Delete(key)
			require.NoError(t, err)
		}
		if i%1000 == 0 {
			require.NoError(t, procs[1].followNow())
		}
	}
	require.NoError(t, procs[1].followNow())
	for _, e := range procs {
		for k, x := range e.views.built {
			if x != nil {
				require.LessOrEqual(t, x.set.Len(), 2*e.index.Load().Len()+viewSlack, "view %d", k)
			}
		}
		viewsAgree(t, e)
		require.NoError(t, e.Close())
	}
}

// TestViewsMemory: the statistics count what a view takes, for as long as it is there.
func TestViewsMemory(t *testing.T) {
	e := openMem(t, Options{})
	const n = 3000
	for i := range n {
		require.NoError(t, e.Set(fmt.Sprintf("%05d", i), nil, Attrs{}))
	}
	memory := func() int64 {
		s, err := e.Stats()
		require.NoError(t, err)
		return s.IndexBytes
	}
	before := memory()
	require.Len(t, keysOfWalk(t, e, Walk{ByKey: true}), n)
	one := memory() - before
	require.Greater(t, one, int64(2*n), "two bytes of each key, at least, are its own")
	require.Less(t, one, int64(20*n))
	require.Len(t, keysOfWalk(t, e, Walk{}), n)
	require.Greater(t, memory(), before+one)
	_, err := e.QueueLen("q")
	require.NoError(t, err)
	e.views.giveUp()
	require.Equal(t, before, memory())

	// One that is mostly of keys that are gone is dropped, though nobody asks for it any more.
	require.Len(t, keysOfWalk(t, e, Walk{ByKey: true}), n)
	_, err = e.Clear()
	require.NoError(t, err)
	empty := memory()
	require.Empty(t, keysOfWalk(t, e, Walk{ByKey: true}))
	require.Less(t, memory()-empty, int64(1000))
}
