package engine

import "errors"

// Push stores value at an end of a queue and returns the key that it has there. The number in it is
// one more, or one less, than that of the item that was last at that end, expired or not.
func (e *Engine) Push(prefix string, value []byte, back bool, a Attrs) (key string, err error) {
	if err := e.readsOnly(); err != nil {
		return "", err
	}
	var op Op
	if err := checkSizes(formatQueueKey(prefix, firstNumber), a); err != nil {
		return "", err
	}
	if err := e.prepareValue(&op, value, a, false); err != nil { // before others wait
		return "", err
	}
	taken := false
	err = e.Update(func(tx *Tx) error {
		if key, err = tx.nextKey(prefix, back); err != nil {
			return err
		}
		e.describe(&op, key, a)
		taken = true
		return tx.put(key, op)
	})
	if err != nil {
		key = ""
	}
	if !taken {
		err = join(err, e.values.drop(op.Value))
	}
	return key, err
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
	if e.board.file != nil {
		return false, nil
	}
	if err := e.catchUp(); err != nil {
		return false, err
	}
	err = e.withView(byQueue, false, func(x *view) { empty = s.count(&x.set) == 0 })
	return empty, err
}

// Push stores value at an end of a queue when the transaction commits, and returns its key.
func (tx *Tx) Push(prefix string, value []byte, back bool, a Attrs) (string, error) {
	if tx.done {
		return "", ErrTxDone
	}
	if err := checkSizes(formatQueueKey(prefix, firstNumber), a); err != nil {
		return "", err
	}
	key, err := tx.nextKey(prefix, back)
	if err != nil {
		return "", err
	}
	return key, tx.Set(key, value, a)
}

// nextKey returns the key of what is pushed next.
func (tx *Tx) nextKey(prefix string, back bool) (string, error) {
	s, ok := queueSpan(prefix, back)
	if !ok {
		return "", ErrTooLarge
	}
	for c, err := range tx.candidates(s) {
		if err != nil {
			return "", err
		}
		if _, own := tx.index[c.key]; !own {
			if err := c.look(tx.e); err == ErrNotFound {
				continue
			} else if err != nil && err != ErrExpired && !isDamage(err) {
				return "", err
			}
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
	f, _, err := tx.pull(prefix, back, 0)
	return f, err
}

// pull is Pull. If most is not 0 it removes no more expired items than that, and returns then; more says
// that there may be others. Else it removes some and passes the others over.
func (tx *Tx) pull(prefix string, back bool, most int) (f Found, more bool, err error) {
	s, ok := queueSpan(prefix, back)
	if tx.done || !ok {
		return f, false, tx.missing()
	}
	expired := 0
	for c, err := range tx.candidates(s) {
		if err != nil {
			return f, false, err
		}
		f, err := tx.read(c)
		switch {
		case err == ErrNotFound:
			continue
		case err == ErrExpired:
			if expired++; expired <= mostExpired {
				if _, err := tx.Delete(c.key); err != nil {
					return f, false, err
				}
			}
			if expired == most {
				return f, true, nil
			}
			continue
		case err != nil && !isDamage(err):
			return f, false, err
		}
		if _, derr := tx.Delete(c.key); derr != nil {
			return f, false, derr
		}
		return f, false, err
	}
	return f, false, ErrNotFound
}

// missing is ErrNotFound, or ErrTxDone.
func (tx *Tx) missing() error {
	if tx.done {
		return ErrTxDone
	}
	return ErrNotFound
}

// Peek returns the item at an end of a queue.
func (tx *Tx) Peek(prefix string, back bool) (Found, error) {
	s, ok := queueSpan(prefix, back)
	if tx.done || !ok {
		return Found{}, tx.missing()
	}
	return tx.first(s)
}

// PeekItem returns the item that was inserted first or last.
func (tx *Tx) PeekItem(back bool) (Found, error) {
	if tx.done {
		return Found{}, ErrTxDone
	}
	return tx.first(span{kind: byInsertion, reverse: back})
}

func (tx *Tx) first(s span) (Found, error) {
	for c, err := range tx.candidates(s) {
		if err != nil {
			return Found{}, err
		}
		if f, err := tx.read(c); !isMiss(err) {
			return f, err
		}
	}
	return Found{}, ErrNotFound
}

// read reads the item of a candidate, as the transaction sees it.
func (tx *Tx) read(c *candidate) (f Found, err error) {
	if _, own := tx.index[c.key]; !own {
		tx.reads(c.key)
		return c.read(tx.e)
	}
	if f.Item, err = tx.Item(c.key); err == nil {
		f.Value, err = tx.Get(c.key, nil)
	}
	return f, err
}

// QueueLen returns how many items a queue has.
func (tx *Tx) QueueLen(prefix string) (n int, err error) {
	s, ok := queueSpan(prefix, false)
	if tx.done || !ok {
		return 0, tx.doneErr()
	}
	err = tx.withQueue(prefix, s, func(rank func([]byte) int) { n = rank(s.hi) })
	return n, err
}

func (tx *Tx) doneErr() error {
	if tx.done {
		return ErrTxDone
	}
	return nil
}

// QueueAt returns item i of a queue.
func (tx *Tx) QueueAt(prefix string, i int) (f Found, err error) {
	s, ok := queueSpan(prefix, false)
	if tx.done || !ok {
		return f, tx.missing()
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
	return tx.read(byQueue.candidate(at))
}

// withQueue calls fn with a function that tells how many items of a queue come before a place in the view.
func (tx *Tx) withQueue(prefix string, s span, fn func(rank func(at []byte) int)) error {
	own, err := tx.ownViews()
	if err != nil {
		return err
	}
	return tx.e.withQueue(prefix, s, true, func(x *view) {
		before := func(at []byte) int { return x.set.Rank(at) + own.queued.Rank(at) - own.hidden.Rank(at) }
		begin := before(s.lo)
		fn(func(at []byte) int { return before(at) - begin })
	})
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
