package engine

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// damage is a change of the directory behind the engine's back, and what it may
// cost.
type damage struct {
	name string
	do   func(m *vfs.Mem)
	hit  []part // the parts of files that are not what they were; none: nothing is lost
	// reported are files one of which Check has to name, if there are any.
	reported []string
	reuse    bool // go on to use the cache afterwards
	at       part // where exactly Check has to see it, if the name is set
	counted  bool // in the statistics
	atOpen   bool // already by Open
}

// run opens the damaged directory and holds everything against the truth.
func (d *damageDir) run(base *vfs.Mem, x *damage) error {
	m := base.Clone()
	x.do(m)
	e, err := Open(m, damageOptions(damageNow))
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if s, _ := e.Stats(); x.atOpen && s.Corrupt == 0 {
		err = errors.New("open has not noticed")
	}
	err = errors.Join(err, d.verify(e, x.hit...))
	problems, cerr := e.Check(false)
	err = errors.Join(err, cerr, x.judge(problems), d.counted(e, x))
	if x.reuse {
		return errors.Join(err, d.reuse(m, e, x))
	}
	return errors.Join(err, kill(e))
}

// judge looks for the damage in what Check has found.
func (x *damage) judge(problems []Problem) error {
	if len(x.reported) > 0 && !slices.ContainsFunc(problems, func(p Problem) bool { return slices.Contains(x.reported, p.File) }) {
		return fmt.Errorf("check names none of %v: %v", x.reported, problems)
	}
	if x.at.file != "" && !slices.ContainsFunc(problems, func(p Problem) bool {
		return p.File == x.at.file && x.at.off <= p.Offset && p.Offset < x.at.off+x.at.len && errors.Is(p.Err, ErrCorrupt)
	}) {
		return fmt.Errorf("check does not name %+v: %v", x.at, problems)
	}
	return nil
}

// counted holds the statistics against damage that was met.
func (d *damageDir) counted(e *Engine, x *damage) error {
	s, err := e.Stats()
	if err != nil {
		return err
	}
	if x.counted && s.Corrupt == 0 && s.Torn == 0 {
		return errors.New("the damage is not counted")
	}
	return nil
}

// reuse goes on with a damaged cache: writes, mends, closes and opens it again.
func (d *damageDir) reuse(m *vfs.Mem, e *Engine, x *damage) error {
	keys := slices.Sorted(maps.Keys(d.versions))
	mine := make(map[string]string)
	for i, key := range keys {
		if i%3 != 0 {
			continue
		}
		mine[key] = fmt.Sprintf("%s after damage %s", key, strings.Repeat("x", 100*(i%29)))
		if err := e.Set(key, []byte(mine[key]), Attrs{}); err != nil {
			return fmt.Errorf("set after damage: %w", err)
		}
		if i%2 == 0 {
			mine[key] = ""
			if _, err := e.Delete(key); err != nil {
				return fmt.Errorf("delete after damage: %w", err)
			}
		}
	}
	check := func() error {
		var errs []error
		for _, key := range keys {
			want, own := mine[key]
			got, err := e.Get(key, nil)
			switch {
			case own && want != "" && (err != nil || string(got) != want):
				errs = append(errs, fmt.Errorf("%q set after damage: %.40q, %w", key, got, err))
			case own && want == "" && !errors.Is(err, ErrNotFound):
				errs = append(errs, fmt.Errorf("%q deleted after damage: %.40q, %w", key, got, err))
			case !own && err == nil && !slices.ContainsFunc(d.allow(key, x.hit).values, func(v []byte) bool { return string(v) == string(got) }):
				errs = append(errs, fmt.Errorf("%q: %.40q", key, got))
			}
		}
		return errors.Join(errs...)
	}
	if err := check(); err != nil {
		return err
	}
	if _, err := e.Check(true); err != nil {
		return fmt.Errorf("check with fix: %w", err)
	}
	problems, err := e.Check(true)
	if err != nil {
		return fmt.Errorf("check with fix, again: %w", err)
	}
	for _, p := range problems {
		if p.Fixed {
			return fmt.Errorf("fixed twice: %v", p)
		}
	}
	if err := errors.Join(check(), e.Sync()); err != nil {
		return fmt.Errorf("after check: %w", err)
	}
	_ = e.Close() // it may tell of damage that nobody has asked about
	if e, err = Open(m, damageOptions(damageNow.Add(1))); err != nil {
		return fmt.Errorf("open again: %w", err)
	}
	if err := check(); err != nil {
		return fmt.Errorf("open again: %w", err)
	}
	if err := e.Close(); err != nil && !errors.Is(err, ErrCorrupt) {
		return fmt.Errorf("close again: %w", err)
	}
	return nil
}

// runAll tries damages, several at a time, and returns how many there were.
func (d *damageDir) runAll(t *testing.T, base *vfs.Mem, all func(yield func(*damage) bool)) int {
	t.Helper()
	work := make(chan *damage, 64)
	var failed, count atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for x := range work {
				if failed.Load() > 20 {
					continue
				}
				if err := d.run(base, x); err != nil {
					failed.Add(1)
					t.Errorf("%s: %v", x.name, err)
				}
				count.Add(1)
			}
		})
	}
	for x := range all {
		work <- x
	}
	close(work)
	wg.Wait()
	return int(count.Load())
}

func TestDamageNone(t *testing.T) {
	d := newDamageDir(t)
	require.InDelta(t, 64<<10, d.size(), 16<<10)
	require.NoError(t, d.run(d.mem(), &damage{do: func(*vfs.Mem) {}, reuse: true}))
	require.NoError(t, d.run(d.withoutSnapshot(), &damage{do: func(*vfs.Mem) {}, reuse: true}))
}

func (d *damageDir) withoutSnapshot() *vfs.Mem {
	m := d.mem()
	if err := m.Remove(codec.SnapshotName); err != nil {
		panic(err)
	}
	return m
}

// TestDamageFlip turns single bits: no value is ever wrong, and only the record
// that the bit is in can be lost. Without the snapshot, which spares Open the
// looking at anything else, all is done again.
func TestDamageFlip(t *testing.T) {
	t.Parallel()
	d := newDamageDir(t)
	stride := 61 // odd, so that all bits of a byte have their turn
	switch {
	case torture():
		stride = 1
	case raceEnabled:
		stride *= 21 // one goroutine at a time
	case testing.Short():
		stride *= 3
	}
	from := sampleFrom(t, stride)
	for _, base := range []struct {
		name string
		m    *vfs.Mem
	}{{"with snapshot", d.mem()}, {"without snapshot", d.withoutSnapshot()}} {
		n := d.runAll(t, base.m, func(yield func(*damage) bool) {
			at := from
			for _, name := range slices.Sorted(maps.Keys(base.m.Files())) {
				bits := len(d.files[name]) * 8
				for ; at < bits; at += stride {
					if !yield(d.flip(name, at)) {
						return
					}
				}
				at -= bits
			}
		})
		t.Logf("%s: %d bits flipped, one at a time", base.name, n)
	}
}

func (d *damageDir) flip(name string, bit int) *damage {
	off := int64(bit / 8)
	x := &damage{
		name: fmt.Sprintf("%s: bit %d of byte %d", name, bit%8, off),
		do: func(m *vfs.Mem) {
			b := m.ReadFile(name)
			b[off] ^= 1 << (bit % 8)
			m.WriteFile(name, b)
		},
		hit:   []part{{name, off, 1}},
		reuse: bit%37 == 0,
	}
	for key := range d.versions {
		v := d.newest(key)
		switch {
		case v.value == nil:
		case v.part.overlaps(x.hit[0]):
			x.counted = true
			if d.synced(v, x.hit) { // otherwise it may as well be what a crash left
				x.at = v.part
			}
		case v.file == name:
			x.counted = true
			if d.synced(v, nil) {
				x.at = part{name, 0, off + 1}
			}
		}
	}
	return x
}

func (d *damageDir) newest(key string) *dirVersion {
	all := d.versions[key]
	return &all[len(all)-1]
}

// TestDamageFiles does to every file what happens to files.
func TestDamageFiles(t *testing.T) {
	t.Parallel()
	d := newDamageDir(t)
	for _, base := range []struct {
		name string
		m    *vfs.Mem
	}{{"with snapshot", d.mem()}, {"without snapshot", d.withoutSnapshot()}} {
		names := slices.Sorted(maps.Keys(base.m.Files()))
		n := d.runAll(t, base.m, func(yield func(*damage) bool) {
			for _, name := range names {
				for _, x := range d.fileDamages(name) {
					if !yield(x) {
						return
					}
				}
			}
			for i, a := range names {
				for _, b := range names[i+1:] {
					if isSegment(a) && isSegment(b) && !yield(d.swap(a, b)) {
						return
					}
				}
			}
		})
		t.Logf("%s: %d damages", base.name, n)
	}
}

func isSegment(name string) bool { return strings.HasSuffix(name, ".seg") }
func isValue(name string) bool   { return strings.HasSuffix(name, ".val") }

// fileDamages are what happens to one file.
func (d *damageDir) fileDamages(name string) []*damage {
	content := d.files[name]
	size := int64(len(content))
	all := []*damage{
		{name: name + " deleted", do: removal(name), hit: d.behind(name, 0), reported: d.report(name, 0)},
		{name: name + " with garbage behind the end", do: overwrite(name, content+garbage(300))},
		{name: name + " with zeros behind the end", do: overwrite(name, content+string(make([]byte, 4096)))},
	}
	if isValue(name) { // a value file is exactly as long as the value
		for _, x := range all[1:] {
			x.hit, x.reported = []part{{name, 0, size}}, d.report(name, 0)
		}
	}
	step := func() int64 { return 13 }
	switch {
	case torture():
		step = func() int64 { return 1 }
	case raceEnabled: // some: others in each run
		step = func() int64 { return 1 + rand.Int64N(400) }
	case testing.Short():
		step = func() int64 { return 1 + rand.Int64N(80) }
	}
	for n := int64(0); n < size; n += step() {
		all = append(all, &damage{
			name: fmt.Sprintf("%s cut to %d bytes", name, n), do: overwrite(name, content[:n]),
			hit: d.behind(name, n), reported: d.report(name, n), reuse: n%97 == 0,
		})
	}
	for off := int64(0); off < size; off += 256 {
		end := min(off+512, size)
		all = append(all, &damage{
			name: fmt.Sprintf("%s zero from %d to %d", name, off, end),
			do:   overwrite(name, content[:off]+string(make([]byte, end-off))+content[end:]),
			hit:  []part{{name, off, end - off}}, reuse: true,
		})
	}
	for i, then := range d.copies {
		if old, ok := then[name]; ok && old != content {
			all = append(all, &damage{
				name: fmt.Sprintf("%s as it was at moment %d", name, i), do: overwrite(name, old),
				hit: d.behind(name, int64(len(old))), reuse: true,
			})
		}
	}
	for _, x := range all {
		x.atOpen = isSegment(name) && len(x.reported) > 0
	}
	for _, x := range all[:3] {
		x.reuse = true
	}
	return all
}

func (d *damageDir) swap(a, b string) *damage {
	return &damage{
		name: a + " and " + b + " swapped",
		do:   func(m *vfs.Mem) { overwrite(a, d.files[b])(m); overwrite(b, d.files[a])(m) },
		hit:  append(d.behind(a, 0), d.behind(b, 0)...), reported: []string{a, b}, reuse: true,
	}
}

func removal(name string) func(*vfs.Mem) {
	return func(m *vfs.Mem) {
		if err := m.Remove(name); err != nil {
			panic(err)
		}
	}
}

func overwrite(name, content string) func(*vfs.Mem) {
	return func(m *vfs.Mem) { m.WriteFile(name, []byte(content)) }
}

func garbage(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*131 + 7)
	}
	return string(b)
}

// behind is the part of a file behind off.
func (d *damageDir) behind(name string, off int64) []part {
	return []part{{name, off, int64(len(d.files[name])) - off}}
}

// report is the file to be named by Check when what is behind off is gone, if
// it can know: the end of an orphan may as well never have been written, and so may a
// value that is named there.
func (d *damageDir) report(name string, off int64) []string {
	live := isValue(name) || d.hinted[name]
	if !live {
		return nil
	}
	for key := range d.versions {
		v := d.newest(key)
		if v.value != nil && (v.file == name && d.synced(v, nil) || v.part.file == name && v.part.off+v.part.len > off) {
			return []string{name}
		}
	}
	return nil
}

// TestDamageForeign puts a segment of another cache into the directory.
func TestDamageForeign(t *testing.T) {
	other := vfs.NewMem()
	e, err := Open(other, damageOptions(damageStart.Add(90)))
	require.NoError(t, err)
	for _, key := range []string{"plain-06", "plain-00", "foreign"} {
		require.NoError(t, e.Set(key, []byte("of another cache"), Attrs{}))
	}
	require.NoError(t, e.Close())

	d := newDamageDir(t)
	for _, base := range []*vfs.Mem{d.mem(), d.withoutSnapshot()} {
		for name, content := range other.Files() {
			if !isSegment(name) {
				continue
			}
			require.NoError(t, d.run(base, &damage{do: overwrite(name, content), reported: []string{name}, reuse: true}))
			hint := strings.TrimSuffix(name, ".seg") + ".hint"
			require.NoError(t, d.run(base, &damage{do: func(m *vfs.Mem) {
				overwrite(name, content)(m)
				overwrite(hint, other.Files()[hint])(m)
			}, reported: []string{name}, reuse: true}))
		}
	}
}
