package engine

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestShareFirstDiesOpening: the process that opens the directory first may die before it is
// done. One that waits for it takes its place.
func TestShareFirstDiesOpening(t *testing.T) { inModes(t, testShareFirstDiesOpening) }

func testShareFirstDiesOpening(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	e, err := Open(mem, Options{})
	require.NoError(t, err)
	require.NoError(t, e.Set("k", []byte("1"), Attrs{}))
	require.NoError(t, e.Close())
	mem = mem.Clone()

	ap, bp := newDeadly(t, mem), newDeadly(t, mem)
	reading, waiting, dies := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once, waits sync.Once
	ap.onOpen = func(name string) {
		if name == codec.StateName {
			return // read under the open lock
		}
		once.Do(func() {
			close(reading)
			<-dies
		})
	}
	bp.onLock = func(i int) {
		if i == lockWriter {
			waits.Do(func() { close(waiting) })
		}
	}
	failed := make(chan error, 1)
	go func() {
		_, err := Open(ap, exactly(mem, Options{}))
		failed <- err
	}()
	<-reading
	opened := make(chan *Engine, 1)
	go func() {
		b, err := Open(bp, exactly(mem, Options{SizeLimit: 1 << 30}))
		require.NoError(t, err)
		opened <- b
	}()
	<-waiting
	ap.die()
	close(dies)
	require.ErrorIs(t, <-failed, errDead)
	b := <-opened
	v, err := b.Get("k", nil)
	require.NoError(t, err)
	require.Equal(t, "1", string(v))
	require.Equal(t, int64(1<<30), b.settings().SizeLimit)
	require.NoError(t, b.Set("k", []byte("2"), Attrs{}))
	c, _ := openIn(t, mem, Options{})
	v, err = c.Get("k", nil)
	require.NoError(t, err)
	require.Equal(t, "2", string(v))
	require.NoError(t, b.Close())
	require.NoError(t, c.Close())
}

// TestShareOptions: processes agree on what concerns all. Who gives nothing takes over what
// there is, who gives something else changes it or, where it cannot be changed, is refused and told what.
func TestShareOptions(t *testing.T) { inModes(t, testShareOptions) }

func testShareOptions(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	first := Options{SizeLimit: 64 << 20, CountLimit: 1000, Policy: evict.LRU, SegmentSize: 1 << 20, FileThreshold: 5000, MinFreeSpace: 4096}
	a, err := openAs(mem, first)
	require.NoError(t, err)
	for name, o := range map[string]Options{
		"SegmentSize": {SegmentSize: 2 << 20},
		"Hash":        {Hash: func(string) uint64 { return 1 }},
	} {
		_, err := openAs(mem, o)
		require.ErrorIs(t, err, ErrOption, name)
		require.ErrorContains(t, err, name)
	}
	for _, o := range []Options{{}, first} {
		b, err := openAs(mem, o)
		require.NoError(t, err)
		require.Equal(t, first.SizeLimit, b.settings().SizeLimit)
		require.Equal(t, first.CountLimit, b.settings().CountLimit)
		require.Equal(t, first.Policy, b.opt.Policy)
		require.Equal(t, first.SegmentSize, b.opt.SegmentSize)
		require.Equal(t, first.FileThreshold, b.settings().FileThreshold)
		require.Equal(t, a.id, b.id)
		require.NoError(t, b.Close())
	}
	b, err := openAs(mem, Options{CountLimit: 1001, Policy: evict.LFU}) // which it gives to all
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.NoError(t, a.Update(func(*Tx) error { return nil }))
	s, err := a.Settings()
	require.NoError(t, err)
	require.Equal(t, int64(1001), s.CountLimit)
	require.Equal(t, evict.LFU, s.Policy)
	require.Equal(t, first.Policy, a.evict.policy) // as long as somebody has it open
	died, err := a.someDied()                      // who was refused left in good order
	require.NoError(t, err)
	require.False(t, died)
	require.NoError(t, a.Close())
}

// TestShareBoardOfThePast: what a board says that dead processes have left is not believed.
func TestShareBoardOfThePast(t *testing.T) { inModes(t, testShareBoardOfThePast) }

func testShareBoardOfThePast(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	a, ap := openIn(t, mem, Options{SizeLimit: 64 << 20})
	require.NoError(t, a.Set("k", []byte("1"), Attrs{}))
	ap.kill(a)
	b, _ := openIn(t, mem, Options{SizeLimit: 32 << 20}) // alone: the options are its own
	require.Equal(t, int64(32<<20), b.settings().SizeLimit)
	require.False(t, b.heir.Load())
	for _, f := range b.board.files(nil) {
		require.True(t, b.writesTo(f.id), "a segment of the past is on the board")
	}
	v, err := b.Get("k", nil)
	require.NoError(t, err)
	require.Equal(t, "1", string(v))
	require.NoError(t, b.Close())
}

// haltedReader hands out a part of a value, and the rest when it is told.
type haltedReader struct {
	rest  *strings.Reader
	begun chan struct{}
	goOn  chan struct{}
	once  sync.Once
}

func (r *haltedReader) Read(b []byte) (int, error) {
	if r.rest.Len() < int(r.rest.Size())/2 {
		r.once.Do(func() {
			close(r.begun)
			<-r.goOn
		})
	}
	return r.rest.Read(b)
}

// TestShareValuesOfTheLiving: when a process has died the large values that it was writing
// go, whoever looks, and those that others are writing stay.
func TestShareValuesOfTheLiving(t *testing.T) { inModes(t, testShareValuesOfTheLiving) }

func testShareValuesOfTheLiving(t *testing.T, newMem func() *vfs.Mem) {
	for _, heir := range []bool{false, true} {
		t.Run(fmt.Sprintf("slot taken again %v", heir), func(t *testing.T) {
			mem := newMem()
			opt := Options{FileThreshold: 1000}
			a, _ := openIn(t, mem, opt)
			b, _ := openIn(t, mem, opt)
			c, cp := openIn(t, mem, opt)
			write := func(e *Engine, key string) (*haltedReader, chan error) {
				r := &haltedReader{rest: strings.NewReader(strings.Repeat("v", 4*chunkSize)), begun: make(chan struct{}), goOn: make(chan struct{})}
				done := make(chan error, 1)
				go func() { done <- e.SetReader(key, r, Attrs{}) }()
				<-r.begun
				return r, done
			}
			ra, da := write(a, "living")
			rc, dc := write(c, "dead")
			require.Equal(t, 2, valueFiles(mem))
			cp.die()
			close(rc.goOn)
			require.ErrorIs(t, <-dc, errDead)
			cp.bury(c)
			if heir {
				c, _ = openIn(t, mem, opt)
				b, c = c, b
			}
			b.reclaiming.lookAround()
			require.NoError(t, b.bg.sweepOnce(false))
			agreeOnCounts(t, a, b) // what is not told yet when files are counted anew counts twice
			require.NoError(t, b.recount())
			require.Equal(t, 1, valueFiles(mem))
			close(ra.goOn)
			require.NoError(t, <-da)
			v, err := b.Get("living", nil)
			require.NoError(t, err)
			require.Len(t, v, 4*chunkSize)
			if heir {
				require.NoError(t, c.Close())
			}
			require.NoError(t, a.Close())
			agreeOnCounts(t, b)
			if mem.Network {
				require.NoError(t, b.recount()) // in the background it may have counted what was told later
			}
			countsAll(t, mem, b)
			require.NoError(t, b.Close())
		})
	}
}

// TestShareLastInherits: the last process to close seals what one left that died just
// before: the snapshot must not speak of what may never reach the disk.
func TestShareLastInherits(t *testing.T) { inModes(t, testShareLastInherits) }

func testShareLastInherits(t *testing.T, newMem func() *vfs.Mem) {
	mem := newMem()
	a, ap := openIn(t, mem, Options{})
	b, _ := openIn(t, mem, Options{})
	ap.others = []*Engine{b}
	require.NoError(t, a.Set("k", []byte("1"), Attrs{}))
	ap.kill(a)
	require.NoError(t, b.Close())
	require.Empty(t, unsealed(mem))
	require.Contains(t, mem.Files(), codec.SnapshotName)
}

// TestShareAdoptsFirstCommit: what a process committed first to a new segment as it died is
// in the log, whatever slot it had.
func TestShareAdoptsFirstCommit(t *testing.T) { inModes(t, testShareAdoptsFirstCommit) }

func testShareAdoptsFirstCommit(t *testing.T, newMem func() *vfs.Mem) {
	for slot := range 2 {
		t.Run(fmt.Sprint(slot), func(t *testing.T) {
			mem := newMem()
			a, ap := openIn(t, mem, Options{})
			b, bp := openIn(t, mem, Options{})
			if slot == 1 {
				a, b, ap, bp = b, a, bp, ap
			}
			require.Equal(t, slot, a.board.me())
			b.reclaiming.stop() // it might take over before it is asked
			ap.others = []*Engine{b}
			writes := 0
			ap.dieOf(func(name string) bool {
				if strings.HasSuffix(name, ".seg") {
					writes++
				}
				return writes == 2 // the header, and the commit
			})
			require.ErrorIs(t, a.Set("k", []byte("1"), Attrs{}), errDead)
			ap.bury(a)
			_, err := b.Get("k", nil)
			require.ErrorIs(t, err, ErrNotFound)
			require.NoError(t, b.Set("other", []byte("2"), Attrs{}))
			v, err := b.Get("k", nil)
			require.NoError(t, err)
			require.Equal(t, "1", string(v))
			b.reclaiming.start(b)
			require.NoError(t, b.Close())
			require.Empty(t, bp.leaks())
		})
	}
}

// pageless is a directory whose processes cannot share memory.
type pageless struct{ vfs.FS }

func (pageless) Page(string, int) (vfs.Page, error) { return nil, errors.ErrUnsupported }

// TestShareMixedModes: who shares memory and who shares a file keep each other out, in either
// order, and find what the other has left.
func TestShareMixedModes(t *testing.T) {
	mem := vfs.NewMem()
	kinds := map[string]func() vfs.FS{
		"memory": func() vfs.FS { return mem.Process() },
		"file":   func() vfs.FS { return pageless{mem.Process()} },
	}
	var opt Options
	n := 0
	for a, first := range kinds {
		for b, second := range kinds {
			if a == b {
				continue
			}
			opt.Holder = "the first"
			e, err := Open(first(), opt)
			require.NoError(t, err)
			before := e // not in the first slot
			e, err = Open(first(), opt)
			require.NoError(t, err)
			require.NoError(t, before.Close())
			refuse(t, mem, e, func() error {
				opt.Holder = "the second"
				_, err := Open(second(), opt)
				return err
			})
			n++
			require.NoError(t, e.Set("n", []byte(fmt.Sprint(n)), Attrs{}))
			require.NoError(t, e.Close())
			e, err = Open(second(), opt)
			require.NoError(t, err)
			v, err := e.Get("n", nil)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(n), string(v))
			require.NoError(t, e.Close())
		}
	}
}

// refuse has others try to open what e has open in another way. They leave no trace.
func refuse(t *testing.T, mem *vfs.Mem, e *Engine, open func() error) {
	t.Helper()
	if e.board.file != nil { // what the others take for a page are bytes of the state file
		page, err := mem.Process().Page(codec.StateName, boardWords*8)
		require.NoError(t, err)
		defer func() { require.NoError(t, page.Close()) }()
		for i := range page.Words() {
			page.Words()[i].Store(math.MaxUint64)
		}
		defer func() {
			for i := range page.Words() {
				require.Equal(t, uint64(math.MaxUint64), page.Words()[i].Load(), "word %d", i)
			}
		}()
	}
	for range 2 {
		err := open()
		var locked *LockedError
		require.ErrorAs(t, err, &locked)
		require.Equal(t, "the first", locked.Holder)
	}
}
