package contest

import (
	"errors"
	"iter"
	"time"
)

// What not every store has. An order for what a store lacks is answered by "unsupported".

// Expirer is a Store with a time to live.
type Expirer interface {
	// SetExpiring sets a key that lives an hour: longer than anything is measured.
	SetExpiring(key, value []byte) error
}

// Adder is a Store that sets a key only if it is not there.
type Adder interface {
	// Add reports whether it has set it.
	Add(key, value []byte) (bool, error)
}

// Counter is a Store of numbers that can be added to.
type Counter interface {
	// Incr adds 1 to a number, 0 if it is not there, and returns the sum.
	Incr(key []byte) (int64, error)
	// Number returns the number that Incr has left.
	Number(key []byte) (int64, error)
}

// Queue is a Store that has a queue besides.
type Queue interface {
	// Push stores a value at the back.
	Push(value []byte) error
	// Pull removes the value at the front. There is none: ErrMissing.
	Pull() ([]byte, error)
}

// Ordered is a Store that knows in which order its keys were inserted.
type Ordered interface {
	// PeekItem returns what was inserted first, or last.
	PeekItem(last bool) (key, value []byte, err error)
	// Keys returns all keys, from the first to the last. One is good until the next.
	Keys() iter.Seq2[[]byte, error]
}

// Sweeper is a Store that removes many items with one call, and returns how many.
type Sweeper interface {
	SetTagged(key, value []byte, tag string) error
	SetUntil(key, value []byte, end time.Time) error
	EvictTag(tag string) (int, error)
	// Expire removes what is over at a time, which its Options.Now returns as well.
	Expire(now time.Time) (int, error)
	Clear() (int, error)
	// Len returns how many items there are, those included that are over and not yet removed.
	Len() (int, error)
}

// has returns a store as one that has more.
func has[T any](s Store) (more T, err error) {
	more, ok := s.(T)
	if !ok {
		err = errors.ErrUnsupported
	}
	return more, err
}
