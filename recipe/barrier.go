package recipe

import (
	"context"
	"errors"
)

// Acquirer is what can be acquired: a *Lock, a *RLock or a *Semaphore.
type Acquirer interface {
	Acquire(ctx context.Context) (*Hold, error)
}

// Barrier returns a function that calls fn while it holds a: with a Lock, one call is under way at
// a time, in all processes. The context that fn gets ends with the one given, and, with the cause
// ErrLost, when the hold is lost; the function returns ErrLost then, beside the error of fn. If fn
// panics the hold is released.
func Barrier(a Acquirer, fn func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) (err error) {
		h, err := a.Acquire(ctx)
		if err != nil {
			return err
		}
		defer func() {
			if released := h.Release(); released != nil {
				err = errors.Join(err, released)
			}
		}()
		in, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		stop := context.AfterFunc(h.Context(), func() { cancel(context.Cause(h.Context())) })
		defer stop()
		return fn(in)
	}
}
