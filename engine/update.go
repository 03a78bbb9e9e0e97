package engine

import (
	"context"
	"errors"

	"github.com/go-diskcache/diskcache/codec"
)

// Tx is the view of a transaction: the cache as it is, with the changes of the
// transaction on top. It is good for the goroutine and the time of the function
// that Update calls.
type Tx struct {
	e     *Engine
	req   *request
	index map[string]int // of the operation on a key
	raw   map[string][]byte
	turns int // puts that had no put before them, for their order
	views *txViews
	done  bool
}

// Update calls fn and commits what it did through tx, all of it or, if fn
// returns an error, nothing. No other commit of any process comes between what
// fn reads and what it writes. fn must not call the Engine but through tx.
func (e *Engine) Update(fn func(tx *Tx) error) error { return e.UpdateContext(e.life, fn) }

// UpdateContext is Update that waits for other processes no longer than ctx lets it, and
// returns ErrTimeout then.
func (e *Engine) UpdateContext(ctx context.Context, fn func(tx *Tx) error) (err error) {
	if err := e.readsOnly(); err != nil {
		return err
	}
	e.bg.help()
	if err := e.enter(ctx); err != nil {
		return err
	}
	defer e.leave()
	if e.w.closed {
		return ErrClosed
	}
	if err := e.loadLocked(); err != nil {
		return err
	}
	tx := &Tx{e: e, req: &request{}, index: make(map[string]int), raw: make(map[string][]byte)}
	e.w.reads, e.w.sparing = make(map[uint64]struct{}), e.DiskUsage()
	committed := false
	e.dir.updating.Store(true)
	defer func() { // also when fn panics
		e.dir.updating.Store(false)
		tx.done = true
		e.w.reads = nil
		if !committed {
			err = join(err, tx.takeBack())
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	tx.done = true
	if len(tx.req.ops) == 0 {
		return nil
	}
	committed = true
	w := e.wantOf(tx.req)
	e.commitGroup([]*request{tx.req})
	for tx.req.err != nil && e.makesRoom(w, tx.req, &tx.req.err, true) {
		tx.req.err = nil
		e.commitGroup([]*request{tx.req})
	}
	if err := tx.req.err; err != nil {
		if errors.Is(err, ErrFull) || errors.Is(err, ErrTooLarge) {
			committed = false // nothing of it reached the log
		}
		return err
	}
	tx.count()
	return nil
}

// count adds what was committed to the stats.
func (tx *Tx) count() {
	for i := range tx.req.ops {
		op := &tx.req.ops[i]
		if op.Record.Kind == codec.KindPut {
			tx.e.stats.sets.Add(1)
		} else if op.Existed {
			tx.e.stats.deletes.Add(1)
		}
	}
}

// takeBack removes the value files of a transaction that came to nothing.
func (tx *Tx) takeBack() error {
	var errs []error
	for i := range tx.req.ops {
		errs = append(errs, tx.e.values.drop(tx.req.ops[i].Value))
	}
	return errors.Join(errs...)
}

// Get appends the value of key to dst.
func (tx *Tx) Get(key string, dst []byte) ([]byte, error) {
	if tx.done {
		return dst, ErrTxDone
	}
	if i, ok := tx.index[key]; ok {
		op := &tx.req.ops[i]
		switch {
		case op.Record.Kind == codec.KindTombstone:
			return dst, ErrNotFound
		case tx.e.clock.expired(op.Record.Expires, unstored):
			return dst, ErrExpired
		case op.Value.ID != 0:
			// Nobody else can set it again, so there is no second look.
			r, err := tx.e.openFile(key, op.Record.Value)
			if err != nil {
				return dst, tx.e.corruptFile(err)
			}
			defer r.Close()
			return r.appendTo(dst)
		}
		return append(dst, tx.raw[key]...), nil
	}
	tx.reads(key)
	return tx.e.Get(key, dst)
}

// reads notes that the transaction has read key: it is not given up for the room that the
// transaction needs. Others would see that it is gone, between what fn has read and what it
// writes.
func (tx *Tx) reads(key string) { tx.e.w.reads[tx.e.opt.Hash(key)] = struct{}{} }

// spares reports whether an item is not to be given up because the transaction under way has
// read it. Where it has read so much that nothing else is left, that ends. The caller holds
// the writer lock.
func (w *writer) spares(hash uint64, size int64) bool {
	if _, ok := w.reads[hash]; !ok || w.sparing <= 0 {
		return false
	}
	w.sparing -= size
	return true
}

// Item returns what is known of key. A key that the transaction has set has no
// sequence yet.
func (tx *Tx) Item(key string) (Item, error) {
	if tx.done {
		return Item{}, ErrTxDone
	}
	i, ok := tx.index[key]
	if !ok {
		tx.reads(key)
		return tx.e.Item(key)
	}
	rec := tx.req.ops[i].Record
	switch {
	case rec.Kind == codec.KindTombstone:
		return Item{}, ErrNotFound
	case tx.e.clock.expired(rec.Expires, unstored):
		return Item{}, ErrExpired
	}
	stored := rec.Value
	rec.Key, rec.Value = nil, nil
	return tx.e.item(key, stored, &rec)
}

// Set stores value under key when the transaction commits.
func (tx *Tx) Set(key string, value []byte, a Attrs) error {
	if tx.done {
		return ErrTxDone
	}
	value = append([]byte(nil), value...) // the caller may use it again before the commit
	var op Op
	if err := tx.e.prepare(&op, key, value, a, true); err != nil {
		return err
	}
	if op.Value.ID == 0 {
		tx.raw[key] = value
	}
	return tx.put(key, op)
}

// Delete removes key when the transaction commits, and reports whether it has an
// item now.
func (tx *Tx) Delete(key string) (bool, error) {
	if tx.done {
		return false, ErrTxDone
	}
	_, err := tx.Item(key)
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrCorrupt) {
		return false, err
	}
	var op Op
	if err := tx.e.prepareDelete(&op, key); err != nil {
		return false, err
	}
	return err == nil, tx.put(key, op)
}

// put makes op the one operation of the transaction on key.
func (tx *Tx) put(key string, op Op) error {
	i, ok := tx.index[key]
	if !ok {
		tx.order(&op, nil)
		tx.index[key] = len(tx.req.ops)
		tx.req.ops = append(tx.req.ops, op)
		return nil
	}
	old := tx.req.ops[i]
	tx.order(&op, &old)
	tx.req.ops[i] = op
	return tx.e.values.drop(old.Value)
}
