package diskcache

// ReaderItem is Reader that also returns what is known of the item, but for its value: what
// Reader reads is that of this very item.
func (c *Cache) ReaderItem(key string) (Reader, Item, error) {
	r, it, err := c.e.Load().Reader(key)
	if err != nil {
		return nil, Item{}, err
	}
	return r, newItem(it, nil), nil
}
