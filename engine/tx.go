package engine

import (
	"errors"

	"github.com/go-diskcache/diskcache/codec"
)

// What a transaction can do. It is done by the same code as outside of one; only what is there
// is looked up among the changes of the transaction first, and what comes out is one more of
// these.

// Get appends the value of key to dst.
func (tx *Tx) Get(key string, dst []byte) ([]byte, error) {
	if err := tx.use(); err != nil {
		return dst, err
	}
	defer tx.mu.Unlock()
	return tx.get(key, dst)
}

func (tx *Tx) get(key string, dst []byte) ([]byte, error) {
	rec := tx.own(key)
	if rec == nil {
		tx.reads(key)
		return tx.e.Get(key, dst)
	}
	if err := tx.missing(rec); err != nil {
		return dst, err
	}
	return tx.e.valueOf(key, rec, dst)
}

// missing says why the item that the transaction has left is none.
func (tx *Tx) missing(rec *codec.Record) error {
	switch {
	case rec.Kind == codec.KindTombstone:
		return ErrNotFound
	case tx.e.clock.expired(rec.Expires, unstored):
		return ErrExpired
	}
	return nil
}

// Item returns what is known of key. A key that the transaction has set has no
// sequence yet.
func (tx *Tx) Item(key string) (Item, error) {
	if err := tx.use(); err != nil {
		return Item{}, err
	}
	defer tx.mu.Unlock()
	return tx.item(key)
}

func (tx *Tx) item(key string) (Item, error) {
	rec := tx.own(key)
	if rec == nil {
		tx.reads(key)
		return tx.e.Item(key)
	}
	if err := tx.missing(rec); err != nil {
		return Item{}, err
	}
	about := *rec
	about.Key, about.Value = nil, nil
	return tx.e.item(key, rec.Value, &about)
}

// GetItem returns the value of key and what is known of it.
func (tx *Tx) GetItem(key string) (Item, []byte, error) {
	if err := tx.use(); err != nil {
		return Item{}, nil, err
	}
	defer tx.mu.Unlock()
	return tx.getItem(key)
}

func (tx *Tx) getItem(key string) (Item, []byte, error) {
	if tx.own(key) == nil {
		tx.reads(key)
		return tx.e.GetItem(key)
	}
	it, err := tx.item(key)
	if err != nil {
		return Item{}, nil, err
	}
	v, err := tx.get(key, []byte{})
	if err != nil {
		return Item{}, nil, err
	}
	return it, v, nil
}

// Set stores value under key when the transaction commits.
func (tx *Tx) Set(key string, value []byte, a Attrs) error {
	_, err := tx.SetIf(key, value, a, Condition{})
	return err
}

// SetIf is Set that does nothing unless a condition holds now. It reports whether it has
// stored the value.
func (tx *Tx) SetIf(key string, value []byte, a Attrs, c Condition) (bool, error) {
	if err := tx.use(); err != nil {
		return false, err
	}
	defer tx.mu.Unlock()
	if ok, err := tx.holds(key, c); err != nil || !ok {
		return false, err
	}
	value = append([]byte(nil), value...) // the caller may use it again before the commit
	err := tx.set(key, value, a)
	return err == nil, err
}

// GetOrSet is that of the engine.
func (tx *Tx) GetOrSet(key string, value []byte, a Attrs) (actual []byte, loaded bool, err error) {
	if err := tx.use(); err != nil {
		return nil, false, err
	}
	defer tx.mu.Unlock()
	if v, err := tx.get(key, []byte{}); !isMiss(err) {
		return v, err == nil, err
	}
	actual = append([]byte{}, value...)
	if err := tx.set(key, append([]byte(nil), value...), a); err != nil {
		return nil, false, err
	}
	return actual, false, nil
}

func (tx *Tx) set(key string, value []byte, a Attrs) error {
	var op Op
	if err := tx.e.prepare(&op, key, value, a, true); err != nil {
		return err
	}
	return tx.put(key, op)
}

func (tx *Tx) holds(key string, c Condition) (bool, error) {
	if c.rule == always {
		return true, nil
	}
	it, err := tx.item(key)
	if err != nil && !isMiss(err) && !errors.Is(err, ErrCorrupt) {
		return false, err
	}
	return c.allows(err == nil, it.Stored), nil
}

// Delete removes key when the transaction commits, and reports whether it has an
// item now.
func (tx *Tx) Delete(key string) (bool, error) {
	if err := tx.use(); err != nil {
		return false, err
	}
	defer tx.mu.Unlock()
	return tx.remove(key)
}

func (tx *Tx) remove(key string) (bool, error) {
	_, err := tx.item(key)
	if err != nil && !isMiss(err) && !errors.Is(err, ErrCorrupt) {
		return false, err
	}
	var op Op
	if err := tx.e.prepareDelete(&op, key); err != nil {
		return false, err
	}
	return err == nil, tx.put(key, op)
}

// Pop is Delete that returns the item and its value.
func (tx *Tx) Pop(key string) (Item, []byte, error) {
	if err := tx.use(); err != nil {
		return Item{}, nil, err
	}
	defer tx.mu.Unlock()
	it, v, err := tx.getItem(key)
	if err == nil {
		_, err = tx.remove(key)
	}
	if err != nil {
		return Item{}, nil, err
	}
	return it, v, nil
}

// Touch is that of the engine.
func (tx *Tx) Touch(key string, expires int64) (bool, error) { return tx.edit(key, touch{expires}) }

// Incr is that of the engine.
func (tx *Tx) Incr(key string, delta int64, subtract bool, a Attrs) (int64, error) {
	c, err := newCounter(delta, subtract, a)
	if err != nil {
		return 0, err
	}
	_, err = tx.edit(key, c)
	return c.sum, err
}

// IncrFloat is that of the engine.
func (tx *Tx) IncrFloat(key string, delta float64, a Attrs) (float64, error) {
	c, err := newFloatCounter(delta, a)
	if err != nil {
		return 0, err
	}
	_, err = tx.edit(key, c)
	return c.sum, err
}

// edit has an editor make the operation on key.
func (tx *Tx) edit(key string, ed editor) (bool, error) {
	if err := tx.use(); err != nil {
		return false, err
	}
	defer tx.mu.Unlock()
	if err := checkSizes(key, Attrs{}); err != nil {
		return false, err
	}
	old, err := tx.find(key)
	if err != nil {
		return false, err
	}
	var op Op
	tx.e.name(&op, key)
	if ok, err := ed.edit(tx.e, &op, old); err != nil || !ok {
		return false, err
	}
	if i, ok := tx.index[key]; ok { // what is kept may be what the transaction brings
		op.Keeps = op.Keeps && tx.req.ops[i].Keeps
	}
	return true, tx.put(key, op)
}

// find returns the record of the item that key has in the transaction, nil if there is none.
func (tx *Tx) find(key string) (*codec.Record, error) {
	if rec := tx.own(key); rec != nil {
		if tx.missing(rec) != nil {
			return nil, nil
		}
		old := *rec
		return &old, nil
	}
	tx.reads(key)
	var rec codec.Record
	stored, err := tx.e.find(tx.e.opt.Hash(key), key, nil, &rec, peeks)
	if isMiss(err) || err == nil && tx.e.clock.expired(rec.Expires, rec.Stored) {
		return nil, nil
	}
	rec.Value = stored
	return &rec, err
}
