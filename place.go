package diskcache

import (
	"github.com/go-diskcache/diskcache/engine"
)

// Place is where an item lies, for who keeps a copy of it and wants to know whether that is
// still the newest. No two items ever have the same; an item that is moved, by compaction, gets
// another. The zero value is no place.
type Place = engine.Place

// ItemPlace is Item that says where the item lies; it is the zero Place for a value in a file
// of its own, and where the item was moved as it was read. Errors are those of Get.
func (c *Cache) ItemPlace(key string) (Item, Place, error) {
	it, v, p, err := c.e.Load().GetPlaced(key)
	if err != nil {
		return Item{}, Place{}, err
	}
	return newItem(it, v), p, nil
}

// Holds reports whether it, as ItemPlace has returned it with p, is still what Item would
// return. It is true only if so, and false also for one that was moved. It costs a look into
// the index, without a read of the disk, and sees what other processes have stored as Get does.
// The item counts as read. Errors: ErrClosed, and those of following other processes.
func (c *Cache) Holds(it *Item, p Place) (bool, error) {
	return c.e.Load().Holds(&engine.Item{Key: it.Key, Expires: it.Expires, Stored: it.Version}, p)
}
