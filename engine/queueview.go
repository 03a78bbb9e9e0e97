package engine

import (
	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/internal/sortset"
)

// What is at an end of a queue, or of the order of insertion, as it is at one moment: the index
// is asked of what the view says, and where a commit came between all is looked at once more.

// PeekItem returns the item that was inserted first or, with back, last.
func (e *Engine) PeekItem(back bool) (Found, error) {
	return e.first(span{kind: byInsertion, reverse: back})
}

// Peek returns the item at an end of a queue. Expired ones are passed over.
func (e *Engine) Peek(prefix string, back bool) (Found, error) {
	s, ok := queueSpan(prefix, back)
	if !ok {
		return Found{}, ErrNotFound
	}
	return e.first(s)
}

// QueueLen returns how many items a queue has. Those that have expired count.
func (e *Engine) QueueLen(prefix string) (n int, err error) {
	s, ok := queueSpan(prefix, false)
	if !ok {
		return 0, nil
	}
	err = e.exactly(byQueue, func(frozen bool) (bool, error) {
		return e.withQueue(prefix, s, frozen, func(x *view) { n = s.count(&x.set) })
	})
	return n, err
}

// QueueAt returns item i of a queue or, where i is negative, as many before its end. Those that have
// expired have places; to ask for one is ErrExpired.
func (e *Engine) QueueAt(prefix string, i int) (f Found, err error) {
	s, ok := queueSpan(prefix, false)
	if !ok {
		return f, ErrNotFound
	}
	err = e.exactly(byQueue, func(frozen bool) (exact bool, err error) {
		f, exact, err = e.queueAt(prefix, s, i, frozen)
		return exact, err
	})
	return f, err
}

// queueAt is one try.
func (e *Engine) queueAt(prefix string, s span, i int, frozen bool) (f Found, exact bool, err error) {
	var at []byte
	var then moment
	exact, err = e.withQueue(prefix, s, frozen, func(x *view) {
		then = e.moment()
		if j, ok := place(i, s.count(&x.set)); ok {
			at = x.set.AppendAt(nil, x.set.Rank(s.lo)+j)
		}
	})
	if !exact || err != nil || at == nil {
		return f, exact, orNotFound(err)
	}
	f, err = e.readAs(byQueue, at, frozen)
	if err == ErrNotFound {
		return f, false, err // it was counted, and is taken out of the view by now
	}
	return f, frozen || err == nil && f.Stored <= then.seq || e.views.unchanged(then.epoch), err
}

// place returns which of n items i means.
func place(i, n int) (int, bool) {
	if i < 0 {
		i += n
	}
	return i, i >= 0 && i < n
}

func orNotFound(err error) error {
	if err == nil {
		return ErrNotFound
	}
	return err
}

// queueSpan returns the part of the view that a queue is; ok is false for a prefix that is too long
// for any key.
func queueSpan(prefix string, back bool) (s span, ok bool) {
	s = span{kind: byQueue, reverse: back}
	if len(prefix)+1+queueDigits > codec.MaxKeyLen {
		return s, false
	}
	s.lo, s.hi = appendQueue(nil, prefix, lowNumber+1), appendQueue(nil, prefix, highNumber)
	return s, true
}

// count returns how many strings of a set are in the span.
func (s *span) count(set *sortset.Set) int { return set.Rank(s.hi) - set.Rank(s.lo) }

// first returns the first item of a span that has not expired.
func (e *Engine) first(s span) (f Found, err error) {
	err = e.exactly(s.kind, func(frozen bool) (exact bool, err error) {
		f, exact, err = e.firstOf(s, frozen)
		return exact, err
	})
	return f, err
}

// firstOf is one try. It is not exact if a commit came between: what was found may never have been
// first. That an item was passed over is to be true at the moment at which the next one is found. So no
// commit may have been applied from the first page on, nor be half applied; but one that is there
// as it was then, before anything was passed over, was first then, whatever has come since.
func (e *Engine) firstOf(s span, frozen bool) (f Found, exact bool, err error) {
	var then moment
	passed := false
	for n := 1; ; n = min(2*n, mostPage) {
		p, err := e.page(&s, n, frozen, nil)
		if err != nil {
			return f, true, err
		}
		if n == 1 {
			then = p.moment
		}
		for _, at := range p.found {
			if !frozen && passed && e.views.epoch.Load() != then.epoch {
				return f, false, nil
			}
			if f, err := e.readAs(s.kind, at, frozen); !isMiss(err) {
				asThen := !passed && err == nil && f.Stored <= then.seq
				return f, frozen || asThen || e.views.unchanged(then.epoch), err
			}
			passed = true
		}
		if p.over {
			return f, frozen || !passed || e.views.unchanged(then.epoch), ErrNotFound
		}
	}
}

// readAs reads the item of a candidate, as it is in the index as of which the view was looked at.
func (e *Engine) readAs(k viewKind, at []byte, frozen bool) (Found, error) {
	c := k.candidate(at)
	f, err := c.read(e, func(key string) (Item, []byte, error) { return e.readAsIs(e.clock.instant(), key) })
	if err == nil || isMiss(err) || frozen {
		return f, err
	}
	return c.read(e, e.readItem) // its file may be gone
}

// withQueue calls fn with the view of the queues, if all that it has of one is in the index or, after a
// look at all of it, was found to be. It is not exact if that did not do. locked: nothing is applied.
func (e *Engine) withQueue(prefix string, s span, locked bool, fn func(*view)) (exact bool, err error) {
	if !locked {
		if err := e.catchUp(); err != nil {
			return false, err
		}
	}
	for try := 0; ; try++ {
		err := e.withView(byQueue, locked, func(x *view) {
			if exact = x.isSettled(prefix, e.views.loose.Load()) || s.count(&x.set) == 0; exact {
				fn(x)
			}
		})
		if exact || err != nil || try > 0 {
			return exact, err
		}
		if ok, err := e.settleQueue(prefix, s, locked); !ok || err != nil {
			return false, err
		}
	}
}

// isSettled reports whether nothing of a queue has gone of which its view was not told.
func (x *view) isSettled(prefix string, loose uint64) bool {
	at, ok := x.settled[prefix]
	return x.since == loose || ok && at == loose
}

// mostSettled bounds the queues of which is kept when they were settled.
const mostSettled = 1024

// settleQueue looks up all that the view has of a queue, and takes out what is gone. ok is false if it
// was overtaken.
func (e *Engine) settleQueue(prefix string, s span, locked bool) (ok bool, err error) {
	loose := e.views.loose.Load()
	for {
		p, err := e.page(&s, mostPage, locked, nil)
		if err != nil {
			return false, err
		}
		for _, at := range p.found {
			if ok, err := byQueue.candidate(at).settle(e, locked); !ok || err != nil {
				return false, err
			}
		}
		if p.over {
			break
		}
	}
	return true, e.withView(byQueue, locked, func(x *view) {
		if x.settled == nil || len(x.settled) >= mostSettled {
			x.settled = make(map[string]uint64)
		}
		x.settled[prefix] = loose
	})
}

// settle looks a candidate up until it is there, or was taken out of its view. One that cannot be
// read is there; where it cannot be told whether it is, that is an error.
func (c *candidate) settle(e *Engine, locked bool) (ok bool, err error) {
	for range maxLookups {
		err := c.look(e, asIs)
		known := err == nil || isMiss(err) || isDamage(err)
		if !known && !locked {
			err = c.look(e, 0)
			known = err == nil || isMiss(err) || isDamage(err)
		}
		switch {
		case !known:
			return false, err
		case !c.overtaken:
			return true, nil
		}
	}
	return false, nil
}
