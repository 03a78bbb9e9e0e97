package engine

import (
	"errors"
	"flag"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/go-diskcache/diskcache/codec"
)

// The model test does random operations to an engine and to a plain map, and
// compares all that can be seen of the two.

// model is a map, and the engine that has to agree with it.
type model struct {
	*rapid.T
	disk modelDisk
	opt  Options
	e    *Engine

	items map[string]*modelItem

	now        atomic.Int64 // the engine's clock, ns
	latest     int64        // that it has ever shown
	horizon    int64        // time up to which the engine is known to take for expired what is no younger than horizonAge
	age        int          // number of the last item stored
	horizonAge int
	damaged    bool  // hints or the snapshot were, since the last clean close: the engine complains
	hurt       bool  // the snapshot was, at some time
	evicted    int64 // that the engine has counted, when the model last looked
	ops        int
}

// modelItem is what a key has. One that has expired stays until it is replaced
// or deleted.
type modelItem struct {
	value []byte
	attrs Attrs
	first uint64 // sequence of the first insertion; 0: not known
	age   int    // number of the item, in the order of storing
}

// life is what is known of an item.
type life int

const (
	dead  life = iota // the key has no item, or its time is over
	alive             // it has to be there
	maybe             // the clock has been past its time, and gone back
)

func (m *model) lifeOf(key string) life {
	it := m.items[key]
	switch {
	case it == nil:
		return dead
	case it.attrs.Expires == 0:
		return alive
	case it.attrs.Expires <= m.now.Load(), it.attrs.Expires <= m.horizon && it.age <= m.horizonAge:
		return dead
	case it.attrs.Expires > m.latest && m.latest-m.now.Load() < futureTolerance:
		return alive
	}
	return maybe
}

// saw compares whether key was found with what is known, and learns from it.
func (m *model) saw(key string, found bool, what string) {
	m.Helper()
	switch m.lifeOf(key) {
	case dead:
		if found {
			m.Fatalf("%s: %q is there, and must not be", what, key)
		}
	case alive:
		if !found {
			m.Fatalf("%s: %q is not there", what, key)
		}
	}
	// What was found expired is expired for good, and with it all that is older.
	// The engine notes the time for that, unless it knows of a later one, or somebody has
	// taken its space back meanwhile: whether it has it says itself. TestDeadStayDead shows
	// that it notes.
	if !found && m.items[key] != nil && m.now.Load() == m.latest && m.e.clock.horizon.Load().knows(m.latest, m.e.clock.last.Load()) {
		m.horizon, m.horizonAge = m.latest, m.age
	}
}

func (m *model) must(err error, what string) {
	m.Helper()
	if err != nil {
		m.Fatalf("%s: %v", what, err)
	}
}

// start opens the engine. What it knew of the time it may have lost.
func (m *model) start() {
	m.Helper()
	m.opt.Now = func() time.Time { return time.Unix(0, m.now.Load()) }
	var err error
	m.e, err = Open(m.disk.open(m.T), m.opt)
	m.must(err, "open")
	m.evicted = 0
	m.latest = max(m.latest, m.now.Load())
}

// stop closes the engine.
func (m *model) stop() {
	m.Helper()
	m.closed(m.e.Close())
	m.damaged = false
	if l := m.opt.SizeLimit; l > 0 && l < 100_000 {
		m.horizon = 0 // it goes with the snapshot, for which there is no room
	}
}

// closed looks at what a close has returned. That the snapshot was damaged may be found
// long after: of ranks, by the first policy that needs them.
func (m *model) closed(err error) {
	m.Helper()
	var c *CorruptError
	if err == nil || m.damaged || m.hurt && errors.As(err, &c) && c.File == codec.SnapshotName {
		return
	}
	m.Fatalf("close: %v", err)
}

// drawOptions picks options that a directory may be opened with at any time.
func (m *model) drawOptions() {
	m.opt.SegmentSize = rapid.SampledFrom([]int64{512, 700, 2048, 8192, 1 << 20}).Draw(m.T, "segment size")
	m.opt.FileThreshold = rapid.SampledFrom([]int64{-1, 200, 3000, 50_000}).Draw(m.T, "file threshold")
	m.opt.Compression = rapid.SampledFrom([]codec.Compression{codec.None, codec.LZ4, codec.Zstd}).Draw(m.T, "compression")
	m.opt.Sync = rapid.SampledFrom([]SyncMode{SyncNever, SyncNever, SyncAlways}).Draw(m.T, "sync")
	m.opt.NoMap = rapid.Bool().Draw(m.T, "no map")
	m.opt.MaxOpenFiles = rapid.SampledFrom([]int{0, 2}).Draw(m.T, "open files")
	m.drawLimits()
}

// property is one run of a model.
func property(t *testing.T, disk func(*rapid.T) modelDisk, hash func(string) uint64, ops *atomic.Int64) func(*rapid.T) {
	return func(rt *rapid.T) {
		m := &model{T: rt, disk: disk(rt), items: make(map[string]*modelItem)}
		m.opt.Hash = hash
		m.now.Store(crashClock.UnixNano())
		m.drawOptions()
		m.start()
		defer func() {
			ops.Add(int64(m.ops))
			if m.e != nil {
				_ = m.e.Close() // when a check failed; a second time when not
			}
		}()
		rt.Repeat(m.actions())
		m.everything()
		m.stop()
	}
}

// modelChecks returns how many runs a model test does. A real disk takes its
// time to sync.
func modelChecks(onDisk bool) int {
	n := 150
	switch {
	case torture():
		n = 1500
	case raceEnabled || testing.Short():
		n = 15
	}
	if onDisk {
		n /= 10
	}
	return n
}

// modelSteps is how long a run is on average.
const modelSteps = 120

// setRapid sets flags of rapid for one test, where the caller did not.
func setRapid(t *testing.T, flags map[string]int) {
	t.Helper()
	given := map[string]bool{
		"rapid.checks": os.Getenv("RAPID_CHECKS") != "",
		"rapid.steps":  os.Getenv("RAPID_STEPS") != "",
	}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, n := range flags {
		if given[name] {
			continue
		}
		f := flag.Lookup(name)
		old := f.Value.String()
		if err := f.Value.Set(strconv.Itoa(n)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Value.Set(old) })
	}
}

// leastOps is how many operations all model tests promise to do.
func leastOps() int64 {
	switch {
	case torture():
		return 100_000
	case testing.Short(): // rapid makes as few steps as it likes
		return 1
	case raceEnabled:
		return 2000
	}
	return 20_000
}

func TestModel(t *testing.T) {
	t.Parallel()
	var ops, ran atomic.Int64
	inMemory := func(*rapid.T) modelDisk { return newMemDisk() }
	onDisk := func(rt *rapid.T) modelDisk { return newOSDisk(rt, t) }
	for _, c := range []struct {
		name   string
		disk   func(*rapid.T) modelDisk
		hash   func(string) uint64
		checks int
	}{
		{"memory", inMemory, nil, modelChecks(false)},
		{"memory, 4-bit hash", inMemory, fourBits, modelChecks(false)},
		{"disk", onDisk, nil, modelChecks(true)},
		{"disk, 4-bit hash", onDisk, fourBits, modelChecks(true)},
	} {
		if !t.Run(c.name, func(t *testing.T) {
			setRapid(t, map[string]int{"rapid.checks": c.checks, "rapid.steps": modelSteps})
			rapid.Check(t, property(t, c.disk, c.hash, &ops))
			ran.Add(1)
		}) {
			return
		}
	}
	t.Logf("%d operations", ops.Load())
	if ops.Load() < leastOps() && ran.Load() == 4 { // not where only some were asked for
		t.Errorf("only %d operations, %d were promised", ops.Load(), leastOps())
	}
}
