package engine

import (
	"errors"
	"slices"

	"github.com/go-diskcache/diskcache/codec"
)

// GetMany returns the values of keys, as they were at one moment: nil where there is no item,
// and never nil where there is one. One that cannot be read is nil, and its error is part of
// the one returned.
//
// The keys are looked up in the index, then read, then looked up once more. If nothing has come
// between, all of them were there at once. After some tries nothing is applied meanwhile. Whether they
// had expired is judged by one instant.
func (e *Engine) GetMany(keys []string) ([][]byte, error) {
	m := &many{e: e, keys: keys, hashes: make([]uint64, len(keys))}
	for i, key := range keys {
		m.hashes[i] = e.opt.Hash(key)
		e.prefetch(m.hashes[i])
	}
	ok, err := m.read()
	for try := 1; !ok && err == nil && try < manyTries; try++ {
		ok, err = m.read()
	}
	if !ok && err == nil {
		var told error
		err = e.freeze(func() error {
			told = m.readFrozen()
			return told
		})
		if told != nil && errors.Is(err, told) {
			err = nil // what could not be read is told with the rest
		}
	}
	if err != nil {
		return nil, err
	}
	for i := range keys {
		e.stats.get(m.hashes[i], m.errs[i])
	}
	return m.values, m.err()
}

const manyTries = 3

// many is a GetMany under way.
type many struct {
	e      *Engine
	keys   []string
	hashes []uint64
	values [][]byte
	errs   []error
}

// read reads all keys, and reports whether it has seen them as they were at one moment.
func (m *many) read() (bool, error) {
	begun := m.e.applied.Load()
	before, err := m.lookUp()
	if err != nil {
		return false, err
	}
	m.readAll(func(i instant, key string) ([]byte, error) {
		var rec codec.Record
		return m.e.getAt(&i, key, nil, &rec)
	})
	after, err := m.lookUp()
	return err == nil && slices.Equal(before, after) && begun%2 == 0 && m.e.applied.Load() == begun, err
}

// readFrozen reads all keys while nothing is applied. It returns what went wrong with any.
func (m *many) readFrozen() error {
	m.readAll(func(i instant, key string) ([]byte, error) {
		_, v, err := m.e.readAsIs(i, key)
		return v, err
	})
	return m.err()
}

// readAll reads each key by a function, as of this instant.
func (m *many) readAll(read func(i instant, key string) ([]byte, error)) {
	now := m.e.clock.instant()
	m.values, m.errs = make([][]byte, len(m.keys)), make([]error, len(m.keys))
	for i, key := range m.keys {
		v, err := read(now, key)
		if m.errs[i] = err; err == nil && v == nil {
			v = []byte{}
		}
		m.values[i] = v
	}
}

// lookUp returns where the records of the keys are.
func (m *many) lookUp() (places []uint64, err error) {
	set, err := m.e.acquire(0) // which keeps the index
	if err != nil {
		return nil, err
	}
	defer set.Release(0)
	x := m.e.index.Load()
	places = make([]uint64, 0, len(m.keys))
	for i, key := range m.keys {
		entry, _ := x.Lookup(m.hashes[i])
		places = append(places, entry.Place)
		if side, ok := x.LookupSide(m.hashes[i], stringBytes(key)); ok {
			places = append(places, side.Place)
		}
	}
	return places, nil
}

func (m *many) err() error {
	var errs []error
	for i, err := range m.errs {
		if err != nil {
			m.values[i] = nil
			if !isMiss(err) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
