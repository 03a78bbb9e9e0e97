package fanout

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/go-diskcache/diskcache"
)

// Store is a [diskcache.Store] of several caches. Its methods may be called by any number of
// goroutines at once.
type Store struct {
	ops
	shards   []diskcache.Store
	gate     gate
	readOnly bool // nobody can be kept out
}

var _ diskcache.Store = (*Store)(nil)

// Open opens a directory of shards, and makes it if it is not there. A nil o is all defaults.
// Errors: those of diskcache.Open, *ShardsError, ErrShards, and ErrForeign for a directory that
// holds something else.
func Open(dir string, o *Options) (*Store, error) {
	var own Options
	if o != nil {
		own = *o
	}
	n, err := shardCount(dir, own.Shards, own.ReadOnly)
	if err != nil {
		return nil, fmt.Errorf("fanout: open %s: %w", dir, err)
	}
	if own.CountLimit > 0 && own.CountLimit < int64(n) {
		return nil, fmt.Errorf("fanout: open %s: %w: a CountLimit of %d for %d shards", dir, diskcache.ErrOption, own.CountLimit, n)
	}
	var shards []diskcache.Store
	for i := range n {
		c, err := diskcache.Open(shardDir(dir, i), own.share(n))
		if err != nil {
			for _, s := range shards {
				err = errors.Join(err, s.Close())
			}
			return nil, err
		}
		shards = append(shards, c)
	}
	s := newStore(shards)
	s.readOnly = own.ReadOnly
	return s, nil
}

func newStore(shards []diskcache.Store) *Store {
	s := &Store{shards: shards}
	s.ops = ops{s}
	return s
}

// Shards returns how many shards there are.
func (s *Store) Shards() int { return len(s.shards) }

// Close closes all shards.
func (s *Store) Close() error {
	var errs []error
	for _, c := range s.shards {
		if err := c.Close(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// read implements router.
func (s *Store) read(home string, fn func(o diskcache.Ops) error) error {
	h := s.gate.enter(home)
	defer h.RUnlock()
	return fn(s.shards[place(home, len(s.shards))])
}

// write implements router. A change of one shard needs no gate: the shard orders it.
func (s *Store) write(home string, _ change, fn func(o diskcache.Ops) (key string, err error)) error {
	_, err := fn(s.shards[place(home, len(s.shards))])
	return err
}

// sum adds up what the shards return.
func sum[N int | int64](s *Store, of func(diskcache.Store) (N, error)) (N, error) {
	total := N(0)
	var errs []error
	for _, c := range s.shards {
		n, err := of(c)
		total += n
		if err != nil {
			errs = append(errs, err)
		}
	}
	return total, errors.Join(errs...)
}

// Len returns the number of items of all shards.
func (s *Store) Len() (int, error) { return sum(s, diskcache.Store.Len) }

// Volume returns how many bytes the items of all shards take.
func (s *Store) Volume() (int64, error) { return sum(s, diskcache.Store.Volume) }

// Clear removes all items, shard by shard, and returns how many these were. An error of one
// shard does not keep the others.
func (s *Store) Clear() (int, error) { return sum(s, diskcache.Store.Clear) }

// Expire removes the items whose time is over, and returns how many these were.
func (s *Store) Expire() (int, error) { return sum(s, diskcache.Store.Expire) }

// Cull removes what has expired and what is beyond the limits, and returns how many these were.
func (s *Store) Cull() (int, error) { return sum(s, diskcache.Store.Cull) }

// EvictTag removes the items that have a tag, and returns how many these were.
func (s *Store) EvictTag(tag string) (int, error) {
	return sum(s, func(c diskcache.Store) (int, error) { return c.EvictTag(tag) })
}

// Stats returns the sums of the shards' statistics. OpenTime is the time of all together.
func (s *Store) Stats() (total diskcache.Stats, err error) {
	t := reflect.ValueOf(&total).Elem() // all fields are counts, and the next one will be
	for _, c := range s.shards {
		st, err := c.Stats()
		if err != nil {
			return diskcache.Stats{}, err
		}
		v := reflect.ValueOf(st)
		for i := range v.NumField() {
			t.Field(i).SetInt(t.Field(i).Int() + v.Field(i).Int())
		}
	}
	return total, nil
}
