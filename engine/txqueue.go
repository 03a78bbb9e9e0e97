package engine

import "errors"

// Push stores value at an end of a queue and returns the key that it has there. The number in it is
// one more, or one less, than that of the item that was last at that end, expired or not.
func (e *Engine) Push(prefix string, value []byte, back bool, a Attrs) (key string, err error) {
	if err := e.readsOnly(); err != nil {
		return "", err
	}
	if err := checkSizes(formatQueueKey(prefix, firstNumber), a); err != nil {
		return "", err
	}
	if _, err := e.isEmpty(prefix); err != nil { // and the view is built, before others wait
		return "", err
	}
	var op Op
	if err := e.prepareValue(&op, value, a, false); err != nil { // also before they wait
		return "", err
	}
	taken := false
	err = e.Update(func(tx *Tx) error {
		if key, err = tx.nextKey(prefix, back); err != nil {
			return err
		}
		e.describe(&op, key, a)
		taken, tx.views = true, nil // nobody asks for them any more
		return tx.put(key, op)
	})
	if !taken {
		err = join(err, e.values.drop(op.Value))
	}
	if err != nil {
		return "", err
	}
	return key, nil
}

// mostExpired is how many expired items of a queue are removed in one commit.
const mostExpired = 256

// Pull removes the item at an end of a queue and returns it. Expired ones that it meets there are
// removed as well. One that cannot be read is removed, too, and its error returned.
func (e *Engine) Pull(prefix string, back bool) (f Found, err error) {
	if err := e.readsOnly(); err != nil {
		return f, err
	}
	if empty, err := e.isEmpty(prefix); empty || err != nil {
		return f, orNotFound(err)
	}
	for {
		more := false
		uerr := e.Update(func(tx *Tx) error {
			f, more, err = tx.pull(prefix, back, mostExpired)
			return nil
		})
		if uerr != nil {
			return f, uerr
		}
		if !more {
			return f, err
		}
	}
}

// isEmpty reports whether a queue certainly has nothing, so that who asks again and again need not
// keep others from writing. Who does not see all that others have stored has to look closer.
func (e *Engine) isEmpty(prefix string) (empty bool, err error) {
	s, ok := queueSpan(prefix, false)
	if !ok {
		return true, nil
	}
	if err := e.catchUp(); err != nil {
		return false, err
	}
	err = e.withView(byQueue, false, func(x *view) { empty = s.count(&x.set) == 0 })
	return empty && e.board.file == nil, err
}

// Push stores value at an end of a queue when the transaction commits, and returns its key.
func (tx *Tx) Push(prefix string, value []byte, back bool, a Attrs) (string, error) {
	if err := tx.use(); err != nil {
		return "", err
	}
	defer tx.mu.Unlock()
	if err := checkSizes(formatQueueKey(prefix, firstNumber), a); err != nil {
		return "", err
	}
	key, err := tx.nextKey(prefix, back)
	if err == nil {
		err = tx.set(key, append([]byte(nil), value...), a) // the caller may use it again before the commit
	}
	if err != nil {
		return "", err
	}
	return key, nil
}

// nextKey returns the key of what is pushed next.
func (tx *Tx) nextKey(prefix string, back bool) (string, error) {
	s, ok := queueSpan(prefix, back)
	if !ok {
		return "", ErrTooLarge
	}
	for c, err := range tx.candidates(s) {
		if err == nil && tx.own(c.key) == nil {
			err = c.look(tx.e, 0)
		}
		switch {
		case err == ErrNotFound:
			continue
		case err != nil && err != ErrExpired && !isDamage(err):
			return "", err
		}
		n, err := nextNumber(queueNumber(c.at), back)
		return formatQueueKey(prefix, n), err
	}
	return formatQueueKey(prefix, firstNumber), nil
}

// isDamage reports whether an item is there and cannot be read.
func isDamage(err error) bool { return errors.Is(err, ErrCorrupt) }

// Pull removes the item at an end of a queue when the transaction commits, and returns it.
func (tx *Tx) Pull(prefix string, back bool) (Found, error) {
	if err := tx.use(); err != nil {
		return Found{}, err
	}
	defer tx.mu.Unlock()
	f, _, err := tx.pull(prefix, back, 0)
	return f, err
}

// pull is Pull. If most is not 0 it removes no more expired items than that, and returns then; more says
// that there may be others. Else it removes some and passes the others over.
func (tx *Tx) pull(prefix string, back bool, most int) (f Found, more bool, err error) {
	s, ok := queueSpan(prefix, back)
	if !ok {
		return f, false, ErrNotFound
	}
	expired := 0
	for c, err := range tx.candidates(s) {
		if err == nil {
			f, err = tx.readCandidate(c)
		}
		switch {
		case err == ErrNotFound:
			continue
		case err == ErrExpired:
			if expired++; expired <= mostExpired {
				if _, err := tx.remove(c.key); err != nil {
					return Found{}, false, err
				}
			}
			if expired == most {
				return Found{}, true, nil
			}
			continue
		case err != nil && !isDamage(err):
			return Found{}, false, err
		}
		if _, derr := tx.remove(c.key); derr != nil {
			return Found{}, false, derr
		}
		return f, false, err
	}
	return Found{}, false, ErrNotFound
}

// Peek returns the item at an end of a queue.
func (tx *Tx) Peek(prefix string, back bool) (Found, error) {
	if err := tx.use(); err != nil {
		return Found{}, err
	}
	defer tx.mu.Unlock()
	s, ok := queueSpan(prefix, back)
	if !ok {
		return Found{}, ErrNotFound
	}
	return tx.first(s)
}

// PeekItem returns the item that was inserted first or, with back, last.
func (tx *Tx) PeekItem(back bool) (Found, error) {
	if err := tx.use(); err != nil {
		return Found{}, err
	}
	defer tx.mu.Unlock()
	return tx.first(span{kind: byInsertion, reverse: back})
}

func (tx *Tx) first(s span) (Found, error) {
	for c, err := range tx.candidates(s) {
		if err != nil {
			return Found{}, err
		}
		if f, err := tx.readCandidate(c); !isMiss(err) {
			return f, err
		}
	}
	return Found{}, ErrNotFound
}

// readCandidate reads the item of a candidate, as the transaction sees it.
func (tx *Tx) readCandidate(c *candidate) (f Found, err error) {
	if tx.own(c.key) == nil {
		tx.reads(c.key)
		return c.read(tx.e, tx.e.readItem)
	}
	f.Item, f.Value, err = tx.getItem(c.key)
	return f, err
}

// QueueLen returns how many items a queue has. Those that have expired count.
func (tx *Tx) QueueLen(prefix string) (n int, err error) {
	if err := tx.use(); err != nil {
		return 0, err
	}
	defer tx.mu.Unlock()
	s, ok := queueSpan(prefix, false)
	if !ok {
		return 0, nil
	}
	err = tx.withQueue(prefix, s, func(rank func([]byte) int) { n = rank(s.hi) })
	return n, err
}

// QueueAt returns item i of a queue or, where i is negative, as many before its end.
func (tx *Tx) QueueAt(prefix string, i int) (f Found, err error) {
	if err := tx.use(); err != nil {
		return f, err
	}
	defer tx.mu.Unlock()
	s, ok := queueSpan(prefix, false)
	if !ok {
		return f, ErrNotFound
	}
	var at []byte
	err = tx.withQueue(prefix, s, func(rank func([]byte) int) {
		if j, ok := place(i, rank(s.hi)); ok {
			at = numberAt(prefix, j, rank)
		}
	})
	if err != nil || at == nil {
		return f, orNotFound(err)
	}
	return tx.readCandidate(byQueue.candidate(at))
}

// withQueue calls fn with a function that tells how many items of a queue come before a place in the view.
func (tx *Tx) withQueue(prefix string, s span, fn func(rank func(at []byte) int)) error {
	own, err := tx.ownViews()
	if err != nil {
		return err
	}
	for range maxLookups {
		exact, err := tx.e.withQueue(prefix, s, true, func(x *view) {
			before := func(at []byte) int { return x.set.Rank(at) + own.queued.Rank(at) - own.hidden.Rank(at) }
			begin := before(s.lo)
			fn(func(at []byte) int { return before(at) - begin })
		})
		if exact || err != nil {
			return err
		}
	}
	return errRestless
}

// numberAt returns the string of the view before which there are i items of a queue.
func numberAt(prefix string, i int, rank func([]byte) int) []byte {
	lo, hi := uint64(lowNumber+1), uint64(highNumber)
	for lo < hi { // the item is at lo or behind it, and not at hi or behind it
		mid := lo + (hi-lo)/2
		if rank(appendQueue(nil, prefix, mid+1)) > i {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return appendQueue(nil, prefix, lo)
}
