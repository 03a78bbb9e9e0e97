package engine

// Many keys at once.

// SetMany stores all items in one commit. Of several with the same key the last one counts.
func (e *Engine) SetMany(items []KeyValue, a Attrs) error {
	if len(items) == 0 {
		return e.usable()
	}
	return e.Update(func(tx *Tx) error {
		for i := range items {
			if err := tx.set(items[i].Key, items[i].Value, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteMany removes all keys in one commit, and returns how many had an item.
func (e *Engine) DeleteMany(keys []string) (n int, err error) {
	if len(keys) == 0 {
		return 0, e.usable()
	}
	r := &request{ops: make([]Op, 0, len(keys)), done: make(chan struct{}, 1)}
	seen := make(map[string]struct{}, len(keys))
	for _, key := range keys {
		if _, again := seen[key]; again {
			continue
		}
		seen[key] = struct{}{}
		r.ops = append(r.ops, Op{})
		if err := e.prepareDelete(&r.ops[len(r.ops)-1], key); err != nil {
			return 0, err
		}
	}
	if err := e.usable(); err != nil {
		return 0, err
	}
	if err := e.commit(r); err != nil {
		return 0, err
	}
	for i := range r.ops {
		if r.ops[i].Existed {
			n++
		}
	}
	e.stats.deletes.Add(int64(n))
	return n, nil
}

// usable is an error if nothing can be stored by now.
func (e *Engine) usable() error {
	if err := e.readsOnly(); err != nil {
		return err
	}
	return e.closedNow()
}
