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
