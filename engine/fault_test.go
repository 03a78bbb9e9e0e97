package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

// Every call that the engine makes of the file system fails, one after the other,
// in all ways in which calls fail, once and for good. Nothing that was acknowledged
// may be lost by that, on the running cache or after; every error says what it is
// about; and when the fault is gone the cache works as before.

// faultKind is a way to fail.
type faultKind struct {
	name  string
	rule  vfs.Rule
	often bool // also in short runs for each n, not only for some
}

func faultKinds() []faultKind {
	var kinds []faultKind
	for _, e := range []struct {
		name string
		err  error
	}{
		{"EIO", syscall.EIO}, {"ENOSPC", syscall.ENOSPC}, {"EDQUOT", syscall.EDQUOT}, {"EMFILE", syscall.EMFILE},
		{"EACCES", syscall.EACCES}, {"EROFS", syscall.EROFS}, {"ESTALE", syscall.ESTALE}, {"EINTR", syscall.EINTR},
		{"ENOLCK", syscall.ENOLCK},
	} {
		kinds = append(kinds, faultKind{name: e.name, rule: vfs.Rule{Err: e.err}})
	}
	kinds = append(kinds,
		faultKind{name: "short, EIO", rule: vfs.Rule{Op: vfs.OpRead | vfs.OpWrite, Err: syscall.EIO, Short: true}},
		faultKind{name: "short, ENOSPC", rule: vfs.Rule{Op: vfs.OpWrite, Err: syscall.ENOSPC, Short: true}},
		faultKind{name: "sync", rule: vfs.Rule{Op: vfs.OpSync | vfs.OpSyncDir, Err: syscall.EIO}, often: true},
	)
	for _, k := range kinds[:len(kinds):len(kinds)] {
		k.name += ", once"
		k.rule.Once = true
		kinds = append(kinds, k)
	}
	return kinds
}

// faultStride leaves calls out of a short run: another share of them for each kind
// of fault.
const faultStride = 29

// oftenStride is that of the kinds that a longer run has at every call.
const oftenStride = 5

func TestFaults(t *testing.T) {
	t.Parallel()
	from := sampleFrom(t, faultStride*14*oftenStride) // of all that follow the largest
	trials := 0
	for _, w := range faultWorkloads() {
		base, promises := w.prepare(t)
		t.Run(w.name, func(t *testing.T) {
			for i, k := range faultKinds() {
				stride, n := 1, 1
				if !torture() && !k.often {
					stride, n = faultStride, 1+i%faultStride
					switch {
					case raceEnabled:
						stride *= 14 // one goroutine at a time
					case testing.Short():
						stride *= 6
					}
				}
				if k.often && (testing.Short() || raceEnabled) && !torture() {
					stride = oftenStride
					if raceEnabled {
						stride *= 5
					}
				}
				if testing.Short() || raceEnabled {
					n = 1 + (from+i)%stride
				}
				for ; ; n += stride {
					fired := runFault(t, w, k, n, base, promises)
					trials++
					if !fired || t.Failed() {
						break
					}
				}
			}
		})
	}
	t.Logf("%d runs with a fault", trials)
}

// runFault runs a workload whose n-th call fails, and reports whether it did.
func runFault(t *testing.T, w *faultWorkload, k faultKind, n int, base *vfs.Mem, promises map[string]promise) bool {
	where := fmt.Sprintf("%s: %s, call %d", w.name, k.name, n)
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: panic: %v", where, p)
			panic(p)
		}
	}()
	r := newFaultRun(base.Clone(), w.opt, promises)
	if !w.opens {
		require.NoError(t, r.open(), where)
	}
	rule := k.rule
	rule.Nth = n
	r.fault.Fail(rule)
	w.do(r)
	fired := r.fault.Fired() > 0
	r.fault.Clear()
	r.disk.Resize(0)
	if err := r.recovered(); err != nil {
		t.Errorf("%s: %v", where, err)
	}
	return fired
}

// faultRun is a cache on a disk that fails, and what it has promised.
type faultRun struct {
	disk  *vfs.Mem
	fault *vfs.Fault
	syncs *syncWatch
	opt   Options
	e     *Engine // nil: not open
	keys  map[string]promise
	n     int // of the last value
	errs  []error
}

// promise is what may be read of a key. The empty string is that it has no item.
type promise struct {
	running map[string]bool // while the cache is open
	killed  map[string]bool // after a kill
	cut     map[string]bool // after a power cut
	// doubt: the process ended after a sync had failed and before another had
	// succeeded. The system may have forgotten the data and take it for synced;
	// no later process can know. A power cut may cost it then, with an error.
	doubt bool
}

func (p promise) clone() promise {
	return promise{cloneSet(p.running), cloneSet(p.killed), cloneSet(p.cut), p.doubt}
}

func cloneSet(m map[string]bool) map[string]bool {
	c := make(map[string]bool, len(m))
	for k := range m {
		c[k] = true
	}
	return c
}

func only(v string) map[string]bool { return map[string]bool{v: true} }

func newFaultRun(disk *vfs.Mem, o Options, promises map[string]promise) *faultRun {
	r := &faultRun{disk: disk, opt: o, keys: make(map[string]promise)}
	for key, p := range promises {
		r.keys[key] = p.clone()
	}
	r.fault = vfs.NewFault(disk)
	return r
}

// failed notes an error that must say what it is about.
func (r *faultRun) failed(what string, err error) {
	if err != nil && !named(err) {
		r.errs = append(r.errs, fmt.Errorf("%s: an error that names nothing: %w", what, err))
	}
}

func (r *faultRun) wrong(format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf(format, args...))
}

// named reports whether an error, and all that it is joined of, names the operation
// and file or the damage, or is one of those that need not.
func named(err error) bool {
	if all, ok := err.(interface{ Unwrap() []error }); ok && fmt.Sprintf("%T", err) == "*errors.joinError" {
		for _, e := range all.Unwrap() {
			if !named(e) {
				return false
			}
		}
		return true
	}
	var p *fs.PathError
	var c *CorruptError
	switch {
	case errors.As(err, &p):
		return p.Op != "" && p.Path != ""
	case errors.As(err, &c):
		return c.File != ""
	}
	for _, s := range []error{ErrNotFound, ErrClosed, ErrFull, ErrTooLarge, ErrTxDone} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

func (r *faultRun) open() error {
	r.syncs = &syncWatch{FS: r.fault, failed: make(map[string]bool)}
	e, err := Open(r.syncs, r.opt)
	if err != nil {
		r.failed("open", err)
		return err
	}
	r.e = e
	return nil
}

func (r *faultRun) p(key string) promise {
	p, ok := r.keys[key]
	if !ok {
		p = promise{running: only(""), killed: only(""), cut: only("")}
		r.keys[key] = p
	}
	return p
}

// wrote notes the outcome of a write: v is what the key has now.
func (r *faultRun) wrote(key, v string, err error) {
	r.failed("write "+key, err)
	p := r.p(key)
	switch {
	case err == nil:
		p.running, p.killed = only(v), only(v)
		p.cut[v] = true
		if r.opt.Sync == SyncAlways {
			p.cut, p.doubt = only(v), false
		}
	default:
		if errors.Is(err, ErrNotSynced) {
			p.running[v] = true
		}
		p.killed[v], p.cut[v] = true, true
	}
	r.keys[key] = p
}

// synced notes that all that may be there is on the disk.
func (r *faultRun) synced() {
	for key, p := range r.keys {
		if !p.doubt {
			p.cut = cloneSet(p.killed)
		}
		r.keys[key] = p
	}
}

func (r *faultRun) value(key string, size int) string {
	r.n++
	v := fmt.Sprintf("%s=%d ", key, r.n)
	return v + strings.Repeat(string(rune('a'+r.n%26)), max(0, size-len(v)))
}

func (r *faultRun) set(key string, size int) {
	if r.e != nil {
		v := r.value(key, size)
		r.wrote(key, v, r.e.Set(key, []byte(v), Attrs{}))
	}
}

func (r *faultRun) setReader(key string, size int) {
	if r.e != nil {
		v := r.value(key, size)
		r.wrote(key, v, r.e.SetReader(key, strings.NewReader(v), Attrs{}))
	}
}

func (r *faultRun) del(key string) {
	if r.e != nil {
		_, err := r.e.Delete(key)
		r.wrote(key, "", err)
	}
}

// tx sets the keys, in one transaction; a key that begins with "-" is deleted.
func (r *faultRun) tx(size int, keys ...string) {
	if r.e == nil {
		return
	}
	values := make(map[string]string)
	err := r.e.Update(func(tx *Tx) error {
		for _, key := range keys {
			if name, ok := strings.CutPrefix(key, "-"); ok {
				values[name] = ""
				if _, err := tx.Delete(name); err != nil {
					return err
				}
				continue
			}
			v := r.value(key, size)
			values[key] = v
			if err := tx.Set(key, []byte(v), Attrs{}); err != nil {
				return err
			}
		}
		return nil
	})
	for key, v := range values {
		r.wrote(key, v, err)
	}
}

func (r *faultRun) sync() {
	if r.e == nil {
		return
	}
	err := r.e.Sync()
	r.failed("sync", err)
	if err == nil {
		r.synced()
	}
}

func (r *faultRun) close() {
	if r.e == nil {
		return
	}
	err := r.e.Close()
	r.failed("close", err)
	if err == nil {
		r.synced()
	}
	r.closed()
}

func (r *faultRun) kill() {
	if r.e == nil {
		return
	}
	_ = kill(r.e)
	r.closed()
}

func (r *faultRun) closed() {
	r.e = nil
	r.errs = append(r.errs, r.syncs.errs...)
	unsure := len(r.syncs.failed) > 0
	for key, p := range r.keys {
		p.doubt = p.doubt || unsure && !maps.Equal(p.cut, p.killed)
		p.running = cloneSet(p.running)
		for v := range p.killed {
			p.running[v] = true
		}
		r.keys[key] = p
	}
}

// get reads a key: a value that may be there, or an error that is no miss.
func (r *faultRun) get(key string) {
	if r.e != nil {
		v, err := r.e.Get(key, nil)
		r.read(key, v, err)
	}
}

func (r *faultRun) read(key string, v []byte, err error) {
	r.failed("read "+key, err)
	switch may := r.p(key).running; {
	case err == nil && !may[string(v)]:
		r.wrong("%q: wrong value %.40q", key, v)
	case errors.Is(err, ErrNotFound) && !may[""]:
		r.wrong("%q: lost: %w", key, err)
	case errors.Is(err, ErrCorrupt):
		r.wrong("%q: nothing is damaged: %w", key, err)
	}
}

// sound is get when no fault is on.
func (r *faultRun) sound(key string) {
	v, err := r.e.Get(key, nil)
	r.read(key, v, err)
	if err != nil && !errors.Is(err, ErrNotFound) {
		r.wrong("%q: %w", key, err)
	}
}

// recovered checks a cache behind a fault that is gone: at once, after a power cut,
// after a kill, and after it was closed and opened.
func (r *faultRun) recovered() error {
	if r.e == nil {
		if err := r.open(); err != nil {
			return fmt.Errorf("open without a fault: %w", err)
		}
	}
	for key := range r.keys {
		r.sound(key)
	}
	r.use()
	r.afterCut()
	r.afterKill()
	if err := r.e.Close(); err != nil {
		r.failed("close", err) // what the background has met
	}
	r.closed()
	if err := r.open(); err != nil {
		return errors.Join(append(r.errs, fmt.Errorf("open again: %w", err))...)
	}
	for key := range r.keys {
		r.sound(key)
	}
	r.use()
	r.tidy()
	if err := r.e.Close(); err != nil {
		r.wrong("close without a fault: %w", err)
	}
	r.closed()
	return errors.Join(r.errs...)
}

// use writes, reads and syncs; nothing of it may fail.
func (r *faultRun) use() {
	r.e.bg.sealing.begin() // what the background began while there were faults is over
	r.e.bg.sealing.end()
	for i, size := range []int{30, 1500, 70} {
		key := nth("used", i)
		v := r.value(key, size)
		if err := r.e.Set(key, []byte(v), Attrs{}); err != nil {
			r.wrong("set without a fault: %w", err)
			return
		}
		r.wrote(key, v, nil)
		r.sound(key)
	}
	if _, err := r.e.Delete("used-00"); err != nil {
		r.wrong("delete without a fault: %w", err)
	}
	r.wrote("used-00", "", nil)
	r.sound("used-00")
	if err := r.e.Sync(); err != nil {
		r.wrong("sync without a fault: %w", err)
		return
	}
	r.synced()
}

// afterCut looks at what a power cut leaves that takes all that was not synced.
//
// A key in doubt may show an error as well, but nothing that was never there.
func (r *faultRun) afterCut() {
	last := r.disk.Events()
	r.disk.Crashes(vfs.CrashOptions{From: last, To: last + 1, PerPoint: 1}, func(img *vfs.Mem, c vfs.CrashPoint) bool {
		r.shows(img, "power cut, "+c.Variant, func(p promise) map[string]bool { return p.cut })
		return true
	})
}

func (r *faultRun) afterKill() {
	r.shows(r.disk.Clone(), "kill", func(p promise) map[string]bool { return p.killed })
}

func (r *faultRun) shows(img *vfs.Mem, what string, may func(promise) map[string]bool) {
	img.NoTrace = true
	e, err := Open(img, r.opt)
	if err != nil {
		r.wrong("%s: open: %w", what, err)
		return
	}
	for key, p := range r.keys {
		v, err := e.Get(key, nil)
		switch {
		case err == nil && may(p)[string(v)]:
		case errors.Is(err, ErrNotFound) && may(p)[""]:
		case errors.Is(err, ErrCorrupt) && p.doubt && what != "kill":
		default:
			r.wrong("%s: %q: %.40q, %w", what, key, v, err)
		}
	}
	if err := kill(e); err != nil {
		r.wrong("%s: close: %w", what, err)
	}
}

// tidy checks that nothing has piled up: no temporary files, no value files that
// nothing names, and no goroutine, which TestMain looks for.
func (r *faultRun) tidy() {
	problems, err := r.e.Check(true)
	if err != nil {
		r.wrong("check: %w", err)
	}
	for _, p := range problems {
		if errors.Is(p.Err, ErrCorrupt) {
			r.wrong("check: %v", p)
		}
	}
	if problems, err = r.e.Check(false); err != nil || len(problems) > 0 {
		r.wrong("check finds %v, %w when all is mended", problems, err)
	}
	for _, name := range r.disk.Names() {
		if strings.HasSuffix(name, ".tmp") {
			r.wrong("%s was left behind", name)
		}
	}
}

// syncWatch sees to it that no file is synced again whose sync has failed.
type syncWatch struct {
	vfs.FS
	failed map[string]bool
	errs   []error
}

func (s *syncWatch) Create(name string) (vfs.File, error) {
	f, err := s.FS.Create(name)
	if err != nil {
		return nil, err
	}
	watch.Lock()
	delete(s.failed, name) // a new file
	watch.Unlock()
	return &watchedFile{f, s, name}, nil
}

func (s *syncWatch) Open(name string) (vfs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return &watchedFile{f, s, name}, nil
}

type watchedFile struct {
	vfs.File
	s    *syncWatch
	name string
}

func (f *watchedFile) Sync() error {
	watch.Lock()
	if f.s.failed[f.name] {
		f.s.errs = append(f.s.errs, fmt.Errorf("%s: synced again after a sync that failed", f.name))
	}
	watch.Unlock()
	err := f.File.Sync()
	if err != nil {
		watch.Lock()
		f.s.failed[f.name] = true
		watch.Unlock()
	}
	return err
}

// TestDiskFull fills a disk: reads and deletes go on, and sets as soon as there is
// space again.
func TestDiskFull(t *testing.T) {
	for _, sync := range []SyncMode{SyncNever, SyncAlways} {
		t.Run(fmt.Sprint("sync mode ", sync), func(t *testing.T) { testDiskFull(t, sync) })
	}
}

func testDiskFull(t *testing.T, sync SyncMode) {
	mem := vfs.NewMem()
	mem.NoTrace = true
	stored := make(map[string][]byte)
	var e *Engine
	open := func() {
		var err error
		e, err = Open(mem, Options{SegmentSize: 8 << 10, FileThreshold: 3 << 10, Sync: sync, Policy: evict.None})
		require.NoError(t, err)
	}
	fill := func(from, to int) (full int) {
		for i := from; i < to; i++ {
			key := nth("k", i)
			v := bytes.Repeat([]byte{byte(i)}, 100+i*37%4000)
			err := e.Set(key, v, Attrs{})
			if err == nil {
				stored[key] = v
				continue
			}
			require.ErrorIs(t, err, ErrNoSpace)
			require.True(t, named(err), err)
			full++
		}
		return full
	}
	read := func() {
		for key, v := range stored {
			got, err := e.Get(key, nil)
			require.NoError(t, err, key)
			require.Equal(t, v, got)
		}
	}
	open()
	require.Zero(t, fill(0, 40))
	require.NoError(t, e.Close())
	for _, name := range mem.Names() {
		mem.Space += int64(len(mem.ReadFile(name)))
	}
	mem.Space += 20 << 10
	open()
	require.Positive(t, fill(40, 200))
	read()
	for i := range 20 { // for tombstones room is made
		ok, err := e.Delete(nth("k", i))
		require.NoError(t, err)
		require.True(t, ok)
		delete(stored, nth("k", i))
	}
	read()

	mem.Resize(4 * mem.Space)
	require.Zero(t, fill(200, 201), "there is space again")
	require.NoError(t, e.Sync())
	read()
	_ = e.Close() // tells of hints that there was no space for
	open()
	read()
	_, err := e.Get(nth("k", 0), nil)
	require.ErrorIs(t, err, ErrNotFound)
	for _, name := range mem.Names() {
		kind, _, ok := codec.ParseName(name)
		require.False(t, ok && kind == codec.NameTemp, name)
	}
	require.NoError(t, e.Close())
}
