package typed

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/go-diskcache/diskcache"
)

// flight is a load under way, and who waits for it.
type flight[V any] struct {
	done   chan struct{} // closed when v and err are there
	cancel context.CancelFunc
	v      V
	err    error

	waiting int  // guarded by Store.mu
	kept    bool // it goes on also if nobody waits
}

// wait joins the load of the key, or begins it, and waits for it.
func (l *loading[K, V]) wait(ctx context.Context) (v V, err error) {
	if err := ctx.Err(); err != nil {
		return v, err
	}
	f, mine, err := l.join(ctx, false)
	if err != nil {
		return v, err
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		l.leave(f)
		return v, ctx.Err()
	}
	if f.err == errElsewhere { // it was to refresh what has gone meanwhile
		return l.wait(ctx)
	}
	if p, ok := f.err.(*PanicError); ok && mine {
		panic(p)
	}
	return f.v, f.err
}

// errElsewhere: another process refreshes the value.
var errElsewhere = errors.New("typed: another process loads the value")

// refresh begins the load of the key, unless one is under way.
func (l *loading[K, V]) refresh(ctx context.Context) {
	_, _, _ = l.join(ctx, true) // after Close what is there is served all the same
}

// join returns the load of the key, and whether it was begun here.
func (l *loading[K, V]) join(ctx context.Context, refresh bool) (f *flight[V], mine bool, err error) {
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	f = s.flights[l.name]
	if f == nil {
		if s.closed {
			return nil, false, diskcache.ErrClosed
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f, mine = &flight[V]{done: make(chan struct{}), cancel: cancel, kept: refresh}, true
		s.flights[l.name] = f
		s.running.Go(func() { l.fly(ctx, f) })
	}
	if !refresh {
		f.waiting++
	}
	return f, mine, nil
}

// leave is called by one that does not wait any more. The last one ends the load.
func (l *loading[K, V]) leave(f *flight[V]) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if f.waiting--; f.waiting == 0 && !f.kept {
		f.cancel()
		l.forget(f) // who comes now begins another
	}
}

// forget takes a flight off the list. The caller holds Store.mu.
func (l *loading[K, V]) forget(f *flight[V]) {
	if l.s.flights[l.name] == f {
		delete(l.s.flights, l.name)
	}
}

// fly runs the load, whatever becomes of it.
func (l *loading[K, V]) fly(ctx context.Context, f *flight[V]) {
	f.err = ErrGoexit // unless it comes to its end
	defer func() {
		l.s.mu.Lock()
		l.forget(f)
		alone := f.waiting == 0
		l.s.mu.Unlock()
		close(f.done)
		f.cancel()
		if f.kept && alone && f.err != nil && f.err != errElsewhere && l.s.failed != nil {
			l.s.failed(l.key, f.err)
		}
	}()
	f.v, f.err = l.runLeased(ctx, f.kept)
}

// call calls load, and stores what it returns.
func (l *loading[K, V]) call(ctx context.Context) (v V, err error) {
	began := l.s.now()
	if v, err = l.protect(ctx); err != nil {
		if l.o.Missing > 0 && isMiss(err) {
			if failed := l.storeMissing(); failed != nil {
				err = errors.Join(err, failed)
			}
		}
		return v, err
	}
	if ctx.Err() != nil { // all have left, and another load may have stored what is newer
		return v, ctx.Err()
	}
	return v, l.store(v, l.s.now().Sub(began))
}

// protect calls load, whose panic becomes an error.
func (l *loading[K, V]) protect(ctx context.Context) (v V, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{p, debug.Stack()}
		}
	}()
	return l.load(ctx)
}
