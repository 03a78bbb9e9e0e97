package memory

import (
	"github.com/go-diskcache/diskcache"
)

// Push stores value at an end of the queue prefix.
func (o ops) Push(prefix string, value []byte, side diskcache.Side, opts ...diskcache.SetOption) (key string, err error) {
	if err := checkSide(side); err != nil {
		return "", err
	}
	a, err := o.attrs(opts)
	if err != nil {
		return "", err
	}
	err = o.write(func(b *batch) (err error) {
		number := int64(queueStart)
		b.walk(queueByKey, prefix, side == diskcache.Back, func(s *slot) bool {
			number, err = queueNext(s.key, side)
			return false
		})
		if err != nil {
			return err
		}
		key = queueKey(prefix, number)
		return b.put(key, value, a)
	})
	if err != nil {
		return "", err
	}
	return key, nil
}

// Pull removes the item at an end of a queue and returns it.
func (o ops) Pull(prefix string, side diskcache.Side) (it diskcache.Item, err error) {
	if err := checkSide(side); err != nil {
		return it, err
	}
	var missing error
	err = o.write(func(b *batch) error {
		first, over := b.first(queueByKey, prefix, side)
		for _, key := range over {
			b.delete(key)
		}
		if first == nil { // what has expired goes all the same
			missing = diskcache.ErrNotFound
			return nil
		}
		it = b.item(first)
		b.delete(first.key)
		return nil
	})
	if err == nil {
		err = missing
	}
	return it, err
}

// Peek returns the item at an end of a queue.
func (o ops) Peek(prefix string, side diskcache.Side) (diskcache.Item, error) {
	return o.peek(queueByKey, prefix, side)
}

// PeekItem returns the item that was inserted first or last.
func (o ops) PeekItem(side diskcache.Side) (diskcache.Item, error) { return o.peek(byAge, "", side) }

func (o ops) peek(of order, name string, side diskcache.Side) (it diskcache.Item, err error) {
	if err := checkSide(side); err != nil {
		return it, err
	}
	err = o.read(of, func(b *batch) error {
		first, _ := b.first(of, name, side)
		if first == nil {
			return diskcache.ErrNotFound
		}
		it = b.item(first)
		return nil
	})
	return it, err
}

// first returns the slot at an end of a group that has not expired, or nil, and the keys of
// those before it.
func (b *batch) first(o order, name string, side diskcache.Side) (found *slot, over []string) {
	b.walk(o, name, side == diskcache.Back, func(s *slot) bool {
		if _, err := b.s.alive(s); err != nil {
			over = append(over, s.key)
			return true
		}
		found = s
		return false
	})
	return found, over
}

// QueueAt returns the item at a place of a queue.
func (o ops) QueueAt(prefix string, i int) (it diskcache.Item, err error) {
	err = o.read(queueByKey, func(b *batch) error {
		s, err := b.s.alive(b.nth(prefix, i))
		if err == nil {
			it = b.item(s)
		}
		return err
	})
	return it, err
}

// QueueLen returns how many items a queue has.
func (o ops) QueueLen(prefix string) (n int, err error) {
	err = o.read(queueByKey, func(b *batch) error {
		n = b.queueLen(prefix)
		return nil
	})
	return n, err
}
