package diskcache

import (
	"errors"
	"fmt"

	"github.com/go-diskcache/diskcache/engine"
)

// Push stores value at an end of the queue prefix and returns the key under which it is stored: the
// prefix, a dash, and fifteen digits; without a prefix, only these. The keys of a queue are all that
// look so, whoever has set them, and no others: the queue a has nothing of the queue a-5. The number
// is one more than the largest of the queue or, at its Front, one less than the smallest; an empty
// queue begins with 500000000000000. Items are what all others are: they have a time to live, a tag and
// a kind where opts say so, and a full cache gives them up, unless Policy is PolicyNone.
//
// Push, Pull and Peek are atomic, across processes too: no number is given twice, and no item
// is pulled twice. The first use of any queue in a process reads the keys of all items, as that of
// Scan; then each of them costs about as much as a Set or a Get, however long the queue is.
//
// Errors are those of Set, and ErrOverflow: numbers are above 0 and below 999999999999999, and there
// is none left at this end.
func (c *Cache) Push(prefix string, value []byte, side Side, opts ...SetOption) (key string, err error) {
	return c.push(c.e.Load(), prefix, value, side, opts)
}

// Pull removes the item at an end of a queue and returns it. What has expired there is removed as
// well. An item that cannot be read is removed, too: the error, a *CorruptError, says so, and the
// next Pull returns the next one. ErrNotFound: the queue is empty. After ErrNotSynced the item is
// returned with it. Other errors are those of Delete.
func (c *Cache) Pull(prefix string, side Side) (Item, error) { return pull(c.e.Load(), prefix, side) }

// Peek returns the item at an end of a queue and leaves it there. Expired ones are passed over.
// ErrNotFound: the queue is empty. Other errors are those of Get.
func (c *Cache) Peek(prefix string, side Side) (Item, error) { return peek(c.e.Load(), prefix, side) }

// QueueAt returns the item at a place of a queue, counted from its front; a negative one is counted
// from the back, -1 being the last. Items that have expired and are not yet removed have places;
// to ask for one is ErrExpired. ErrNotFound: the queue has no such place.
func (c *Cache) QueueAt(prefix string, i int) (Item, error) {
	return foundItem(c.e.Load().QueueAt(prefix, i))
}

// QueueLen returns how many items a queue has; those that have expired and are not yet removed
// count. Where items were given up for a limit since it was last asked for, it looks up all items
// of the queue, as QueueAt does.
func (c *Cache) QueueLen(prefix string) (int, error) { return c.e.Load().QueueLen(prefix) }

// Push is Cache.Push.
func (tx *Tx) Push(prefix string, value []byte, side Side, opts ...SetOption) (key string, err error) {
	return tx.c.push(tx.t, prefix, value, side, opts)
}

// Pull is Cache.Pull.
func (tx *Tx) Pull(prefix string, side Side) (Item, error) { return pull(tx.t, prefix, side) }

// Peek is Cache.Peek.
func (tx *Tx) Peek(prefix string, side Side) (Item, error) { return peek(tx.t, prefix, side) }

// QueueAt is Cache.QueueAt.
func (tx *Tx) QueueAt(prefix string, i int) (Item, error) { return foundItem(tx.t.QueueAt(prefix, i)) }

// QueueLen is Cache.QueueLen.
func (tx *Tx) QueueLen(prefix string) (int, error) { return tx.t.QueueLen(prefix) }

// ends is an engine, or a transaction of it.
type ends interface {
	Push(prefix string, value []byte, back bool, a engine.Attrs) (string, error)
	Pull(prefix string, back bool) (engine.Found, error)
	Peek(prefix string, back bool) (engine.Found, error)
	PeekItem(back bool) (engine.Found, error)
}

func (c *Cache) push(to ends, prefix string, value []byte, side Side, opts []SetOption) (string, error) {
	back, err := side.isBack()
	if err != nil {
		return "", err
	}
	a, err := c.attrs(opts)
	if err != nil {
		return "", err
	}
	return to.Push(prefix, value, back, a)
}

func pull(of ends, prefix string, side Side) (Item, error) {
	back, err := side.isBack()
	if err != nil {
		return Item{}, err
	}
	f, err := of.Pull(prefix, back)
	if errors.Is(err, ErrNotSynced) && f.Value != nil { // it was removed
		return newItem(f.Item, f.Value), err
	}
	return foundItem(f, err)
}

func peek(of ends, prefix string, side Side) (Item, error) {
	back, err := side.isBack()
	if err != nil {
		return Item{}, err
	}
	return foundItem(of.Peek(prefix, back))
}

func peekItem(of ends, side Side) (Item, error) {
	back, err := side.isBack()
	if err != nil {
		return Item{}, err
	}
	return foundItem(of.PeekItem(back))
}

func foundItem(f engine.Found, err error) (Item, error) { return made(f.Item, f.Value, err) }

func (s Side) isBack() (bool, error) {
	if s > Back {
		return false, fmt.Errorf("%w: unknown side %d", ErrOption, s)
	}
	return s == Back, nil
}

var _ Ops = (*Tx)(nil)
