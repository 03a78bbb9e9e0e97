package collection

import (
	"bytes"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/go-diskcache/diskcache"
)

// All returns the elements from the front to the back. Others may change the deque during the
// walk: what is there all the while comes once, what is removed or added meanwhile may come or
// not. An element that cannot be read yields its error, and the walk goes on. Within a transaction
// it ends there, and the loop must not change the deque. Values are the caller's.
func (d *Deque) All() iter.Seq2[[]byte, error] { return d.walk(diskcache.Front) }

// Backward is All from the back to the front.
func (d *Deque) Backward() iter.Seq2[[]byte, error] { return d.walk(diskcache.Back) }

func (d *Deque) walk(from diskcache.Side) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if d.store == nil {
			more := true
			err := d.each(from, func(_ int, it diskcache.Item) bool {
				more = yield(it.Value, nil)
				return more
			})
			if err != nil && more {
				yield(nil, err)
			}
			return
		}
		for it, err := range d.store.ScanItems(d.keys(from)) {
			switch {
			case errors.Is(err, diskcache.ErrNotFound), err == nil && !d.owns(it.Key):
			case !yield(it.Value, err):
				return
			}
		}
	}
}

// each calls fn with the elements and their places, from one end, until fn returns false. It is
// for a transaction, where nothing moves meanwhile.
func (d *Deque) each(from diskcache.Side, fn func(i int, it diskcache.Item) bool) error {
	size, err := d.Len()
	if err != nil {
		return err
	}
	for n := range size {
		i := n
		if from == diskcache.Back {
			i = size - 1 - n
		}
		it, found, err := d.alive(i)
		if err != nil {
			return err
		}
		if found && !fn(i, it) {
			return nil
		}
	}
	return nil
}

// alive returns the element at a place, and whether there is one that has not expired.
func (d *Deque) alive(i int) (it diskcache.Item, found bool, err error) {
	it, err = d.ops.QueueAt(d.prefix, i)
	return it, err == nil, ignoreMissing(err)
}

// Values returns all elements, from the front to the back, as they are at one moment. Other writers
// wait while it reads them.
func (d *Deque) Values() (values [][]byte, err error) {
	err = d.view(func(d *Deque) error {
		return d.each(diskcache.Front, func(_ int, it diskcache.Item) bool {
			values = append(values, it.Value)
			return true
		})
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// Compare returns -1, 0 or 1 as the elements come before values, are equal to them, or come
// after: the first that differ decide, and where none do what is shorter comes first. To compare
// two deques at one moment take both into a transaction, with In.
func (d *Deque) Compare(values [][]byte) (int, error) {
	own, err := d.Values()
	if err != nil {
		return 0, err
	}
	return slices.CompareFunc(own, values, bytes.Compare), nil
}

// digits is how long the number at the end of a queue's key is.
const digits = 15

// keys is the range that the keys of the queue lie in.
func (d *Deque) keys(from diskcache.Side) diskcache.Range {
	dash := d.dash()
	return diskcache.Range{
		Order: diskcache.ByKey, Reverse: from == diskcache.Back, Prefix: dash,
		From: dash + strings.Repeat("0", digits), To: dash + strings.Repeat("9", digits) + "\x00",
	}
}

// owns reports whether a key is one of the queue: a number and nothing else after the dash.
func (d *Deque) owns(key string) bool {
	number, found := strings.CutPrefix(key, d.dash())
	return found && len(number) == digits && strings.Trim(number, "0123456789") == ""
}

// dash is what comes before the number in a key.
func (d *Deque) dash() string {
	if d.prefix == "" {
		return ""
	}
	return d.prefix + "-"
}
