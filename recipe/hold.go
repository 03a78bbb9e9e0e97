package recipe

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Hold is what one who has acquired something has until Release. Its methods may be called by
// any goroutine.
type Hold struct {
	l        *lease
	id       string
	token    uint64
	ctx      context.Context
	cancel   context.CancelCauseFunc
	over     *time.Timer   // ends ctx when the lease is over
	renewed  chan struct{} // closed when the renewing has ended
	released atomic.Bool
}

// newHold returns the hold of a lease that is over at a time, and begins to renew it.
func newHold(ctx context.Context, l *lease, id string, token uint64, until time.Time) *Hold {
	h := &Hold{l: l, id: id, token: token, renewed: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	h.over = time.AfterFunc(h.left(until), func() { h.cancel(ErrLost) })
	go h.renewing()
	return h
}

// Context returns a context that ends when the hold does: its cause is ErrLost when it was lost,
// context.Canceled after Release. Its values are those of the context that was given to Acquire,
// whose end does not end it.
func (h *Hold) Context() context.Context { return h.ctx }

// Token returns a number that is higher than that of any earlier holder of the key: the version
// of the item that says who holds it. What several holders write to can refuse who comes with a
// lower token than it has seen. Those who hold a semaphore at once may have the same.
func (h *Hold) Token() uint64 { return h.token }

// Release gives up what is held. It waits for the renewing to end, and for other writers no longer
// than the lease is. Errors: ErrNotHeld when it was released before, ErrLost when it was lost; after
// one of the store the lease ends by itself.
func (h *Hold) Release() error {
	if h.released.Swap(true) {
		return ErrNotHeld
	}
	h.cancel(nil)
	<-h.renewed
	h.over.Stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(h.ctx), h.l.length)
	defer cancel()
	if err := h.l.leave(ctx, h.id); err != nil {
		return err
	}
	if cause := context.Cause(h.ctx); errors.Is(cause, ErrLost) {
		return cause // the holder was told so, though nobody else has come yet
	}
	return nil
}

// renewing renews the lease until the hold ends.
func (h *Hold) renewing() {
	defer close(h.renewed)
	tick := time.NewTicker(h.l.length / 3)
	defer tick.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-tick.C:
		}
		until, err := h.l.renew(h.ctx, h.id)
		switch {
		case errors.Is(err, ErrLost):
			h.cancel(ErrLost)
		case err == nil && h.over.Stop(): // what is over stays so; after an error there may be time for another try
			h.over.Reset(h.left(until))
		}
	}
}

// left is how long the holder may go on with a lease that is over at a time: it is told before
// that, for others may get in then.
func (h *Hold) left(until time.Time) time.Duration { return time.Until(until) - h.l.length/10 }
