package diskcache

import (
	"context"
)

// A transaction that is held open is the one of the engine, as a Tx shows it, with its end in
// the caller's hands. Close ends the one that is open: who has it may never come back.

// handle is a Txn.
type handle struct{ Tx }

// begin begins a transaction that is held open until it is ended. The Cache knows it, for Close.
func (c *Cache) begin(ctx context.Context) (*handle, error) {
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

func (h *handle) begin() (*handle, error) {
	t, err := h.t.Begin()
	if err != nil {
		return nil, err
	}
	return &handle{Tx{t, h.c}}, nil
}

// Commit is that of Txn.
func (h *handle) Commit() error { return h.t.Commit() }

// Rollback is that of Txn.
func (h *handle) Rollback() error { return h.t.Rollback() }
