package fanout

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
	"github.com/stretchr/testify/require"
)

// TestShardCount: the number of shards is that of the first opening.
func TestShardCount(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	open := func(n int) (*Store, error) { return Open(dir, &Options{Shards: n}) }
	s, err := open(3)
	require.NoError(t, err)
	require.Equal(t, 3, s.Shards())
	require.NoError(t, s.Set("k", []byte("v")))
	require.NoError(t, s.Close())
	for _, n := range []int{0, 3} {
		s, err = open(n)
		require.NoError(t, err)
		require.Equal(t, 3, s.Shards())
		v, err := s.Get("k")
		require.NoError(t, err)
		require.Equal(t, "v", string(v))
		require.NoError(t, s.Close())
	}
	_, err = open(4)
	var e *ShardsError
	require.ErrorAs(t, err, &e)
	require.Equal(t, ShardsError{dir, 3, 4}, *e)
	require.ErrorIs(t, err, diskcache.ErrOption)
	for _, n := range []int{-1, 1001} {
		_, err = open(n)
		require.ErrorIs(t, err, diskcache.ErrOption)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Equal(t, []string{"000", "001", "002", "shards"}, names, "nothing else is left there")
}

// TestShardCountDamaged: what is no number of shards is never taken for one.
func TestShardCountDamaged(t *testing.T) {
	for _, text := range []string{
		"", "3\n", shardsText, shardsText + "3", shardsText + "0\n", shardsText + "1001\n", shardsText + "x\n",
		shardsText + "3\n3\n", "x" + shardsText + "3\n", shardsText + "99999999999999999999\n",
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, shardsFile), []byte(text), 0o600))
		_, err := Open(dir, nil)
		require.ErrorIs(t, err, ErrShards, "%q", text)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, entries, 1, "nothing was changed")
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, shardsFile), 0o700))
	_, err := Open(dir, nil)
	require.ErrorIs(t, err, ErrShards)

	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.txt"), nil, 0o600))
	_, err = Open(dir, nil)
	require.ErrorIs(t, err, diskcache.ErrForeign)

	dir = t.TempDir() // of an Open that died
	require.NoError(t, os.WriteFile(filepath.Join(dir, tempFiles+"123"), nil, 0o600))
	s, err := Open(dir, &Options{Shards: 1})
	require.NoError(t, err)
	require.NoError(t, s.Close())

	_, err = Open(filepath.Join(dir, "none"), &Options{Options: diskcache.Options{ReadOnly: true}})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestOpenAtOnce: of several who make a directory with other numbers, one decides.
func TestOpenAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	var wg sync.WaitGroup
	counts := make([]int, 8)
	for i := range counts {
		wg.Go(func() {
			n, err := shardCount(dir, 1+i%4, false)
			var e *ShardsError
			if errors.As(err, &e) {
				n, err = e.Have, nil
			}
			if err != nil {
				t.Error(err)
			}
			counts[i] = n
		})
	}
	wg.Wait()
	for _, n := range counts {
		require.Equal(t, counts[0], n)
	}
}

// TestPlaces: where a key lives is a promise to the directories that exist; and the shards
// get about as much each.
func TestPlaces(t *testing.T) {
	for key, want := range map[string]int{"": 5, "a": 3, "key": 6, "q-500000000000000": place("q-", 8), "500000000000000": place("", 8)} {
		require.Equal(t, want, place(home(key), 8), "%q", key)
	}
	for _, n := range []int{2, 8, 100} {
		count := make([]int, n)
		for i := range 1000 * n {
			count[place(fmt.Sprint("key", i), n)]++
		}
		for _, c := range count {
			require.InDelta(t, 1000, c, 150)
		}
	}
	for _, k := range []string{"q", "q-", "-500000000000000", "q-50000000000000", "q-50000000000000x", "q500000000000000"} {
		require.Equal(t, k, home(k))
	}
}

// TestLimitsAreShared: the shards together have what the options say.
func TestLimitsAreShared(t *testing.T) {
	o := &Options{Options: diskcache.Options{SizeLimit: 1000, CountLimit: 2, MinFreeSpace: 90, CullLimit: -1}}
	s := o.share(4)
	require.EqualValues(t, 250, s.SizeLimit)
	require.EqualValues(t, 1, s.CountLimit, "0 would be none")
	require.EqualValues(t, 22, s.MinFreeSpace)
	require.Equal(t, -1, s.CullLimit)
	require.Equal(t, diskcache.Options{}, *(&Options{}).share(4))
	require.EqualValues(t, 1000, o.SizeLimit, "the options are the caller's")
}

// TestOrder: on a clock that moves, the order of insertion is that of one cache.
func TestOrder(t *testing.T) {
	s := newStore(inMemory(4, memory.Options{}))
	defer s.Close()
	var want []string
	for i := range 500 {
		k := fmt.Sprint(i * 7919 % 500)
		require.NoError(t, s.Set(k, nil))
		want = append(want, k)
	}
	require.NoError(t, s.Set(want[0], []byte("again"))) // keeps its place
	var got []string
	for k, err := range s.Scan(diskcache.Range{}) {
		require.NoError(t, err)
		got = append(got, k)
	}
	require.Equal(t, want, got)
	peeks := func(o diskcache.Ops, side diskcache.Side, want string) {
		t.Helper()
		it, err := o.PeekItem(side)
		require.NoError(t, err)
		require.Equal(t, want, it.Key)
	}
	peeks(s, diskcache.Front, want[0])
	peeks(s, diskcache.Back, want[499])

	// What a transaction has set itself comes last, but where it was there.
	tx, err := s.Begin(t.Context())
	require.NoError(t, err)
	require.NoError(t, tx.Set(want[0], nil))
	peeks(tx, diskcache.Front, want[0])
	for i := range 20 { // in all shards
		require.NoError(t, tx.Set(fmt.Sprint("new", i), nil))
		peeks(tx, diskcache.Back, fmt.Sprint("new", i))
	}
	_, err = tx.Delete(want[0])
	require.NoError(t, err)
	peeks(tx, diskcache.Front, want[1])
	require.NoError(t, tx.Set(want[0], nil))
	peeks(tx, diskcache.Back, want[0])
	_, err = tx.Pop(want[0])
	require.NoError(t, err)
	peeks(tx, diskcache.Back, "new19")
	require.NoError(t, tx.Rollback())
	peeks(s, diskcache.Front, want[0])
}

// refusing is a shard whose transactions cannot be committed.
type ctx = context.Context

type refusing struct{ diskcache.Store }

func (r refusing) Begin(ctx ctx) (diskcache.Txn, error) {
	tx, err := r.Store.Begin(ctx)
	return refusingTx{tx}, err
}

type refusingTx struct{ diskcache.Txn }

func (r refusingTx) Commit() error { return errors.Join(diskcache.ErrFull, r.Txn.Rollback()) }

// TestPartial: a shard that refuses its part is told of, and so is what was committed. If it
// is the first one, nothing was.
func TestPartial(t *testing.T) {
	for refuses := range 3 {
		shards := inMemory(3, memory.Options{})
		shards[refuses] = refusing{shards[refuses]}
		s := newStore(shards)
		err := diskcache.Transact(t.Context(), s, func(tx diskcache.Txn) error {
			for i := range 100 {
				if err := tx.Set(fmt.Sprint(i), nil); err != nil {
					return err
				}
			}
			return nil
		})
		require.ErrorIs(t, err, diskcache.ErrFull)
		var e *PartialError
		require.Equal(t, refuses > 0, errors.As(err, &e))
		for i, c := range shards {
			n, err := c.Len()
			require.NoError(t, err)
			require.Equal(t, i < refuses, n > 0, "shard %d", i)
		}
		if refuses == 1 {
			require.Equal(t, []int{0}, e.Committed)
			require.Equal(t, []int{1, 2}, e.Missing)
		}
		require.NoError(t, s.Set("after", nil), "nothing is locked")
		require.NoError(t, s.Close())
	}
}

// TestBeginFails: a shard that cannot begin leaves no other locked.
func TestBeginFails(t *testing.T) {
	shards := inMemory(3, memory.Options{})
	s := newStore(shards)
	require.NoError(t, shards[2].Close())
	_, err := s.Begin(t.Context())
	require.ErrorIs(t, err, diskcache.ErrClosed)
	require.NoError(t, shards[0].Set("k", nil))
	require.NoError(t, shards[1].Set("k", nil))
	require.NoError(t, shards[0].Close())
	require.NoError(t, shards[1].Close())
}

// TestSums: what all shards have together.
func TestSums(t *testing.T) {
	s := newStore(inMemory(5, memory.Options{}))
	defer s.Close()
	for i := range 100 {
		require.NoError(t, s.Set(fmt.Sprint(i), make([]byte, 10)))
		_, err := s.Get(fmt.Sprint(i))
		require.NoError(t, err)
	}
	n, err := s.Len()
	require.NoError(t, err)
	require.Equal(t, 100, n)
	st, err := s.Stats()
	require.NoError(t, err)
	require.EqualValues(t, 100, st.Items)
	require.EqualValues(t, 100, st.Sets)
	require.EqualValues(t, 100, st.Hits)
	v, err := s.Volume()
	require.NoError(t, err)
	require.Equal(t, st.LiveBytes, v)
}

// watched is a shard that tells of its commits.
type watched struct {
	diskcache.Store
	committing func()
}

func (w watched) Begin(ctx ctx) (diskcache.Txn, error) {
	tx, err := w.Store.Begin(ctx)
	return watchedTx{tx, w.committing}, err
}

type watchedTx struct {
	diskcache.Txn
	committing func()
}

func (w watchedTx) Commit() error {
	w.committing()
	return w.Txn.Commit()
}

// TestGate: while a transaction commits several shards no reader is let in; one that commits
// a single one keeps nobody out.
func TestGate(t *testing.T) {
	var s *Store
	var open []bool
	shards := inMemory(3, memory.Options{})
	for i := range shards {
		shards[i] = watched{shards[i], func() {
			for i := range s.gate.stripes {
				free := s.gate.stripes[i].TryRLock()
				if free {
					s.gate.stripes[i].RUnlock()
				}
				open = append(open, free)
			}
		}}
	}
	s = newStore(shards)
	defer s.Close()
	for _, keys := range [][]string{{"a"}, {"a", "b", "c", "d", "e", "f"}} {
		open = nil
		require.NoError(t, diskcache.Transact(t.Context(), s, func(tx diskcache.Txn) error {
			for _, k := range keys {
				if err := tx.Set(k, nil); err != nil {
					return err
				}
			}
			return nil
		}))
		require.NotEmpty(t, open)
		for _, free := range open {
			require.Equal(t, len(keys) == 1, free)
		}
	}
	_, err := s.Get("a")
	require.NoError(t, err, "the gate is open again")
}
