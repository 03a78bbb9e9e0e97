package diskcache

import (
	"context"
)

// A transaction that is held open is the one of the engine, as a Tx shows it, with its end in
// the caller's hands. Close ends the one that is open: who has it may never come back.

var (
	_ Store = (*Cache)(nil)
	_ Ops   = (*Tx)(nil)
	_ Txn   = (*handle)(nil)
)

// Begin begins a transaction that is held open: one that any goroutine may use, each at its time,
// until it is ended by Commit or Rollback. Other writers, of all processes, wait meanwhile;
// readers do not. It waits for other transactions and other processes no longer than ctx lets it,
// and returns ErrTimeout then. Who has begun one writes by it alone until it ends: anything else
// would wait for it for ever. Close rolls it back; a process that dies leaves nothing of it.
//
// Update is the same for a function, and cannot be left open by mistake. Errors and limits are
// those of Update.
func (c *Cache) Begin(ctx context.Context) (Txn, error) {
	t, err := c.e.Load().Begin(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed { // meanwhile
		return nil, join(ErrClosed, t.End())
	}
	c.open = t // the one before has ended
	return &handle{Tx{t, c}}, nil
}

// endOpen rolls back the transaction that is held open, and has none begin any more.
func (c *Cache) endOpen() error {
	c.mu.Lock()
	c.closed = true
	open := c.open
	c.mu.Unlock()
	if open == nil {
		return nil
	}
	return open.End()
}

// handle is a Txn.
type handle struct{ Tx }

func (h *handle) Begin() (Txn, error) {
	t, err := h.t.Begin()
	if err != nil {
		return nil, err
	}
	return &handle{Tx{t, h.c}}, nil
}

func (h *handle) Commit() error { return h.t.Commit() }

func (h *handle) Rollback() error { return h.t.Rollback() }
