package collection_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/collection"
	"github.com/go-diskcache/diskcache/memory"
)

// contents returns the elements of a deque, read in three ways that have to agree.
func contents(t *testing.T, d *collection.Deque) []string {
	t.Helper()
	values, err := d.Values()
	require.NoError(t, err)
	require.Equal(t, texts(values), walked(t, d.All()))
	back := walked(t, d.Backward())
	slices.Reverse(back)
	require.Equal(t, texts(values), back)
	n, err := d.Len()
	require.NoError(t, err)
	require.Len(t, values, n)
	return texts(values)
}

func walked(t *testing.T, seq iter.Seq2[[]byte, error]) []string {
	t.Helper()
	ss := []string{}
	for v, err := range seq {
		require.NoError(t, err)
		ss = append(ss, string(v))
	}
	return ss
}

// dequeModel is a deque, and what it should hold.
type dequeModel struct {
	t    *testing.T
	d    *collection.Deque
	max  int
	want []string
	r    *rand.Rand
	next int
}

func (m *dequeModel) fresh() string {
	m.next++
	return strconv.Itoa(m.next % 7) // some are equal
}

// bound drops what is too many at one side.
func (m *dequeModel) bound(front bool) {
	if over := len(m.want) - m.max; m.max > 0 && over > 0 {
		if front {
			m.want = m.want[over:]
		} else {
			m.want = m.want[:m.max]
		}
	}
}

// take checks what was found at an end.
func (m *dequeModel) take(v []byte, err error, i int) {
	if len(m.want) == 0 {
		require.ErrorIs(m.t, err, collection.ErrEmpty)
		return
	}
	require.NoError(m.t, err)
	require.Equal(m.t, m.want[i], string(v))
}

// last is the place of the last element.
func (m *dequeModel) last() int { return max(len(m.want)-1, 0) }

// place returns a place, inside or not, and the same counted from the front.
func (m *dequeModel) place() (given, real int, ok bool) {
	i := m.r.IntN(2*len(m.want)+4) - len(m.want) - 2
	real = i
	if i < 0 {
		real += len(m.want)
	}
	return i, real, real >= 0 && real < len(m.want)
}

// step does one operation on both.
func (m *dequeModel) step() string {
	d, t := m.d, m.t
	ops := []struct {
		name string
		do   func()
	}{
		{"PushBack", func() {
			v := m.fresh()
			require.NoError(t, d.PushBack([]byte(v)))
			m.want = append(m.want, v)
			m.bound(true)
		}},
		{"PushFront", func() {
			v := m.fresh()
			require.NoError(t, d.PushFront([]byte(v)))
			m.want = slices.Insert(m.want, 0, v)
			m.bound(false)
		}},
		{"Extend", func() {
			vs := []string{m.fresh(), m.fresh(), m.fresh()}
			require.NoError(t, d.Extend(words(vs...)...))
			m.want = append(m.want, vs...)
			m.bound(true)
		}},
		{"ExtendFront", func() {
			vs := []string{m.fresh(), m.fresh(), m.fresh()}
			require.NoError(t, d.ExtendFront(words(vs...)...))
			slices.Reverse(vs)
			m.want = append(vs, m.want...)
			m.bound(false)
		}},
		{"PopFront", func() {
			v, err := d.PopFront()
			m.take(v, err, 0)
			m.want = m.want[min(1, len(m.want)):]
		}},
		{"PopBack", func() {
			v, err := d.PopBack()
			m.take(v, err, m.last())
			m.want = m.want[:m.last()]
		}},
		{"Front", func() { v, err := d.Front(); m.take(v, err, 0) }},
		{"Back", func() { v, err := d.Back(); m.take(v, err, m.last()) }},
		{"At", func() {
			i, real, ok := m.place()
			v, err := d.At(i)
			if !ok {
				require.ErrorIs(t, err, collection.ErrIndex)
				return
			}
			require.NoError(t, err)
			require.Equal(t, m.want[real], string(v))
		}},
		{"SetAt", func() {
			i, real, ok := m.place()
			v := m.fresh()
			err := d.SetAt(i, []byte(v))
			if !ok {
				require.ErrorIs(t, err, collection.ErrIndex)
				return
			}
			require.NoError(t, err)
			m.want[real] = v
		}},
		{"DeleteAt", func() {
			i, real, ok := m.place()
			err := d.DeleteAt(i)
			if !ok {
				require.ErrorIs(t, err, collection.ErrIndex)
				return
			}
			require.NoError(t, err)
			m.want = slices.Delete(m.want, real, real+1)
		}},
		{"Rotate", func() {
			n := m.r.IntN(3*len(m.want)+3) - len(m.want) - 1
			require.NoError(t, d.Rotate(n))
			if size := len(m.want); size > 0 {
				cut := ((-n)%size + size) % size
				m.want = append(slices.Clone(m.want[cut:]), m.want[:cut]...)
			}
		}},
		{"Reverse", func() {
			require.NoError(t, d.Reverse())
			slices.Reverse(m.want)
		}},
		{"Remove", func() {
			v := m.fresh()
			i := slices.Index(m.want, v)
			removed, err := d.Remove([]byte(v))
			require.NoError(t, err)
			require.Equal(t, i >= 0, removed)
			if removed {
				m.want = slices.Delete(m.want, i, i+1)
			}
		}},
		{"Index, Contains, Count", func() {
			v := m.fresh()
			i, err := d.Index([]byte(v))
			require.NoError(t, err)
			require.Equal(t, slices.Index(m.want, v), i)
			has, err := d.Contains([]byte(v))
			require.NoError(t, err)
			require.Equal(t, i >= 0, has)
			n, err := d.Count([]byte(v))
			require.NoError(t, err)
			count := 0
			for _, w := range m.want {
				if w == v {
					count++
				}
			}
			require.Equal(t, count, n)
		}},
		{"SetMaxLen", func() {
			if m.r.IntN(4) > 0 {
				return
			}
			m.max = m.r.IntN(20)
			require.NoError(t, d.SetMaxLen(m.max))
			require.Equal(t, m.max, d.MaxLen())
			m.bound(true)
		}},
		{"Clear", func() {
			if m.r.IntN(5) > 0 {
				return
			}
			n, err := d.Clear()
			require.NoError(t, err)
			require.Equal(t, len(m.want), n)
			m.want = nil
		}},
	}
	op := ops[m.r.IntN(len(ops))]
	op.do()
	return op.name
}

// TestDequeModel compares a deque with a slice over random operations, beside other queues and keys
// that look much like those of its own.
func TestDequeModel(t *testing.T) {
	onStores(t, func(t *testing.T, s diskcache.Store) {
		for _, k := range []string{"q-5", "q", "q-", "q-00000000000000x", "q-5000000000000000", "q-a-500000000000000", "p-500000000000000", "x"} {
			require.NoError(t, s.Set(k, []byte("none of it")))
		}
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		for _, prefix := range []string{"q", "", "q-a-b", "ключ"} {
			m := &dequeModel{t: t, d: collection.NewDeque(s, prefix, 0), r: rand.New(rand.NewPCG(seed, 0))}
			for range 300 {
				name := m.step()
				require.Equal(t, append([]string{}, m.want...), contents(t, m.d), "after %s", name)
			}
		}
		v, err := s.Get("q-5")
		require.NoError(t, err)
		assert.Equal(t, "none of it", string(v))
	})
}

// The errors of what is not there say so to who knows of the store only.
func TestDequeErrors(t *testing.T) {
	onStores(t, func(t *testing.T, s diskcache.Store) {
		d := collection.NewDeque(s, "q", 0)
		for name, take := range map[string]func() ([]byte, error){
			"PopBack": d.PopBack, "PopFront": d.PopFront, "Back": d.Back, "Front": d.Front,
		} {
			_, err := take()
			assert.ErrorIs(t, err, collection.ErrEmpty, name)
			assert.ErrorIs(t, err, diskcache.ErrNotFound, name)
			assert.NotErrorIs(t, err, collection.ErrIndex, name)
		}
		_, err := d.At(0)
		assert.ErrorIs(t, err, collection.ErrIndex)
		assert.ErrorIs(t, err, diskcache.ErrNotFound)
		assert.ErrorIs(t, d.SetAt(-1, nil), collection.ErrIndex)
		assert.ErrorIs(t, d.DeleteAt(1), collection.ErrIndex)
		assert.NoError(t, d.Rotate(3), "an empty deque is turned round without a word")
		assert.NoError(t, d.Reverse())
		assert.NoError(t, d.Extend())
		assert.Empty(t, contents(t, d))
	})
}

func TestDequeCompare(t *testing.T) {
	onStores(t, func(t *testing.T, s diskcache.Store) {
		d := collection.NewDeque(s, "q", 0)
		require.NoError(t, d.Extend(words("a", "c")...))
		for _, tt := range []struct {
			with []string
			want int
		}{
			{[]string{"a", "c"}, 0},
			{[]string{"a"}, 1},
			{[]string{"a", "c", ""}, -1},
			{[]string{"a", "d"}, -1},
			{[]string{"b"}, -1},
			{[]string{"a", "b", "z"}, 1},
			{nil, 1},
		} {
			got, err := d.Compare(words(tt.with...))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got, tt.with)
		}
	})
}

// Two handles of a prefix are one deque, and Push and Pull of the store take part.
func TestDequeShared(t *testing.T) {
	onStores(t, func(t *testing.T, s diskcache.Store) {
		a, b := collection.NewDeque(s, "q", 0), collection.NewDeque(s, "q", 2)
		require.NoError(t, a.Extend(words("1", "2", "3")...))
		_, err := s.Push("q", []byte("4"), diskcache.Back)
		require.NoError(t, err)
		assert.Equal(t, []string{"1", "2", "3", "4"}, contents(t, b))
		require.NoError(t, b.PushBack([]byte("5")), "its bound is kept where it adds")
		assert.Equal(t, []string{"4", "5"}, contents(t, a))
		it, err := s.Pull("q", diskcache.Front)
		require.NoError(t, err)
		assert.Equal(t, "4", string(it.Value))
		assert.Equal(t, "q", a.Prefix())
	})
}

// What Push has stored with an element goes with it wherever it is moved.
func TestDequeKeepsWhatIsKnown(t *testing.T) {
	onStores(t, func(t *testing.T, s diskcache.Store) {
		d := collection.NewDeque(s, "q", 0)
		at := time.Now().Add(time.Hour).Truncate(time.Second)
		for _, v := range []string{"a", "b", "c"} {
			_, err := s.Push("q", []byte(v), diskcache.Back, diskcache.Tag("tag "+v), diskcache.Kind(uint16(v[0])), diskcache.ExpireAt(at))
			require.NoError(t, err)
		}
		require.NoError(t, d.PushBack([]byte("d")))
		require.NoError(t, d.Reverse())
		require.NoError(t, d.Rotate(1))
		require.NoError(t, d.Rotate(-2))
		require.Equal(t, []string{"c", "b", "a", "d"}, contents(t, d))
		require.NoError(t, d.SetAt(1, []byte("B")))
		for i, want := range []string{"c", "b", "a"} {
			it, err := s.QueueAt("q", i)
			require.NoError(t, err)
			assert.Equal(t, "tag "+want, it.Tag)
			assert.Equal(t, uint16(want[0]), it.Kind)
			assert.True(t, it.Expires.Equal(at), "%v %v", it.Expires, at)
		}
		it, err := s.QueueAt("q", 3)
		require.NoError(t, err)
		assert.Empty(t, it.Tag)
		assert.True(t, it.Expires.IsZero())
	})
}

// In takes a deque into a transaction, beside all else that this does.
func TestDequeIn(t *testing.T) {
	onStores(t, func(t *testing.T, s diskcache.Store) {
		from, to := collection.NewDeque(s, "from", 0), collection.NewDeque(s, "to", 2)
		require.NoError(t, from.Extend(words("1", "2", "3")...))
		enough := errors.New("enough")
		move := func(end error) error {
			return diskcache.Transact(context.Background(), s, func(tx diskcache.Txn) error {
				for range 3 {
					v, err := from.In(tx).PopFront()
					if err != nil {
						return err
					}
					if err := to.In(tx).PushBack(v); err != nil {
						return err
					}
				}
				if got := walked(t, to.In(tx).Backward()); !slices.Equal(got, []string{"3", "2"}) {
					return fmt.Errorf("within: %v", got)
				}
				return end
			})
		}
		require.ErrorIs(t, move(enough), enough)
		assert.Equal(t, []string{"1", "2", "3"}, contents(t, from))
		assert.Empty(t, contents(t, to))
		require.NoError(t, move(nil))
		assert.Empty(t, contents(t, from))
		assert.Equal(t, []string{"2", "3"}, contents(t, to))
	})
}

// Nobody ever sees a deque that somebody else is turning round in part, nor one over its bound.
func TestDequeAtomic(t *testing.T) {
	onStores(t, func(t *testing.T, s diskcache.Store) {
		const n = 9
		d := collection.NewDeque(s, "q", n)
		for i := range n {
			require.NoError(t, d.PushBack([]byte{byte(i)}))
		}
		steps := []func() error{
			func() error { return d.Rotate(2) },
			func() error { return d.Rotate(-3) },
			d.Reverse,
		}
		var wg sync.WaitGroup
		for _, step := range steps {
			wg.Go(func() {
				for range 50 {
					assert.NoError(t, step())
				}
			})
		}
		for range 50 {
			values, err := d.Values()
			require.NoError(t, err)
			require.Len(t, values, n)
			slices.SortFunc(values, bytes.Compare)
			for i, v := range values {
				require.Equal(t, []byte{byte(i)}, v)
			}
		}
		wg.Wait()
	})
}

// A walk meets whatever others do, and yields what stays once.
func TestDequeWalkMeanwhile(t *testing.T) {
	onStores(t, func(t *testing.T, s diskcache.Store) {
		d := collection.NewDeque(s, "q", 0)
		for i := range 20 {
			require.NoError(t, d.PushBack([]byte(strconv.Itoa(i))))
		}
		seen := map[string]int{}
		for v, err := range d.All() {
			require.NoError(t, err)
			if seen[string(v)]++; string(v) == "4" {
				for range 3 {
					_, err := d.PopBack()
					require.NoError(t, err)
				}
				_, err := d.PopFront()
				require.NoError(t, err)
				require.NoError(t, d.PushFront([]byte("new")))
			}
		}
		for i := 1; i < 17; i++ {
			assert.Equal(t, 1, seen[strconv.Itoa(i)], i)
		}
		for range d.All() {
			break // a walk may end early
		}
	})
}

// An element whose time is over is none, wherever it stands.
func TestDequeExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New(nil)
		defer s.Close()
		d := collection.NewDeque(s, "q", 0)
		for i, v := range []string{"gone", "a", "gone", "b", "gone"} {
			var opts []diskcache.SetOption
			if i%2 == 0 {
				opts = append(opts, diskcache.TTL(time.Second))
			}
			_, err := s.Push("q", []byte(v), diskcache.Back, opts...)
			require.NoError(t, err)
		}
		time.Sleep(time.Minute)
		n, err := d.Len()
		require.NoError(t, err)
		require.Equal(t, 5, n, "they are there, and nobody sees them")
		values, err := d.Values()
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b"}, texts(values))
		assert.Equal(t, []string{"a", "b"}, walked(t, d.All()))
		_, err = d.At(0)
		assert.ErrorIs(t, err, collection.ErrIndex)
		has, err := d.Contains([]byte("gone"))
		require.NoError(t, err)
		assert.False(t, has)
		require.NoError(t, d.Reverse(), "what remains can be turned round")
		assert.Equal(t, []string{"b", "a"}, walked(t, d.All()))
		v, err := d.PopBack()
		require.NoError(t, err)
		assert.Equal(t, "a", string(v))
		require.NoError(t, d.Rotate(7))
		values, err = d.Values()
		require.NoError(t, err)
		assert.Equal(t, []string{"b"}, texts(values))
	})
}

// lossy is a transaction in which the next elements that are pulled cannot be read.
type lossy struct {
	diskcache.Txn
	left int
}

func (l *lossy) Pull(prefix string, side diskcache.Side) (diskcache.Item, error) {
	it, err := l.Txn.Pull(prefix, side)
	if err == nil && l.left > 0 {
		l.left--
		return diskcache.Item{}, &diskcache.CorruptError{File: "segment", Err: errors.New("damage")}
	}
	return it, err
}

// TestDequeBoundDamaged: a damaged element that is to be dropped does not keep others from being added.
func TestDequeBoundDamaged(t *testing.T) {
	s := memory.New(nil)
	defer s.Close()
	d := collection.NewDeque(s, "q", 2)
	require.NoError(t, d.Extend(words("damaged", "a")...))
	require.NoError(t, diskcache.Transact(context.Background(), s, func(tx diskcache.Txn) error {
		return d.In(&lossy{tx, 1}).PushBack([]byte("b"))
	}))
	require.Equal(t, []string{"a", "b"}, contents(t, d))
}
