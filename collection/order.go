package collection

import "github.com/go-diskcache/diskcache"

// Rotate moves the last n elements, one after the other, to the front; with a negative n the
// first -n to the back. n may be larger than the deque, and an empty one stays as it is. It moves
// no more than half of the elements.
func (d *Deque) Rotate(n int) error {
	return d.update(func(d *Deque) error {
		size, err := d.Len()
		if err != nil || size == 0 {
			return err
		}
		n %= size
		switch { // the way round that is shorter
		case n > size/2:
			n -= size
		case n < -(size / 2):
			n += size
		}
		from := diskcache.Back
		if n < 0 {
			from, n = diskcache.Front, -n
		}
		for range n {
			if err := d.move(from); err != nil {
				return err
			}
		}
		return nil
	})
}

// move moves the element at one end to the other.
func (d *Deque) move(from diskcache.Side) error {
	it, err := d.ops.Pull(d.prefix, from)
	if err != nil {
		return ignoreMissing(err)
	}
	_, err = d.ops.Push(d.prefix, it.Value, other(from), known(it)...)
	return err
}

// Reverse turns the deque round: the last element is the first then.
func (d *Deque) Reverse() error {
	return d.update(func(d *Deque) error {
		// All are read before the first is changed: to find a place among changes can take a walk.
		var all []diskcache.Item
		err := d.each(diskcache.Front, func(_ int, it diskcache.Item) bool {
			all = append(all, it)
			return true
		})
		for i, j := 0, len(all)-1; i < j && err == nil; i, j = i+1, j-1 {
			err = d.swap(all[i], all[j])
		}
		return err
	})
}

// swap has two elements change places.
func (d *Deque) swap(a, b diskcache.Item) error {
	if err := d.ops.Set(a.Key, b.Value, known(b)...); err != nil {
		return err
	}
	return d.ops.Set(b.Key, a.Value, known(a)...)
}
