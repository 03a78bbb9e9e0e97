package diskcache

import (
	"context"
	"errors"
	"iter"
)

// Store is what the packages above build on: a Cache, and all that can stand in the place
// of one. The packages memory, hybrid and fanout have others, and storetest tests them all
// alike.
//
// Every operation is atomic: no other, of any goroutine or process, comes between what it
// reads and what it writes.
type Store interface {
	Ops

	// GetMany returns the values of keys, in their order: nil for those that have no item.
	// A value that is there is never nil. The values belong to the caller. One that cannot
	// be read is nil too, and its error is part of the one returned.
	GetMany(keys []string) ([][]byte, error)

	// SetMany stores all items, or none, in the order given.
	SetMany(items []KeyValue, opts ...SetOption) error

	// DeleteMany removes all keys, or none, and returns how many had an item.
	DeleteMany(keys []string) (int, error)

	// Begin begins a transaction. Other writers wait until it ends, readers do not. It
	// waits for them no longer than ctx lets it, and returns ErrTimeout then; ctx does not
	// end the transaction. Who has begun one writes by it alone until it ends: anything
	// else would wait for it for ever.
	Begin(ctx context.Context) (Txn, error)

	// Wait returns when the item of key has another version than the one given, where 0 is
	// that there is no item; an item that expires meanwhile ends the wait, too. It does not
	// spin, and returns the error of ctx when that ends.
	Wait(ctx context.Context, key string, version uint64) error

	// Scan returns the keys of a range, in its order. What is there from the beginning to the
	// end of the walk comes once. Keys that come after the walk began are not seen in the order
	// of insertion, and may be in that of keys. The store may be changed meanwhile. An item that
	// cannot be read yields its error, and the walk goes on.
	Scan(r Range) iter.Seq2[string, error]

	// ScanItems returns the items of a range, as Scan does their keys, each as it is when it
	// is yielded.
	ScanItems(r Range) iter.Seq2[Item, error]

	// Len returns the number of items; those that have expired and are not yet removed count.
	Len() (int, error)

	// Volume returns how many bytes the items take.
	Volume() (int64, error)

	// Clear, EvictTag, Expire and Cull remove items, and return how many: all, those that have
	// a tag, those that have expired, and what is beyond the limits.
	Clear() (int, error)
	EvictTag(tag string) (int, error)
	Expire() (int, error)
	Cull() (int, error)

	// Stats returns the statistics.
	Stats() (Stats, error)

	// Close ends the use of the store.
	Close() error
}

// Ops are the operations that a Store and a transaction have in common.
type Ops interface {
	// Get returns the value of key, which is the caller's. Errors: ErrNotFound (an expired
	// item is ErrExpired, which matches it), a *CorruptError, ErrClosed, those of the disk.
	Get(key string) ([]byte, error)

	// GetAppend appends the value of key to buf. After an error it returns buf.
	GetAppend(key string, buf []byte) ([]byte, error)

	// Item returns the value of key and what is known of it. Errors are those of Get. The
	// version of what the transaction itself has set is 0.
	Item(key string) (Item, error)

	// Has reports whether key has an item.
	Has(key string) (bool, error)

	// Set stores value under key in place of what was there. The caller keeps value.
	Set(key string, value []byte, opts ...SetOption) error

	// Add stores value if key has no item, and reports whether it has done so.
	Add(key string, value []byte, opts ...SetOption) (bool, error)

	// Replace stores value if key has an item, and reports whether it has done so.
	Replace(key string, value []byte, opts ...SetOption) (bool, error)

	// CompareAndSwap stores value if the item of key still has the version, which Item tells;
	// version 0 is that there is none. It reports whether it has done so.
	CompareAndSwap(key string, version uint64, value []byte, opts ...SetOption) (bool, error)

	// GetOrSet returns the value of key, or stores one if there is none. loaded reports which.
	GetOrSet(key string, value []byte, opts ...SetOption) (actual []byte, loaded bool, err error)

	// Incr adds delta to the number that key has and returns the sum. A number is stored as
	// its decimal digits. Where there is none it begins at 0, and opts are stored with it;
	// one that is there keeps its time to live, its tag and its kind. ErrNotNumber: the value is
	// not an integer. ErrOverflow: the sum is none of int64. Nothing is changed then.
	Incr(key string, delta int64, opts ...SetOption) (int64, error)

	// Decr is Incr of -delta.
	Decr(key string, delta int64, opts ...SetOption) (int64, error)

	// IncrFloat is Incr of floating-point numbers, stored as the shortest text that reads
	// back as the same. It takes integers, too. ErrOverflow: the sum is not finite.
	IncrFloat(key string, delta float64, opts ...SetOption) (float64, error)

	// Touch changes when an item expires to what opts say, TTL or ExpireAt; without either it
	// never does. It keeps the rest, and reports whether there is an item.
	Touch(key string, opts ...SetOption) (bool, error)

	// Pop removes an item and returns it. ErrNotFound: there is none.
	Pop(key string) (Item, error)

	// Delete removes key and reports whether it had an item.
	Delete(key string) (bool, error)

	// Push stores value at an end of the queue prefix and returns the key under which it is
	// stored: the prefix, a dash, and fifteen digits; without a prefix, only these. The
	// keys of a queue are all that look so, whoever has set them.
	Push(prefix string, value []byte, side Side, opts ...SetOption) (key string, err error)

	// Pull removes the item at an end of a queue and returns it. What has expired there is
	// passed over. ErrNotFound: the queue is empty.
	Pull(prefix string, side Side) (Item, error)

	// Peek is Pull that does not remove.
	Peek(prefix string, side Side) (Item, error)

	// QueueAt returns the item at a place of a queue, counted from its front; a negative one
	// is counted from the back, -1 being the last. ErrNotFound: there is none.
	QueueAt(prefix string, i int) (Item, error)

	// QueueLen returns how many items a queue has; those that have expired count.
	QueueLen(prefix string) (int, error)

	// PeekItem returns the item that was inserted first (Front) or last (Back). Setting a key
	// that has an item does not change its place. ErrNotFound: the store is empty.
	PeekItem(side Side) (Item, error)
}

// Txn is a transaction that is held open: the store as it is, with the transaction's own
// changes on top. It is for one goroutine at a time; a use while another is under way returns
// ErrTxBusy, one after its end ErrTxDone.
type Txn interface {
	Ops

	// Begin begins a transaction within this one. It joins: there is one transaction, which is
	// committed when the outermost is.
	Begin() (Txn, error)

	// Commit ends the transaction, and makes its changes, all at once or none. Within another
	// one it only ends its own use.
	Commit() error

	// Rollback ends the transaction; nothing has changed. Within another one the outer can
	// only be rolled back then: its Commit returns ErrTxRolledBack. After Commit it does
	// nothing, and returns nil, so that it may be deferred.
	Rollback() error
}

// Side is an end of a queue, or of the order of insertion.
type Side uint8

const (
	Front Side = iota // what came first
	Back              // what came last
)

// Order is how a range is walked.
type Order uint8

const (
	ByInsertion Order = iota // as keys were first stored, since they were last absent
	ByKey                    // by the bytes of the keys
)

// Range is a part of the keys of a store, and an order of them. The zero value is all of them
// as they were inserted.
type Range struct {
	Order   Order
	Reverse bool
	Prefix  string // keys that begin with it
	From    string // keys from this one on
	To      string // keys before this one; empty: no end
	Tag     string // items that have this tag; empty: any or none
}

// Transact calls fn within a transaction of s, and commits what it has done or, if it returns
// an error or panics, rolls it back. fn is to use tx alone.
func Transact(ctx context.Context, s Store, fn func(tx Txn) error) error {
	tx, err := s.Begin(ctx)
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // fn has panicked, which says more than what a rollback may
			_ = tx.Rollback()
		}
	}()
	if err := fn(tx); err != nil {
		done = true
		return join(err, tx.Rollback())
	}
	done = true
	return tx.Commit()
}

// join is errors.Join that leaves an only error as it is.
func join(err, more error) error {
	if more == nil {
		return err
	}
	if err == nil {
		return more
	}
	return errors.Join(err, more)
}
