package segment

import (
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

func TestLayout(t *testing.T) {
	for _, max := range []int64{1 << 12, 1<<20 + 8, 128 << 20, codec.MaxSegmentLen} {
		l := NewLayout(36, max)
		require.GreaterOrEqual(t, l.MaxFile(), max)
		for _, off := range []int64{64, 4096 - 8, max - 8} {
			for _, slot := range []uint32{0, 1, l.MaxSlots() - 1} {
				p := l.Place(slot, off)
				require.Less(t, p, uint64(1)<<36)
				s, o := l.Split(p)
				require.Equal(t, slot, s)
				require.Equal(t, off, o)
			}
		}
	}
}

// TestRetire: the files of a retired segment stay until its last reader lets go.
func TestRetire(t *testing.T) {
	mem := vfs.NewMem()
	files := NewFiles(4, false)
	l := newTestLog()
	l.commit("v")
	mem.WriteFile(codec.SegmentName(1), l.b)
	mem.WriteFile(codec.HintName(1), []byte("hint"))
	var log Log
	seg := Found(mem, files, 1, 0, int64(len(l.b)))
	log.Publish([]*Segment{seg})
	set := log.Acquire(3)
	require.Same(t, seg, set.At(0))
	require.Nil(t, set.At(1))
	require.NoError(t, seg.Retire())
	log.Publish([]*Segment{nil})
	_, err := mem.Stat(codec.SegmentName(1))
	require.NoError(t, err)
	require.NoError(t, set.At(0).ReadAt(make([]byte, 8), 0))
	set.Release(3)
	_, err = mem.Stat(codec.SegmentName(1))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = mem.Stat(codec.HintName(1))
	require.ErrorIs(t, err, fs.ErrNotExist)
	log.Publish(nil)
	log.Wait()
	require.Nil(t, log.Acquire(0))
	require.NoError(t, log.TakeErrors())
}

// removing fails from the removal of some file on.
type removing struct {
	vfs.FS
	left int
}

func (r *removing) Remove(name string) error {
	if r.left--; r.left < 0 {
		return fs.ErrPermission
	}
	return r.FS.Remove(name)
}

// TestRemoveHalf: whoever is stopped as it removes a segment never leaves a hint without it.
func TestRemoveHalf(t *testing.T) {
	for left := range 3 {
		mem := vfs.NewMem()
		mem.WriteFile(codec.SegmentName(1), []byte("segment"))
		mem.WriteFile(codec.HintName(1), []byte("hint"))
		var gone bool
		files := NewFiles(4, false)
		files.Removed = func(_ *Segment, _ int64, all bool) { gone = all }
		seg := Found(&removing{mem, left}, files, 1, 0, 7)
		require.NoError(t, seg.Retire())
		err := seg.Discard()
		require.Equal(t, left < 2, err != nil)
		require.Equal(t, left == 2, gone)
		_, hint := mem.Stat(codec.HintName(1))
		_, segment := mem.Stat(codec.SegmentName(1))
		require.Equal(t, left == 0, hint == nil)
		require.Equal(t, left < 2, segment == nil)
	}
}

// TestSetRace swaps sets under readers: what a reader holds is never released.
func TestSetRace(t *testing.T) {
	mem := vfs.NewMem()
	files := NewFiles(4, false)
	var log Log
	l := newTestLog()
	l.commit("v")
	next := func(i uint64) *Segment {
		mem.WriteFile(codec.SegmentName(i), l.b)
		return Found(mem, files, i, 0, int64(len(l.b)))
	}
	log.Publish([]*Segment{next(1)})
	var stop atomic.Bool
	var wg sync.WaitGroup
	for g := range uint64(4) {
		wg.Go(func() {
			for !stop.Load() {
				set := log.Acquire(g)
				seg := set.At(0)
				require.Positive(t, seg.refs.Load())
				require.NoError(t, seg.ReadAt(make([]byte, 8), 0))
				_, err := mem.Stat(seg.Name())
				require.NoError(t, err)
				set.Release(g)
			}
		})
	}
	for i := range uint64(300) {
		old := log.Acquire(9)
		_ = old.At(0).Retire()
		log.Publish([]*Segment{next(i + 2)})
		old.Release(9)
	}
	stop.Store(true)
	wg.Wait()
	log.Publish(nil)
	log.Wait()
	require.NoError(t, log.TakeErrors())
	require.Len(t, mem.Names(), 1)
}
