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
	err = e.withQueue(prefix, s, false, func(x *view) { n = s.count(&x.set) })
	return n, err
}

// QueueAt returns item i of a queue or, where i is negative, as many before its end. Those that have
// expired have places; to ask for one is ErrExpired.
func (e *Engine) QueueAt(prefix string, i int) (Found, error) {
	s, ok := queueSpan(prefix, false)
	if !ok {
		return Found{}, ErrNotFound
	}
	for try := 0; ; try++ {
		var at []byte
		var p page
		err := e.withQueue(prefix, s, false, func(x *view) {
			p = e.views.moment()
			if j, ok := place(i, s.count(&x.set)); ok {
				at = x.set.AppendAt(nil, x.set.Rank(s.lo)+j)
			}
		})
		if err != nil || at == nil {
			return Found{}, orNotFound(err)
		}
		f, changed, err := e.readAs(byQueue, at, &p)
		if !changed || try == maxLookups {
			return f, err
		}
	}
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
func (e *Engine) first(s span) (Found, error) {
	for try := 0; ; try++ {
		f, changed, err := e.firstOf(s, try == maxLookups)
		if !changed {
			return f, err
		}
	}
}

// firstOf is one try. changed: a commit came between, and what was found may never have been first.
func (e *Engine) firstOf(s span, last bool) (f Found, changed bool, err error) {
	var begin page
	for n := 1; ; n = min(2*n, mostPage) {
		p, err := e.page(&s, n, false, nil)
		if err != nil {
			return f, false, err
		}
		if n == 1 {
			begin = p
		}
		for _, at := range p.found {
			f, changed, err := e.readAs(s.kind, at, &begin)
			if changed && !last {
				return f, true, nil
			}
			if !isMiss(err) {
				return f, false, err
			}
		}
		if p.over {
			return f, false, ErrNotFound
		}
	}
}

// readAs reads the item of a candidate. changed reports whether it may not be as it was at the moment
// at which the candidate was found.
func (e *Engine) readAs(k viewKind, at []byte, then *page) (f Found, changed bool, err error) {
	c := k.candidate(at)
	f, err = c.read(e)
	if err == nil {
		return f, f.Stored > then.seq, nil
	}
	return f, isMiss(err) && e.views.epoch.Load() != then.epoch, err
}

// moment returns a page that says of which moment it is. The caller holds mu.
func (v *views) moment() page { return page{epoch: v.epoch.Load(), seq: v.seq} }

// withQueue calls fn with the view of the queues, when all that it has of one is in the index.
func (e *Engine) withQueue(prefix string, s span, locked bool, fn func(*view)) error {
	for try := 0; ; try++ {
		if !locked {
			if err := e.catchUp(); err != nil {
				return err
			}
		}
		exact := false
		err := e.withView(byQueue, locked, func(x *view) {
			if exact = try == maxLookups || x.isSettled(prefix, e.views.loose.Load()) || s.count(&x.set) == 0; exact {
				fn(x)
			}
		})
		if err != nil || exact {
			return err
		}
		if err := e.settleQueue(prefix, s, locked); err != nil {
			return err
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

// settleQueue looks up all that the view has of a queue, and takes out what is gone.
func (e *Engine) settleQueue(prefix string, s span, locked bool) error {
	loose := e.views.loose.Load()
	for {
		p, err := e.page(&s, mostPage, locked, nil)
		if err != nil {
			return err
		}
		for _, at := range p.found {
			c := byQueue.candidate(at)
			err := c.look(e)
			for try := 0; c.overtaken && try < maxLookups; try++ {
				err = c.look(e)
			}
			if c.overtaken || isOver(err) {
				return err
			}
		}
		if p.over {
			break
		}
	}
	return e.withView(byQueue, locked, func(x *view) {
		if x.settled == nil || len(x.settled) >= mostSettled {
			x.settled = make(map[string]uint64)
		}
		x.settled[prefix] = loose
	})
}
