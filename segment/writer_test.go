package segment

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

func TestWriterSealHint(t *testing.T) {
	w, mem := newWriter(t)
	for i := range uint64(10) {
		b := frame(w, i+1, strings.Repeat("k", int(i)), "v")
		off := w.Offset()
		require.NoError(t, w.Append(b))
		w.Note(&codec.HintEntry{Hash: codec.Sum([]byte(strings.Repeat("k", int(i)))), Seq: i + 1, Off: off + codec.FrameHeaderLen, Size: int64(len(b)) - codec.FrameHeaderLen, Kind: codec.KindPut})
	}
	n, err := w.Seal(nil)
	require.NoError(t, err)
	h, err := ReadHint(mem, testID)
	require.NoError(t, err)
	require.Equal(t, w.Offset(), h.Length)
	require.Len(t, mem.ReadFile(codec.HintName(testID)), int(n))

	// the hint says what a cursor finds
	got := mem.ReadFile(codec.SegmentName(testID))
	c, err := NewCursor(failingReader{got, 1 << 30}, testID, int64(len(got)), 0)
	require.NoError(t, err)
	i := 0
	for c.Next() {
		for _, r := range c.Commit().Records {
			require.Equal(t, h.Entries[i].Off, r.Off)
			require.Equal(t, h.Entries[i].Size, r.Size)
			require.Equal(t, h.Entries[i].Hash, r.Hash)
			i++
		}
	}
	require.Equal(t, len(h.Entries), i)
}

func TestWriterPoison(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	w, err := Create(fault, NewFiles(8, false), 0, codec.SegmentHeader{ID: testID})
	require.NoError(t, err)
	require.NoError(t, w.Append(frame(w, 1, "a", "1")))
	require.NoError(t, w.Sync())
	require.NoError(t, w.Append(frame(w, 2, "b", "2")))
	fault.Fail(vfs.Rule{Op: vfs.OpSync, Err: syscall.EIO, Once: true})
	synced := w.Segment.Synced()
	require.ErrorIs(t, w.Sync(), syscall.EIO)
	fault.Clear()
	require.ErrorIs(t, w.Sync(), ErrPoisoned, "a failed sync is not tried again")
	require.ErrorIs(t, w.Append(frame(w, 3, "c", "3")), ErrPoisoned)
	require.Equal(t, synced, w.Segment.Synced())
	_, err = w.Seal(nil)
	require.ErrorIs(t, err, ErrPoisoned)
	_, err = ReadHint(fault, testID)
	require.ErrorIs(t, err, os.ErrNotExist, "no hint for what is not on the disk")
}

func TestWriterFailedWrite(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	w, err := Create(fault, NewFiles(8, false), 0, codec.SegmentHeader{ID: testID})
	require.NoError(t, err)
	require.NoError(t, w.Append(frame(w, 1, "a", "1")))
	off := w.Offset()
	fault.Fail(vfs.Rule{Op: vfs.OpWrite, Err: syscall.ENOSPC, Once: true, Short: true})
	require.ErrorIs(t, w.Append(frame(w, 2, "b", "2")), syscall.ENOSPC)
	fault.Clear()
	require.ErrorIs(t, w.Append(frame(w, 3, "c", "3")), ErrPoisoned, "nothing goes behind a torn commit")
	require.Equal(t, off, w.Offset())
	require.Equal(t, off, w.Segment.Length())
	require.NoError(t, w.Sync(), "what came before can still be synced")
}

// TestConcurrentSync: a Sync that returns covers all that was appended before it
// was called, also when another is under way.
func TestConcurrentSync(t *testing.T) {
	w, mem := newWriter(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seq := uint64(0)
	for range 4 {
		wg.Go(func() {
			for range 50 {
				mu.Lock()
				seq++
				require.NoError(t, w.Append(frame(w, seq, "k", "v")))
				end := w.Offset()
				mu.Unlock()
				require.NoError(t, w.Sync())
				require.GreaterOrEqual(t, w.Segment.Synced(), end)
			}
		})
	}
	wg.Wait()
	require.Len(t, mem.ReadFile(codec.SegmentName(testID)), int(w.Offset()))
}

// openOS returns a directory of the system and its path.
func openOS(t *testing.T) (vfs.FS, string) {
	t.Helper()
	dir := t.TempDir()
	fsys, err := vfs.OpenDir(dir, vfs.DirOptions{Trust: true, Network: vfs.NetworkNever})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, fsys.Close()) })
	return fsys, dir
}

// TestWindow writes a segment through memory and, what is long, beside it, past its window, and
// reads it back by both ways and as another process does. Where there are no windows the same is
// written by system calls.
func TestWindow(t *testing.T) {
	fsys, dir := openOS(t)
	files := NewFiles(8, true)
	files.Window = 256 << 10
	w, err := Create(fsys, files, 0, codec.SegmentHeader{ID: testID})
	require.NoError(t, err)
	value := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 1000+i%3*mostStored) }
	reads := func(s *Segment, off int64, value string) {
		t.Helper()
		var rec codec.Record
		got, same, err := s.Get(off, 96, "key", nil, &rec)
		require.NoError(t, err)
		require.True(t, same)
		require.Equal(t, value, string(got))
	}
	other := Shared(fsys, NewFiles(8, true), testID, 0, codec.SegmentHeaderLen)
	var at []int64
	for i := range 100 { // more than the window holds
		at = append(at, w.Offset()+codec.FrameHeaderLen)
		require.NoError(t, w.Append(frame(w, uint64(i)+1, "key", value(i))))
		other.Grow(w.Offset())
		reads(w.Segment, at[i], value(i))
		reads(other, at[i], value(i))
	}
	require.Greater(t, w.Offset(), files.Window)
	_, err = w.Seal(nil)
	require.NoError(t, err)
	info, err := os.Stat(filepath.Join(dir, codec.SegmentName(testID)))
	require.NoError(t, err)
	require.Equal(t, w.Offset(), info.Size(), "what was reserved and not used is cut off")
	for i, off := range at {
		reads(w.Segment, off, value(i))
		reads(other, off, value(i))
	}
	require.NoError(t, w.Segment.release())
	require.NoError(t, other.Discard())
}

// TestWindowFinished ends writers without a hint while room for more may just be being
// reserved in the background: what they tell of is what is in the file then.
func TestWindowFinished(t *testing.T) {
	fsys, dir := openOS(t)
	files := NewFiles(8, false)
	files.Window = 256 << 10
	for id := uint64(1); id <= 50; id++ {
		w, err := Create(fsys, files, 0, codec.SegmentHeader{ID: id, Seq: id})
		require.NoError(t, err)
		require.NoError(t, w.Append(make([]byte, 20<<10))) // over half of the first step
		w.Finish()
		counted := w.Grown()
		require.NoError(t, w.Segment.release())
		info, err := os.Stat(filepath.Join(dir, codec.SegmentName(id)))
		require.NoError(t, err)
		require.Equal(t, info.Size(), counted)
	}
}

// TestWindowTruncated has somebody cut the file that is written and read through
// memory: an error, and the process lives.
func TestWindowTruncated(t *testing.T) {
	fsys, dir := openOS(t)
	files := NewFiles(8, true)
	files.Window = 64 << 10
	w, err := Create(fsys, files, 0, codec.SegmentHeader{ID: testID})
	require.NoError(t, err)
	if w.window == nil {
		t.Skip("no windows on this system")
	}
	off := w.Offset() + codec.FrameHeaderLen
	seq := uint64(0)
	for w.Offset() < files.Window-8<<10 { // as long as more is reserved, that lengthens the file again
		seq++
		require.NoError(t, w.Append(frame(w, seq, "key", "value")))
	}
	require.NoError(t, os.Truncate(filepath.Join(dir, codec.SegmentName(testID)), 0))
	var rec codec.Record
	_, _, err = w.Segment.Get(off, 96, "key", nil, &rec)
	require.True(t, IsDamage(err), "%v", err)
	_, _, err = w.Segment.Head(off, nil)
	require.True(t, IsDamage(err), "%v", err)
	require.Error(t, w.Append(frame(w, seq+1, "key", "value")))
	require.ErrorIs(t, w.Append(frame(w, seq+2, "key", "value")), ErrPoisoned)
	require.NoError(t, w.Segment.release())
}

func TestFilesBound(t *testing.T) {
	mem := vfs.NewMem()
	files := NewFiles(3, false)
	var segs []*Segment
	for i := range uint64(10) {
		l := newTestLog()
		l.commit("v")
		mem.WriteFile(codec.SegmentName(i+1), l.b)
		segs = append(segs, Found(mem, files, i+1, uint32(i), int64(len(l.b))))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 500 {
				b := make([]byte, 8)
				require.NoError(t, segs[i*7%10].ReadAt(b, 0))
				require.Equal(t, "\x89DCSEG\r\n", string(b))
			}
		})
	}
	wg.Wait()
	open := 0
	for _, s := range segs {
		if s.file.Load() != nil {
			open++
		}
	}
	require.LessOrEqual(t, open, 3)
	require.True(t, IsDamage(segs[0].ReadAt(make([]byte, 10), segs[0].Length())))
}
