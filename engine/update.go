package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-diskcache/diskcache/codec"
)

// Tx is a transaction: the cache as it is, with the changes of the transaction on top. It
// may be used by any goroutine, but by one at a time: who comes while another uses it gets
// ErrTxBusy.
type Tx struct {
	*transaction
	inner bool // it is within another, which it has joined
	ended bool // guarded by mu
}

// transaction is what a Tx and those within it have in common.
type transaction struct {
	e  *Engine
	mu sync.Mutex // held during a use

	req    *request
	index  map[string]int // of the operation on a key
	turns  int            // puts that had no put before them, for their order
	views  *txViews
	done   bool
	broken bool // one within was rolled back
}

// Update calls fn and commits what it did through tx, all of it or, if fn
// returns an error, nothing. No other commit of any process comes between what
// fn reads and what it writes. fn must not call the Engine but through tx.
func (e *Engine) Update(fn func(tx *Tx) error) error { return e.UpdateContext(e.life, fn) }

// UpdateContext is Update that waits for others no longer than ctx lets it, and
// returns ErrTimeout then.
func (e *Engine) UpdateContext(ctx context.Context, fn func(tx *Tx) error) (err error) {
	tx, err := e.Begin(ctx)
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		if !returned { // fn has panicked
			_ = tx.End()
		}
	}()
	err = fn(tx)
	returned = true
	if err != nil {
		return join(err, tx.End())
	}
	tx.mu.Lock() // fn may have left it to a goroutine
	defer tx.mu.Unlock()
	return tx.commitLocked()
}

// Begin begins a transaction. It has the writer lock until it ends, by Commit, Rollback or
// End. Waiting for other transactions of this process, and for other processes, is over with
// ErrTimeout when ctx is.
func (e *Engine) Begin(ctx context.Context) (*Tx, error) {
	if err := e.readsOnly(); err != nil {
		return nil, err
	}
	e.bg.help()
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, e.timeoutHere(ctx)
	}
	tx, err := e.begin(ctx)
	if err != nil {
		<-e.turn
	}
	return tx, err
}

func (e *Engine) timeoutHere(ctx context.Context) error {
	if context.Cause(ctx) == ErrClosed {
		return ErrClosed
	}
	return fmt.Errorf("%w: another transaction of this process is open (%w)", ErrTimeout, context.Cause(ctx))
}

// begin begins a transaction for who has the turn.
func (e *Engine) begin(ctx context.Context) (*Tx, error) {
	if err := e.enter(ctx); err != nil {
		return nil, err
	}
	err := ErrClosed
	if !e.w.closed {
		err = e.loadLocked()
	}
	if err != nil {
		e.leave()
		return nil, err
	}
	e.w.reads, e.w.sparing = make(map[uint64]struct{}), e.DiskUsage()
	e.dir.updating.Store(true)
	return &Tx{transaction: &transaction{e: e, req: &request{}, index: make(map[string]int)}}, nil
}

// Begin begins a transaction within this one: one that joins it.
func (tx *Tx) Begin() (*Tx, error) {
	if err := tx.use(); err != nil {
		return nil, err
	}
	defer tx.mu.Unlock()
	return &Tx{transaction: tx.transaction, inner: true}, nil
}

// use begins a use of the transaction, which ends with tx.mu.Unlock.
func (tx *Tx) use() error {
	if tx.e.forked() {
		return ErrForked
	}
	if !tx.mu.TryLock() {
		return ErrTxBusy
	}
	err := tx.usable()
	if err != nil {
		tx.mu.Unlock()
	}
	return err
}

func (tx *Tx) usable() error {
	switch {
	case tx.done, tx.ended:
		return ErrTxDone
	case tx.broken:
		return ErrTxRolledBack
	}
	return nil
}

// Commit ends the transaction and makes its changes, all at once or, after an error, none.
// Of one within another it only ends the use.
func (tx *Tx) Commit() error {
	if tx.e.forked() {
		return ErrForked
	}
	if !tx.mu.TryLock() {
		return ErrTxBusy
	}
	defer tx.mu.Unlock()
	return tx.commitLocked()
}

func (tx *Tx) commitLocked() error {
	err := tx.usable()
	if err == ErrTxDone || tx.inner {
		tx.ended = true
		return err
	}
	if err != nil {
		return join(err, tx.endLocked())
	}
	defer tx.leave()
	if len(tx.req.ops) == 0 {
		return nil
	}
	if err := tx.commit(); err != nil {
		if errors.Is(err, ErrFull) || errors.Is(err, ErrTooLarge) { // nothing of it reached the log
			err = join(err, tx.takeBack())
		}
		return err
	}
	for i := range tx.req.ops {
		tx.e.count(&tx.req.ops[i])
	}
	return nil
}

func (tx *Tx) commit() error {
	e, r := tx.e, tx.req
	w := e.wantOf(r)
	e.commitGroup([]*request{r})
	for r.err != nil && e.makesRoom(w, r, &r.err, true) {
		r.err = nil
		e.commitGroup([]*request{r})
	}
	return r.err
}

// Rollback ends the transaction: nothing has changed. One that it is within can only be
// rolled back then. Of one that has ended it does nothing.
func (tx *Tx) Rollback() error {
	if tx.e.forked() {
		return ErrForked
	}
	if !tx.mu.TryLock() {
		return ErrTxBusy
	}
	defer tx.mu.Unlock()
	if tx.done || tx.ended {
		return nil
	}
	if tx.inner {
		tx.ended, tx.broken = true, true
		return nil
	}
	return tx.endLocked()
}

// End rolls the transaction back if it has not ended. It waits for who uses it.
func (tx *Tx) End() error {
	if tx.e.forked() {
		return ErrForked
	}
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.done {
		return nil
	}
	return tx.endLocked()
}

func (tx *Tx) endLocked() error {
	defer tx.leave()
	return tx.takeBack()
}

// leave gives the writer lock to others.
func (tx *Tx) leave() {
	e := tx.e
	tx.done = true
	e.w.reads = nil
	e.dir.updating.Store(false)
	e.leave()
	<-e.turn
}

// takeBack removes the value files of a transaction that came to nothing.
func (tx *Tx) takeBack() error {
	var errs []error
	for i := range tx.req.ops {
		errs = append(errs, tx.e.values.drop(tx.req.ops[i].brings()))
	}
	return errors.Join(errs...)
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
	if op.brings() == old.brings() {
		return nil
	}
	return tx.e.values.drop(old.brings())
}

// own returns the operation of the transaction on key, nil if there is none.
func (tx *Tx) own(key string) *codec.Record {
	if i, ok := tx.index[key]; ok {
		return &tx.req.ops[i].Record
	}
	return nil
}
