package fanout

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/go-diskcache/diskcache"
)

// Begin begins a transaction of all shards.
func (s *Store) Begin(ctx context.Context) (diskcache.Txn, error) {
	which := make([]bool, len(s.shards))
	for i := range which {
		which[i] = true
	}
	t, err := s.begin(ctx, which)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// begin begins a transaction of some shards, in the order of their numbers, which all have
// in common, so that none waits for one that waits for it.
func (s *Store) begin(ctx context.Context, which []bool) (*tx, error) {
	t := &txn{s: s, shards: make([]diskcache.Txn, len(s.shards)), dirty: make([]bool, len(s.shards)), keys: make(map[string]keyState)}
	for i, shard := range s.shards {
		if !which[i] {
			continue
		}
		part, err := shard.Begin(ctx)
		if err != nil {
			return nil, firstError(err, t.rollback())
		}
		t.shards[i] = part
	}
	return newTx(t, false), nil
}

// txn is what a transaction and those within it share.
type txn struct {
	s      *Store
	shards []diskcache.Txn // nil for those that it does not have
	dirty  []bool
	busy   atomic.Bool
	undone bool // one within it was rolled back
	ended  bool // the outermost has ended

	// For the order of insertion: what it did to keys, and how many it has stored.
	keys   map[string]keyState
	stored int
}

// keyState is what a transaction knows of a key that it changed.
type keyState struct {
	removed bool // so if it is there, it was inserted by the transaction
	at      int  // the how manieth it was that was stored, since it was removed
}

// tx is one use of a transaction.
type tx struct {
	ops
	*txn
	inner bool
	ended bool
}

func newTx(t *txn, inner bool) *tx {
	x := &tx{txn: t, inner: inner}
	x.ops = ops{x}
	return x
}

// use calls fn, unless the transaction has ended or is in use.
func (t *tx) use(fn func() error) error {
	if !t.busy.CompareAndSwap(false, true) {
		return diskcache.ErrTxBusy
	}
	defer t.busy.Store(false)
	if t.ended || t.txn.ended {
		return diskcache.ErrTxDone
	}
	return fn()
}

// read implements router.
func (t *tx) read(home string, fn func(o diskcache.Ops) error) error {
	return t.use(func() error { return fn(t.shards[place(home, len(t.shards))]) })
}

// write implements router.
func (t *tx) write(home string, c change, fn func(o diskcache.Ops) (key string, err error)) error {
	return t.use(func() error {
		i := place(home, len(t.shards))
		t.dirty[i] = true
		key, err := fn(t.shards[i])
		if err == nil {
			t.note(key, c)
		}
		return err
	})
}

// note remembers what was done to a key.
func (t *txn) note(key string, c change) {
	k, known := t.keys[key]
	switch {
	case c == removes:
		k = keyState{removed: true}
	case !known || k.at == 0:
		t.stored++
		k.at = t.stored
	}
	t.keys[key] = k
}

// Begin joins the transaction.
func (t *tx) Begin() (in diskcache.Txn, err error) {
	err = t.use(func() error {
		in = newTx(t.txn, true)
		return nil
	})
	return in, err
}

// Commit commits the shards that were changed. Errors beside those of the shards: *PartialError.
func (t *tx) Commit() error {
	return t.use(func() error {
		t.ended = true
		if t.inner {
			return nil
		}
		t.txn.ended = true
		if t.undone {
			return errors.Join(diskcache.ErrTxRolledBack, t.rollback())
		}
		return t.commit()
	})
}

// Rollback ends the transaction; nothing has changed.
func (t *tx) Rollback() error {
	err := t.use(func() error {
		t.ended = true
		if t.inner {
			t.undone = true
			return nil
		}
		t.txn.ended = true
		return t.rollback()
	})
	if err == diskcache.ErrTxDone {
		return nil
	}
	return err
}

// rollback rolls all shards back.
func (t *txn) rollback() error {
	var errs []error
	for _, part := range t.shards {
		if part != nil {
			if err := part.Rollback(); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return joined(errs)
}

// commit commits what is dirty and lets go of the rest.
func (t *txn) commit() error {
	var dirty []int
	for i, d := range t.dirty {
		if d {
			dirty = append(dirty, i)
		}
	}
	if len(dirty) > 1 {
		t.s.gate.close()
		defer t.s.gate.open()
	}
	var late []error
	for n, i := range dirty {
		err := t.shards[i].Commit()
		if errors.Is(err, diskcache.ErrNotSynced) { // it is made, so the others are to be, too
			late = append(late, err)
			continue
		}
		if err != nil {
			err = joined(append(late, firstError(err, t.rollback())))
			if n == 0 {
				return err
			}
			return &PartialError{dirty[:n:n], dirty[n:], err}
		}
	}
	if err := t.rollback(); err != nil { // of those that were only read; to the others it does nothing
		late = append(late, err)
	}
	return joined(late)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// joined is errors.Join that leaves an only error as it is.
func joined(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

func isMiss(err error) bool { return errors.Is(err, diskcache.ErrNotFound) }
