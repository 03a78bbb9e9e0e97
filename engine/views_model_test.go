package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// viewItem is an item of the model.
type viewItem struct {
	value   string
	tag     string
	expires int64 // ns, 0: never
	order   int   // raised with each first insertion
}

// viewModel is a plain map that does what the views promise, slowly.
type viewModel struct {
	t     *testing.T
	now   *atomic.Int64
	items map[string]viewItem
	order *int
}

func (m *viewModel) alive(it viewItem) bool { return it.expires == 0 || it.expires > m.now.Load() }

func (m *viewModel) set(key string, it viewItem) {
	if old, ok := m.items[key]; ok && m.alive(old) {
		it.order = old.order
	} else {
		*m.order++
		it.order = *m.order
	}
	m.items[key] = it
}

func (m *viewModel) clone() *viewModel {
	c := *m
	c.items = make(map[string]viewItem, len(m.items))
	for k, it := range m.items {
		c.items[k] = it
	}
	return &c
}

func (m *viewModel) expire() {
	for k, it := range m.items {
		if !m.alive(it) {
			delete(m.items, k)
		}
	}
}

// scan returns the keys of a walk.
func (m *viewModel) scan(w Walk) (keys []string) {
	for k, it := range m.items {
		if m.alive(it) && strings.HasPrefix(k, w.Prefix) && k >= w.From && (w.To == "" || k < w.To) && (w.Tag == "" || it.tag == w.Tag) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		if w.ByKey {
			return strings.Compare(a, b)
		}
		return m.items[a].order - m.items[b].order
	})
	if w.Reverse {
		slices.Reverse(keys)
	}
	return keys
}

// queue returns the keys of a queue, those that have expired too.
func (m *viewModel) queue(prefix string) (keys []string) {
	for k := range m.items {
		if p, _, ok := parseQueueKey(k); ok && p == prefix {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func (m *viewModel) push(prefix string, back bool, it viewItem) string {
	key := formatQueueKey(prefix, firstNumber)
	if q := m.queue(prefix); len(q) > 0 {
		last := q[0]
		if back {
			last = q[len(q)-1]
		}
		_, n, _ := parseQueueKey(last)
		next, err := nextNumber(n, back)
		require.NoError(m.t, err)
		key = formatQueueKey(prefix, next)
	}
	m.set(key, it)
	return key
}

// end returns the first key of a queue that is alive, from one end, and those that it has passed.
func (m *viewModel) end(prefix string, back bool) (key string, passed []string) {
	q := m.queue(prefix)
	if back {
		slices.Reverse(q)
	}
	for _, k := range q {
		if m.alive(m.items[k]) {
			return k, passed
		}
		passed = append(passed, k)
	}
	return noKey, passed
}

// noKey is where there is none; the empty key is one.
const noKey = "\x00none"

// viewReads are the operations that an Engine and a Tx have in common.
type viewReads interface {
	Peek(prefix string, back bool) (Found, error)
	PeekItem(back bool) (Found, error)
	QueueAt(prefix string, i int) (Found, error)
	QueueLen(prefix string) (int, error)
	Pull(prefix string, back bool) (Found, error)
	Push(prefix string, value []byte, back bool, a Attrs) (string, error)
	Set(key string, value []byte, a Attrs) error
	Delete(key string) (bool, error)
}

var (
	_ viewReads = (*Engine)(nil)
	_ viewReads = (*Tx)(nil)
)

type viewRun struct {
	*viewModel
	rnd  *rand.Rand
	step int
}

func (r *viewRun) key() string {
	switch n := r.rnd.IntN(40); r.rnd.IntN(8) {
	case 0:
		return formatQueueKey("a", firstNumber-20+uint64(n))
	case 1:
		return formatQueueKey("a-5", firstNumber-20+uint64(n))
	case 2:
		return formatQueueKey("", firstNumber-20+uint64(n))
	case 3:
		return strings.Repeat("k", n%7)
	default:
		return fmt.Sprintf("key-%02d", n)
	}
}

func (r *viewRun) prefix() string { return []string{"", "a", "a-5"}[r.rnd.IntN(3)] }
func (r *viewRun) bool() bool     { return r.rnd.IntN(2) == 0 }

func (r *viewRun) item() (viewItem, Attrs) {
	it := viewItem{value: fmt.Sprint("v", r.step), tag: []string{"", "", "t", "u"}[r.rnd.IntN(4)]}
	switch r.rnd.IntN(12) {
	case 0:
		it.expires = r.now.Load() + int64(r.rnd.IntN(60))*int64(time.Second)
	case 1:
		it.value += strings.Repeat("x", 1500+r.rnd.IntN(1500))
	}
	return it, Attrs{Expires: it.expires, Tag: it.tag}
}

func (r *viewRun) is(f Found, err error, key string, m *viewModel, what string) {
	r.t.Helper()
	if key == noKey {
		require.ErrorIs(r.t, err, ErrNotFound, "step %d: %s", r.step, what)
		return
	}
	require.NoError(r.t, err, "step %d: %s: %s", r.step, what, key)
	require.Equal(r.t, key, f.Key, "step %d: %s", r.step, what)
	require.Equal(r.t, m.items[key].value, string(f.Value), "step %d: %s", r.step, what)
	require.Equal(r.t, m.items[key].tag, f.Tag, "step %d: %s", r.step, what)
}

// common does one of the operations that an engine and a transaction have both.
func (r *viewRun) common(on viewReads, m *viewModel) {
	t := r.t
	prefix, back := r.prefix(), r.bool()
	switch what := r.rnd.IntN(100); {
	case what < 25:
		key := r.key()
		it, a := r.item()
		require.NoError(t, on.Set(key, []byte(it.value), a))
		m.set(key, it)
	case what < 40:
		key := r.key()
		old, there := m.items[key]
		ok, err := on.Delete(key)
		require.NoError(t, err)
		require.Equal(t, there && m.alive(old), ok, "step %d: delete %s", r.step, key)
		delete(m.items, key)
	case what < 55:
		it, a := r.item()
		want := m.push(prefix, back, it)
		key, err := on.Push(prefix, []byte(it.value), back, a)
		require.NoError(t, err)
		require.Equal(t, want, key, "step %d: push", r.step)
	case what < 67:
		want, passed := m.end(prefix, back)
		f, err := on.Pull(prefix, back)
		r.is(f, err, want, m, "pull")
		for _, k := range append(passed, want) {
			delete(m.items, k)
		}
	case what < 75:
		want, _ := m.end(prefix, back)
		f, err := on.Peek(prefix, back)
		r.is(f, err, want, m, "peek")
	case what < 83:
		n, err := on.QueueLen(prefix)
		require.NoError(t, err)
		require.Len(t, m.queue(prefix), n, "step %d: length of %q", r.step, prefix)
	case what < 92:
		q := m.queue(prefix)
		i := r.rnd.IntN(len(q)+3) - (len(q)+3)/2
		f, err := on.QueueAt(prefix, i)
		want := noKey
		if j, ok := place(i, len(q)); ok && m.alive(m.items[q[j]]) {
			want = q[j]
		}
		r.is(f, err, want, m, fmt.Sprint("at ", i))
	default:
		want := noKey
		if all := m.scan(Walk{Reverse: back}); len(all) > 0 {
			want = all[0]
		}
		f, err := on.PeekItem(back)
		r.is(f, err, want, m, "peek item")
	}
}

func (r *viewRun) walk() Walk {
	w := Walk{ByKey: r.bool(), Reverse: r.bool()}
	if r.rnd.IntN(3) == 0 {
		w.Prefix = []string{"a-", "key-1", "k", "a-5", "5"}[r.rnd.IntN(5)]
	}
	if r.rnd.IntN(3) == 0 {
		w.From = r.key()
	}
	if r.rnd.IntN(3) == 0 {
		w.To = r.key()
	}
	if r.rnd.IntN(3) == 0 {
		w.Tag = []string{"t", "u", "none"}[r.rnd.IntN(3)]
	}
	return w
}

func (r *viewRun) scans(e *Engine) {
	w := r.walk()
	want := r.scan(w)
	var got []string
	if r.bool() {
		for k, err := range e.Scan(w) {
			require.NoError(r.t, err)
			got = append(got, k)
		}
	} else {
		for f, err := range e.ScanItems(w) {
			require.NoError(r.t, err)
			r.is(f, err, f.Key, r.viewModel, "scan")
			got = append(got, f.Key)
		}
	}
	require.Equal(r.t, want, got, "step %d: %+v", r.step, w)
}

var errRollback = errors.New("rolled back")

func (r *viewRun) transaction(e *Engine) {
	c := r.clone()
	order := *r.order
	keep := r.rnd.IntN(4) > 0
	err := e.Update(func(tx *Tx) error {
		for range r.rnd.IntN(20) {
			r.common(tx, c)
		}
		if !keep {
			return errRollback
		}
		return nil
	})
	if keep {
		require.NoError(r.t, err)
		r.items = c.items
		return
	}
	require.ErrorIs(r.t, err, errRollback)
	*r.order = order
}

// TestViewsModel: whatever is done by whichever process, the views are those of a map.
func TestViewsModel(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, newMem func() *vfs.Mem) {
		for seed := range 12 {
			t.Run(fmt.Sprint(seed), func(t *testing.T) { viewsModel(t, newMem(), uint64(seed)) })
		}
	})
}

func viewsModel(t *testing.T, mem *vfs.Mem, seed uint64) {
	steps := 2000
	if mem.Network || testing.Short() {
		steps = 250
	}
	var now atomic.Int64
	now.Store(crashClock.UnixNano())
	r := &viewRun{viewModel: &viewModel{t: t, now: &now, items: make(map[string]viewItem), order: new(int)}, rnd: rand.New(rand.NewPCG(seed, 7))}
	opt := Options{SegmentSize: 4096, FileThreshold: 2000, Now: func() time.Time { return time.Unix(0, now.Load()) }}
	if seed%3 == 0 {
		opt.Hash = func(key string) uint64 { return uint64(len(key)) << 60 } // most keys collide
	}
	procs := make([]*Engine, 1+seed%3)
	open := func(i int) {
		e, err := openAs(mem, opt)
		require.NoError(t, err)
		procs[i] = e
	}
	for i := range procs {
		open(i)
	}
	for last := 0; r.step < steps; r.step++ {
		i := r.rnd.IntN(len(procs))
		e := procs[i]
		if i != last && e.board.file != nil {
			handOn(procs[last])
		}
		last = i
		now.Add(int64(time.Millisecond)) // sequences of several processes are told apart by the time
		switch what := r.rnd.IntN(1000); {
		case what < 600:
			r.common(e, r.viewModel)
		case what < 700:
			r.transaction(e)
		case what < 930:
			r.scans(e)
		case what < 950:
			now.Add(int64(r.rnd.IntN(20)) * int64(time.Second))
		case what < 960:
			_, err := e.Expire()
			require.NoError(t, err)
			r.expire()
		case what < 975:
			require.NoError(t, e.Compact())
			_, err := e.Expire()
			require.NoError(t, err)
			r.expire()
		case what < 978:
			_, err := e.Clear()
			require.NoError(t, err)
			clear(r.items)
		case what < 985:
			_, err := e.Expire()
			require.NoError(t, err)
			r.expire()
			n, err := e.EvictTag("t")
			require.NoError(t, err)
			for k, it := range r.items {
				if it.tag == "t" {
					n--
					delete(r.items, k)
				}
			}
			require.Zero(t, n)
		case what < 992:
			require.NoError(t, e.Close())
			open(i)
		default:
			e.w.mu.Lock()
			_, err := e.rebuild(e.index.Load())
			e.w.mu.Unlock()
			require.NoError(t, err)
			_ = e.faults.take()
		}
	}
	for _, e := range procs {
		require.NoError(t, e.Close())
	}
}
