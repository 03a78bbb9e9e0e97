package engine

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// killed is what two processes did of which one died: what is certain, and what the last
// call of the dead one may have done.
type killed struct {
	t     *testing.T
	mem   *vfs.Mem
	sure  map[string]string
	maybe map[string]string // what the sure becomes if the last call of the dead did its work
	open  bool              // the last call is not known to have worked
}

const ended = "" // value of a key that is not there

func (k *killed) did(e *Engine, dies bool, err error, changes map[string]string) {
	k.t.Helper()
	if err != nil {
		require.True(k.t, dies, "%v", err)
		k.open, k.maybe = true, changes
		return
	}
	for key, v := range changes {
		k.sure[key] = v
	}
	if e.board.file != nil {
		handOn(e)
	}
}

// settle finds out whether the last call of the dead process did its work: all of it or nothing.
func (k *killed) settle(e *Engine) {
	k.t.Helper()
	if !k.open {
		return
	}
	k.open = false
	was, is := 0, 0
	for key, v := range k.maybe {
		got := k.get(e, key)
		switch {
		case k.sure[key] == v:
		case got == v:
			is++
		case got == k.sure[key]:
			was++
		default:
			require.Failf(k.t, "wrong value", "%s is %.20q, neither %.20q nor %.20q", key, got, k.sure[key], v)
		}
	}
	require.False(k.t, was > 0 && is > 0, "half of a commit")
	if is > 0 {
		for key, v := range k.maybe {
			k.sure[key] = v
		}
	}
}

func (k *killed) get(e *Engine, key string) string {
	k.t.Helper()
	v, err := e.Get(key, nil)
	if errors.Is(err, ErrNotFound) {
		return ended
	}
	require.NoError(k.t, err, key)
	return string(v)
}

// check compares all that a process sees.
func (k *killed) check(e *Engine, when string) {
	k.t.Helper()
	n := 0
	for key, want := range k.sure {
		require.Equal(k.t, want, k.get(e, key), "%s: %s", when, key)
		if want != ended {
			n++
		}
	}
	got := 0
	for kv, err := range e.Items() {
		require.NoError(k.t, err, when)
		require.Equal(k.t, k.sure[kv.Key], string(kv.Value), "%s: %s", when, kv.Key)
		got++
	}
	require.Equal(k.t, n, got, when)
	l, err := e.Len()
	require.NoError(k.t, err)
	require.Equal(k.t, n, l, when)
}

func countUp(e *Engine, key string) error {
	return e.Update(func(tx *Tx) error {
		v, err := tx.Get(key, nil)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		return tx.Set(key, append(v, '+'), Attrs{})
	})
}

// work lets two processes work in turns, until a dies, or all is done, and buries a. It
// reports whether a lived so long.
func (k *killed) work(a, b *Engine, ap *deadly) (survived bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.takeTurns(a, b, ap)
	}()
	select {
	case <-done:
	case <-ap.died: // in the background, perhaps, as b works, which stands still until the burial
	}
	survived = !ap.isDead()
	ap.bury(a)
	<-done
	if k.t.Failed() {
		k.t.FailNow()
	}
	return survived
}

func (k *killed) takeTurns(a, b *Engine, ap *deadly) {
	for i := range 40 {
		for j, e := range []*Engine{a, b} {
			if !k.turn(e, i, j, ap) {
				return
			}
		}
	}
}

// turn does the work of one turn, and reports whether to go on.
func (k *killed) turn(e *Engine, i, j int, ap *deadly) bool {
	do := func(op func() error, changes map[string]string) bool {
		if j == 0 {
			ap.busy.Lock()
			defer ap.busy.Unlock()
		}
		k.did(e, j == 0, op(), changes)
		return !ap.isDead()
	}
	mine := fmt.Sprintf("%d-%d", j, i%7)
	size := 100 + i*13%400
	if i%9 == 4 {
		size = 3000 // a file of its own
	}
	v := fmt.Sprintf("%d:%s", i, strings.Repeat("x", size))
	if !do(func() error { return e.Set(mine, []byte(v), Attrs{}) }, map[string]string{mine: v}) {
		return false
	}
	if i%3 == j {
		gone := fmt.Sprintf("%d-%d", 1-j, i*5%7) // what the other has stored
		if !do(func() error { _, err := e.Delete(gone); return err }, map[string]string{gone: ended}) {
			return false
		}
	}
	if !do(func() error { return countUp(e, "count") }, map[string]string{"count": k.sure["count"] + "+"}) {
		return false
	}
	both, twice := fmt.Sprintf("both-%d", i%3), fmt.Sprint(i, j)
	if !do(func() error {
		return e.Update(func(tx *Tx) error {
			return errors.Join(tx.Set(both, []byte(twice), Attrs{}), tx.Set(both+"'", []byte(twice), Attrs{}))
		})
	}, map[string]string{both: twice, both + "'": twice}) {
		return false
	}
	switch {
	case i == 12, i == 30:
		return do(e.Compact, nil)
	case i == 20:
		return do(e.Sync, nil)
	case i == 24 && j == 0:
		all := make(map[string]string)
		for key := range k.sure {
			all[key] = ended
		}
		return do(func() error { _, err := e.Clear(); return err }, all)
	}
	return true
}

// TestShareKilledAnywhere: a process may die at any change that it makes to the disk,
// before, amidst or after it. Nothing that was acknowledged is lost, nothing that was
// deleted comes back, and the other one goes on and cleans up.
func TestShareKilledAnywhere(t *testing.T) {
	t.Parallel()
	inModes(t, testShareKilledAnywhere)
}

func testShareKilledAnywhere(t *testing.T, newMem func() *vfs.Mem) {
	for _, mode := range []string{"before", "half", "after"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			step := int64(5)
			switch {
			case os.Getenv("DISKCACHE_TORTURE") != "":
				step = 1
			case raceEnabled:
				step = 60
			case testing.Short():
				step = 20
			}
			if newMem().Network {
				step *= 4 // to hand the lock on takes some milliseconds
			}
			for n := int64(1 + sampleFrom(t, int(step))); ; n += step {
				survived := false
				t.Run(fmt.Sprint(n), func(t *testing.T) { survived = killedAt(t, newMem, mode, n) })
				if survived || t.Failed() {
					return
				}
			}
		})
	}
}

func killedAt(t *testing.T, newMem func() *vfs.Mem, mode string, n int64) (survived bool) {
	mem := newMem()
	opt := Options{SegmentSize: 4096, FileThreshold: 2000}
	b, bp := openIn(t, mem, opt)
	k := &killed{t: t, mem: mem, sure: make(map[string]string)}
	ap := newDeadly(t, mem)
	ap.others = []*Engine{b}
	switch mode {
	case "before":
		ap.before = n
	case "half":
		ap.half = n
	case "after":
		ap.after = n
	}
	a, err := Open(ap, exactly(mem, opt))
	if err == nil {
		survived = k.work(a, b, ap)
	} else {
		ap.bury(a)
	}

	require.NoError(t, b.Set("at once", []byte("1"), Attrs{}))
	k.sure["at once"] = "1"
	k.settle(b)
	k.check(b, "the other")
	b.reclaiming.lookAround()
	require.NoError(t, b.sealRest())
	require.Empty(t, deadOn(b))
	require.NoError(t, b.bg.sweepOnce(false))
	problems, err := b.Check(false)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.NoError(t, b.syncDropped(false))
	require.NoError(t, b.recount())
	countsAll(t, mem, b)

	c, cp := openIn(t, mem, opt)
	k.check(c, "one that came later")
	require.NoError(t, countUp(c, "count"))
	require.NoError(t, countUp(b, "count"))
	k.sure["count"] += "++"
	k.check(b, "the other, again")
	require.NoError(t, b.Close())
	k.check(c, "alone")
	require.NoError(t, c.Close())
	require.Empty(t, unsealed(mem))
	require.Empty(t, bp.leaks())
	require.Empty(t, cp.leaks())

	e, err := Open(mem, exactly(mem, opt))
	require.NoError(t, err)
	k.check(e, "opened anew")
	require.Equal(t, onDisk(mem), e.DiskUsage(), "%s", listFiles(mem))
	require.NoError(t, e.Close())
	return survived
}

// deadOn returns what dead processes have left on the board.
func deadOn(e *Engine) []activeFile {
	dead, err := e.deadFiles()
	if err != nil {
		panic(err)
	}
	return dead
}
