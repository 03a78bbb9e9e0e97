package collection

import (
	"context"
	"errors"
	"math"
	"sync/atomic"

	"github.com/go-diskcache/diskcache"
)

// Deque is a queue with two ends: the queue of a prefix in a Store. All Deques of one prefix
// in one store are the same queue, and what Store.Push and Store.Pull do with that prefix they
// do with it, too. Its methods may be called by any number of goroutines at once.
//
// Elements are values that nothing else is known of; those that Store.Push has given a tag, a
// kind or a time to live keep it wherever they are moved. One that has expired is passed over,
// but Len and places may count it until it is removed.
type Deque struct {
	ops    diskcache.Ops   // the store, or a transaction
	store  diskcache.Store // nil within a transaction
	prefix string
	max    atomic.Int64 // 0: no bound
}

// NewDeque returns the deque of a prefix in s. With maxLen above zero it holds at most that many
// elements: who adds one to a full deque drops one at the other end. The bound belongs to this
// Deque and is not stored; all who use the queue should have the same.
func NewDeque(s diskcache.Store, prefix string, maxLen int) *Deque {
	d := &Deque{ops: s, store: s, prefix: prefix}
	d.max.Store(int64(max(maxLen, 0)))
	return d
}

// In returns the deque within a transaction of its store: what is done with it is done when the
// transaction is committed, together with everything else that the transaction does.
func (d *Deque) In(tx diskcache.Txn) *Deque {
	in := &Deque{ops: tx, prefix: d.prefix}
	in.max.Store(d.max.Load())
	return in
}

// update calls fn with the deque within a transaction, the one that it is in or one of its own.
func (d *Deque) update(fn func(d *Deque) error) error {
	if d.store == nil {
		return fn(d)
	}
	return diskcache.Transact(context.Background(), d.store, func(tx diskcache.Txn) error { return fn(d.In(tx)) })
}

// view is update for what changes nothing. Where the store is open for reading only nobody can be
// kept out, and fn looks at the store itself.
func (d *Deque) view(fn func(d *Deque) error) error {
	err := d.update(fn)
	if d.store != nil && errors.Is(err, diskcache.ErrReadOnly) {
		return fn(d)
	}
	return err
}

// Prefix returns the prefix of the queue.
func (d *Deque) Prefix() string { return d.prefix }

// MaxLen returns how many elements the deque may hold, 0 for any number.
func (d *Deque) MaxLen() int { return int(d.max.Load()) }

// SetMaxLen changes the bound, and drops at the front what is too many.
func (d *Deque) SetMaxLen(n int) error {
	d.max.Store(int64(max(n, 0)))
	return d.update(func(d *Deque) error { return d.trim(diskcache.Front) })
}

// Len returns the number of elements.
func (d *Deque) Len() (int, error) { return d.ops.QueueLen(d.prefix) }

// PushBack adds an element at the back. The caller keeps value. Errors are those of Store.Push.
func (d *Deque) PushBack(value []byte) error { return d.push(diskcache.Back, value) }

// PushFront adds an element at the front.
func (d *Deque) PushFront(value []byte) error { return d.push(diskcache.Front, value) }

// Extend adds all values at the back, one after the other, or none.
func (d *Deque) Extend(values ...[]byte) error { return d.push(diskcache.Back, values...) }

// ExtendFront adds all values at the front, one after the other, or none: the last of them is
// the first element then.
func (d *Deque) ExtendFront(values ...[]byte) error { return d.push(diskcache.Front, values...) }

// push adds values at a side, and drops at the other one what is too many.
func (d *Deque) push(side diskcache.Side, values ...[]byte) error {
	most := d.MaxLen()
	if most == 0 && len(values) == 1 {
		_, err := d.ops.Push(d.prefix, values[0], side)
		return err
	}
	if most > 0 && len(values) > most {
		values = values[len(values)-most:] // the others would be dropped
	}
	if len(values) == 0 {
		return nil
	}
	return d.update(func(d *Deque) error {
		for _, v := range values {
			if _, err := d.ops.Push(d.prefix, v, side); err != nil {
				return err
			}
		}
		return d.trim(other(side))
	})
}

// trim drops elements at a side until the bound is kept. It is for a transaction.
func (d *Deque) trim(side diskcache.Side) error {
	most := d.MaxLen()
	if most == 0 {
		return nil
	}
	for {
		n, err := d.Len()
		if err != nil || n <= most {
			return err
		}
		_, err = d.ops.Pull(d.prefix, side)
		if err != nil && !errors.Is(err, diskcache.ErrCorrupt) { // nobody can read what was dropped
			return ignoreMissing(err)
		}
	}
}

// PopBack removes the last element and returns it. ErrEmpty: there is none.
func (d *Deque) PopBack() ([]byte, error) { return end(d.ops.Pull(d.prefix, diskcache.Back)) }

// PopFront removes the first element and returns it. ErrEmpty: there is none.
func (d *Deque) PopFront() ([]byte, error) { return end(d.ops.Pull(d.prefix, diskcache.Front)) }

// Back returns the last element. ErrEmpty: there is none.
func (d *Deque) Back() ([]byte, error) { return end(d.ops.Peek(d.prefix, diskcache.Back)) }

// Front returns the first element. ErrEmpty: there is none.
func (d *Deque) Front() ([]byte, error) { return end(d.ops.Peek(d.prefix, diskcache.Front)) }

// Clear removes all elements and returns how many these were. Those of a deque that is larger than
// what the store takes in one transaction go one after the other.
func (d *Deque) Clear() (n int, err error) {
	most, err := d.Len()
	if err != nil {
		return 0, err
	}
	err = d.update(func(d *Deque) (err error) {
		n, err = d.drop(math.MaxInt)
		return err
	})
	if d.store != nil && errors.Is(err, diskcache.ErrTooLarge) {
		return d.drop(most) // and not what others add meanwhile
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// drop removes so many elements from the front at most.
func (d *Deque) drop(most int) (n int, err error) {
	for ; n < most; n++ {
		if _, err := d.ops.Pull(d.prefix, diskcache.Front); err != nil {
			return n, ignoreMissing(err)
		}
	}
	return n, nil
}

// end is the value of what was found at an end of a queue.
func end(it diskcache.Item, err error) ([]byte, error) {
	if errors.Is(err, diskcache.ErrNotFound) {
		return nil, ErrEmpty
	}
	return it.Value, err
}

// ignoreMissing is err, but for what says that something is not there.
func ignoreMissing(err error) error {
	if errors.Is(err, diskcache.ErrNotFound) {
		return nil
	}
	return err
}

func other(s diskcache.Side) diskcache.Side {
	if s == diskcache.Front {
		return diskcache.Back
	}
	return diskcache.Front
}
