package memory

import (
	"context"
	"sync/atomic"

	"github.com/go-diskcache/diskcache"
)

// Begin begins a transaction. Other writers wait until it ends, readers do not.
func (s *Store) Begin(ctx context.Context) (diskcache.Txn, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	t := &txn{batch: batch{s: s}}
	return newTx(t, nil), nil
}

// txn is what a transaction and those within it share.
type txn struct {
	batch  batch
	busy   atomic.Bool
	undone bool // one within it was rolled back
	ended  bool // the outermost has ended
}

// tx is one use of a transaction.
type tx struct {
	ops
	*txn
	outer *tx
	ended bool
}

func newTx(t *txn, outer *tx) *tx {
	x := &tx{txn: t, outer: outer}
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
	if err := t.batch.s.closed(); err != nil {
		return err
	}
	return fn()
}

// read implements batches.
func (t *tx) read(_ order, fn func(b *batch) error) error {
	return t.use(func() error { return fn(&t.batch) })
}

// write implements batches.
func (t *tx) write(fn func(b *batch) error) error { return t.read(none, fn) }

// attrs implements batches.
func (t *tx) attrs(opts []diskcache.SetOption) (diskcache.Attrs, error) {
	return t.batch.s.attrs(opts)
}

// find calls fn with the slot of a key that has an item.
func (t *tx) find(key string, fn func(b *batch, s *slot)) error {
	return t.read(none, func(b *batch) error {
		s, err := b.find(key)
		if err == nil {
			b.s.used(s)
			fn(b, s)
		}
		b.s.table.shard(key).count(err)
		return err
	})
}

func (t *tx) Get(key string) (value []byte, err error) {
	err = t.find(key, func(_ *batch, s *slot) { value = clone(s.value) })
	return value, err
}

func (t *tx) GetAppend(key string, buf []byte) ([]byte, error) {
	err := t.find(key, func(_ *batch, s *slot) { buf = append(buf, s.value...) })
	return buf, err
}

func (t *tx) Item(key string) (it diskcache.Item, err error) {
	err = t.find(key, func(b *batch, s *slot) { it = b.item(s) })
	return it, err
}

func (t *tx) Has(key string) (ok bool, err error) {
	err = t.read(none, func(b *batch) error {
		_, err := b.find(key)
		ok = err == nil
		return nil
	})
	return ok, err
}

// Begin joins the transaction.
func (t *tx) Begin() (inner diskcache.Txn, err error) {
	err = t.use(func() error {
		inner = newTx(t.txn, t)
		return nil
	})
	return inner, err
}

// Commit makes the changes, unless it is within another transaction.
func (t *tx) Commit() error {
	if !t.busy.CompareAndSwap(false, true) {
		return diskcache.ErrTxBusy
	}
	defer t.busy.Store(false)
	if t.ended || t.txn.ended {
		return diskcache.ErrTxDone
	}
	t.ended = true
	if t.outer != nil {
		return nil
	}
	defer t.end()
	if t.undone {
		return diskcache.ErrTxRolledBack
	}
	return t.batch.s.apply(&t.batch)
}

// Rollback ends the transaction without its changes.
func (t *tx) Rollback() error {
	if !t.busy.CompareAndSwap(false, true) {
		return diskcache.ErrTxBusy
	}
	defer t.busy.Store(false)
	if t.ended || t.txn.ended {
		return nil
	}
	t.ended = true
	if t.outer != nil {
		t.undone = true
		return nil
	}
	t.end()
	return nil
}

func (t *tx) end() {
	s := t.batch.s
	t.txn.ended = true
	t.batch = batch{s: s}
	s.unlock()
}
