package fanout

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

// TestShares divides pools of any kind: nothing is more than the whole, nothing gets less than the
// least or goes further than it is due, and no more is taken than may be.
func TestShares(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 1500 {
		p := anyPool(r)
		sum := func(shares []int64) (sum int64) {
			for _, n := range shares {
				require.Positive(t, n)
				sum += n
			}
			return sum
		}
		require.LessOrEqual(t, sum(p.scaled()), p.whole)
		fitted := p.fitted()
		require.LessOrEqual(t, sum(fitted), p.whole)
		before := sum(fitted)
		for i := range p.of {
			p.of[i].share = fitted[i]
		}
		turned := r.Int64N(p.whole + 1)
		lowered, due := p.lowered(turned), p.due()
		require.LessOrEqual(t, before-sum(lowered), turned)
		for i, n := range lowered {
			require.LessOrEqual(t, n, p.of[i].share)
			require.GreaterOrEqual(t, n, min(p.of[i].share, due[i]))
			p.of[i].share = n
		}
		raised := p.raised()
		require.LessOrEqual(t, sum(raised), max(p.whole, sum(lowered)))
		for i, n := range raised {
			require.GreaterOrEqual(t, n, p.of[i].share)
			p.of[i].share = n
		}
		shard, tooLarge := r.IntN(len(p.of)), r.IntN(2) == 0
		for i, n := range p.madeWay(shard, tooLarge) {
			require.LessOrEqual(t, n, p.of[i].share)
			require.GreaterOrEqual(t, n, min(p.of[i].share, p.least()))
			p.of[i].share = n
		}
		require.LessOrEqual(t, sum(p.wayTaken(shard, tooLarge)), p.whole)
	}
}

func anyPool(r *rand.Rand) *pool {
	p := &pool{kind: r.IntN(kinds), of: make([]holding, 1+r.IntN(20))}
	p.whole = max(r.Int64N(1<<(1+r.IntN(44))), int64(len(p.of)))
	for i := range p.of {
		h := &p.of[i]
		h.share = 1 + r.Int64N(2*p.equal())
		h.used = r.Int64N(h.share + 2)
		if r.IntN(3) > 0 {
			h.demand = float64(r.Int64N(1<<r.IntN(40) + 1))
		}
	}
	return p
}

// TestReopen: shares stay as they are from one opening to the next, and keep their parts of
// another whole. All that is given is that.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	open := func(size, count int64) *Store {
		s, err := Open(dir, &Options{Shards: 4, Options: diskcache.Options{SizeLimit: size, CountLimit: count, ManualCompaction: true}})
		require.NoError(t, err)
		return s
	}
	s := open(0, 1000)
	require.NoError(t, s.balancer.set(t.Context(), poolsOf(t, s), plan{{0, 100}, {0, 700}, {0, 100}, {0, 100}}))
	require.NoError(t, s.Close())
	for _, count := range []int64{0, 1000} {
		s = open(0, count)
		require.Equal(t, []amounts{{0, 100}, {0, 700}, {0, 100}, {0, 100}}, sharesOf(t, s))
		require.NoError(t, s.Close())
	}
	for _, count := range []int64{10000, 500} {
		s = open(0, count)
		shares := sharesOf(t, s)
		require.InDelta(t, count, sumOf(shares)[items], 4)
		require.Greater(t, 10*shares[1][items], 6*count)
		require.NoError(t, s.Close())
	}
	s = open(64<<20, 0) // a limit that was not there
	shares := sharesOf(t, s)
	require.InDelta(t, 500, sumOf(shares)[items], 4)
	for _, share := range shares {
		require.EqualValues(t, (64<<20-notesBytes)/4, share[bytes])
	}
	require.NoError(t, s.Close())
	_, err := Open(dir, &Options{Options: diskcache.Options{SizeLimit: -1}})
	require.ErrorIs(t, err, diskcache.ErrOption)
}

func poolsOf(t *testing.T, s *Store) []*pool {
	t.Helper()
	k, err := readNotes(s.balancer.notes, len(s.shards))
	require.NoError(t, err)
	now, err := s.balancer.settings(t.Context())
	require.NoError(t, err)
	pools, err := s.balancer.pools(k, now)
	require.NoError(t, err)
	return pools
}

// TestLargeValue: what fits an equal share is stored in a shard that has less, because others
// were asked for more, in any way of storing.
func TestLargeValue(t *testing.T) {
	const n = 4
	keys := keysOf(n, 1)
	large := make([]byte, 1<<20)
	for name, store := range map[string]func(s *Store) error{
		"Set":     func(s *Store) error { return s.Set(keys[2][0], large) },
		"SetMany": func(s *Store) error { return s.SetMany([]diskcache.KeyValue{{Key: keys[2][0], Value: large}}) },
		"SetMany of shards": func(s *Store) error {
			return s.SetMany([]diskcache.KeyValue{{Key: keys[1][0]}, {Key: keys[2][0], Value: large}})
		},
		"the next transaction": func(s *Store) error {
			set := func(tx diskcache.Txn) error { return tx.Set(keys[2][0], large) }
			if err := diskcache.Transact(context.Background(), s, set); err == nil {
				return fmt.Errorf("it fits as it is")
			}
			return diskcache.Transact(context.Background(), s, set)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.TempDir(), &Options{Shards: n, Options: diskcache.Options{SizeLimit: 16 << 20, ManualCompaction: true}})
			require.NoError(t, err)
			defer s.Close()
			whole := sumOf(sharesOf(t, s))
			least := whole[bytes] / n / leastPart
			require.NoError(t, s.balancer.set(t.Context(), poolsOf(t, s), plan{{least, 0}, {whole[bytes] - 3*least, 0}, {least, 0}, {least, 0}}))
			require.NoError(t, store(s))
			v, err := s.Get(keys[2][0])
			require.NoError(t, err)
			require.Len(t, v, len(large))
			require.LessOrEqual(t, sumOf(sharesOf(t, s))[bytes], whole[bytes])
			require.ErrorIs(t, s.Set(keys[2][0], make([]byte, 15<<20)), diskcache.ErrTooLarge)
		})
	}
}

// TestLargeTransaction: what fits equal shares, and is more than a share is now, is refused before any shard has
// committed, and the next try finds the room. SetMany tries by itself.
func TestLargeTransaction(t *testing.T) {
	const n = 4
	keys := keysOf(n, 10)
	var all []diskcache.KeyValue
	for i := range n {
		all = append(all, diskcache.KeyValue{Key: keys[i][0]})
	}
	for _, k := range keys[2] {
		all = append(all, diskcache.KeyValue{Key: k, Value: make([]byte, 100<<10)})
	}
	open := func() *Store {
		s, err := Open(t.TempDir(), &Options{Shards: n, Options: diskcache.Options{SizeLimit: 16 << 20, ManualCompaction: true}})
		require.NoError(t, err)
		whole := sumOf(sharesOf(t, s))[bytes]
		least := whole / n / leastPart
		require.NoError(t, s.balancer.set(t.Context(), poolsOf(t, s), plan{{least, 0}, {whole - 3*least, 0}, {least, 0}, {least, 0}}))
		return s
	}
	s := open()
	require.NoError(t, s.SetMany(all))
	require.NoError(t, s.Close())

	s = open()
	store := func(tx diskcache.Txn) error {
		for _, it := range all {
			if err := tx.Set(it.Key, it.Value); err != nil {
				return err
			}
		}
		return nil
	}
	err := diskcache.Transact(t.Context(), s, store)
	require.ErrorIs(t, err, diskcache.ErrTooLarge)
	var part *PartialError
	require.False(t, errors.As(err, &part))
	count, err := s.Len()
	require.NoError(t, err)
	require.Zero(t, count)
	require.NoError(t, diskcache.Transact(t.Context(), s, store))
	count, err = s.Len()
	require.NoError(t, err)
	require.Equal(t, n+len(keys[2])-1, count)
	require.NoError(t, s.Close())
}

// TestFullShard: with a policy that gives up nothing a shard takes what others do not use, before it is full.
func TestFullShard(t *testing.T) {
	s, err := Open(t.TempDir(), &Options{Shards: 4, Options: diskcache.Options{CountLimit: 400, Policy: diskcache.PolicyNone, ManualCompaction: true}})
	require.NoError(t, err)
	defer s.Close()
	stored := 0
	for _, k := range keysOf(4, 500)[3] {
		if err = s.Set(k, nil); err != nil {
			break
		}
		stored++
	}
	require.ErrorIs(t, err, diskcache.ErrFull)
	require.Greater(t, stored, 360)
	require.LessOrEqual(t, sumOf(sharesOf(t, s))[items], int64(400))
}

// TestNotesDamaged: without notes, or with some that are none, limits begin anew.
func TestNotesDamaged(t *testing.T) {
	dir := t.TempDir()
	o := &Options{Shards: 2, Options: diskcache.Options{CountLimit: 100, ManualCompaction: true}}
	for i, damage := range []func(s *Store) error{
		func(s *Store) error { return s.balancer.notes.Set(notesKey, []byte("{")) },
		func(s *Store) error { return s.balancer.notes.Set(notesKey, []byte(`{"whole":[-1,-1],"demand":[{}]}`)) },
		func(*Store) error { return nil },
	} {
		s, err := Open(dir, o)
		require.NoError(t, err)
		require.NoError(t, s.balancer.set(t.Context(), poolsOf(t, s), plan{{0, 10}, {0, 90}}))
		require.Equal(t, []amounts{{0, 10}, {0, 90}}, sharesOf(t, s))
		require.NoError(t, damage(s))
		require.NoError(t, s.Close())
		if i == 2 {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, notesDir)))
		}
		s, err = Open(dir, o)
		require.NoError(t, err)
		require.Equal(t, []amounts{{0, 50}, {0, 50}}, sharesOf(t, s))
		require.NoError(t, s.Close())
	}
}
