package collection

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-diskcache/diskcache"
)

// At returns the element at place i, counted from the front; a negative i is counted from the
// back, -1 being the last. ErrIndex: there is none. The value is the caller's.
func (d *Deque) At(i int) ([]byte, error) {
	it, err := d.at(i)
	return it.Value, err
}

func (d *Deque) at(i int) (diskcache.Item, error) {
	it, err := d.ops.QueueAt(d.prefix, i)
	if errors.Is(err, diskcache.ErrNotFound) {
		return it, fmt.Errorf("%w: %d", ErrIndex, i)
	}
	return it, err
}

// SetAt puts value at place i in place of the element there, whose tag, kind and time to live it
// takes over. ErrIndex: there is none.
func (d *Deque) SetAt(i int, value []byte) error {
	return d.update(func(d *Deque) error {
		it, err := d.at(i)
		if err != nil {
			return err
		}
		return d.ops.Set(it.Key, value, known(it)...)
	})
}

// DeleteAt removes the element at place i. ErrIndex: there is none.
func (d *Deque) DeleteAt(i int) error {
	return d.update(func(d *Deque) error {
		it, err := d.at(i)
		if err != nil {
			return err
		}
		_, err = d.ops.Delete(it.Key)
		return err
	})
}

// Index returns the place of the first element that is equal to value, -1 if there is none.
// Other writers wait while it looks.
func (d *Deque) Index(value []byte) (int, error) {
	place := -1
	err := d.view(func(d *Deque) error {
		return d.each(diskcache.Front, func(i int, it diskcache.Item) bool {
			if bytes.Equal(it.Value, value) {
				place = i
			}
			return place < 0
		})
	})
	return place, err
}

// Contains reports whether an element is equal to value. Other writers wait while it looks.
func (d *Deque) Contains(value []byte) (bool, error) {
	i, err := d.Index(value)
	return i >= 0, err
}

// Count returns how many elements are equal to value. Other writers wait while it looks.
func (d *Deque) Count(value []byte) (n int, err error) {
	err = d.view(func(d *Deque) error {
		return d.each(diskcache.Front, func(_ int, it diskcache.Item) bool {
			if bytes.Equal(it.Value, value) {
				n++
			}
			return true
		})
	})
	return n, err
}

// Remove removes the first element that is equal to value, and reports whether there was one.
func (d *Deque) Remove(value []byte) (removed bool, err error) {
	err = d.update(func(d *Deque) error {
		i, err := d.Index(value)
		if err != nil || i < 0 {
			return err
		}
		removed = true
		return d.DeleteAt(i)
	})
	return removed && err == nil, err
}

// known are the options with which an element is stored again as it was.
func known(it diskcache.Item) []diskcache.SetOption {
	opts := []diskcache.SetOption{diskcache.Kind(it.Kind), diskcache.Tag(it.Tag)}
	if !it.Expires.IsZero() {
		opts = append(opts, diskcache.ExpireAt(it.Expires))
	}
	return opts
}
