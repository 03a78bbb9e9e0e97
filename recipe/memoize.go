package recipe

import (
	"context"
	"errors"
	"time"

	"github.com/go-diskcache/diskcache"
)

// Memo is a function whose results are kept in a store.
type Memo[A any] struct {
	store diskcache.Store
	key   func(A) string
	load  func(context.Context, A) ([]byte, error)
	opts  MemoOptions
}

// MemoOptions are how a function is memoized. The zero value of each field is its default.
type MemoOptions struct {
	// Set is what is stored with each result: a TTL, a Tag. Default: nothing.
	Set []diskcache.SetOption
	// Lease has one call at a time load a key, in all processes that say so; the others wait for
	// its result. Should the one that loads die, others go on after as long as this. Default: 0,
	// each call that finds nothing loads.
	Lease time.Duration
}

// Memoize returns load with its results kept in s under what key makes of the argument; the name
// of the function should be a part of that, and all that the result depends on. nil options are
// the defaults.
func Memoize[A any](s diskcache.Store, key func(A) string, load func(context.Context, A) ([]byte, error), o *MemoOptions) *Memo[A] {
	m := &Memo[A]{store: s, key: key, load: load}
	if o != nil {
		m.opts = *o
	}
	return m
}

// Key returns the key under which the result for an argument is kept.
func (m *Memo[A]) Key(arg A) string { return m.key(arg) }

// Call returns the result for an argument, which is the caller's: the one that is kept or, where
// there is none or it is damaged, one that it loads and keeps. An error of the loading is returned as it is.
// After an error, a panic, or the end of ctx while it loads, nothing is kept, and the key can be
// loaded by others.
func (m *Memo[A]) Call(ctx context.Context, arg A) ([]byte, error) {
	key := m.key(arg)
	v, err := m.kept(key)
	if err != nil || v != nil {
		return v, err
	}
	if m.opts.Lease <= 0 {
		return m.loadAndKeep(ctx, key, arg)
	}
	err = Barrier(NewLock(m.store, key+lockSuffix, m.opts.Lease), func(ctx context.Context) error {
		if v, err = m.kept(key); err == nil && v == nil {
			v, err = m.loadAndKeep(ctx, key, arg)
		}
		return err
	})(ctx)
	if v != nil { // it is kept, whatever has become of the lock since
		return v, nil
	}
	return nil, err
}

// lockSuffix makes the key of a result that of its lock; no key made of text ends so.
const lockSuffix = "\x00lock"

// Forget removes the result for an argument, and reports whether there was one.
func (m *Memo[A]) Forget(arg A) (bool, error) { return m.store.Delete(m.key(arg)) }

// kept returns the result that is kept, nil if there is none.
func (m *Memo[A]) kept(key string) ([]byte, error) {
	v, err := m.store.Get(key)
	switch {
	case errors.Is(err, diskcache.ErrNotFound), errors.Is(err, diskcache.ErrCorrupt):
		return nil, nil
	case err == nil && v == nil:
		return []byte{}, nil // an empty result is one
	}
	return v, err
}

func (m *Memo[A]) loadAndKeep(ctx context.Context, key string, arg A) ([]byte, error) {
	v, err := m.load(ctx, arg)
	if v == nil {
		v = []byte{}
	}
	if err == nil {
		err = context.Cause(ctx) // who was to end may have come back with a part
	}
	if err == nil {
		err = m.store.Set(key, v, m.opts.Set...)
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}
