package contest

import (
	"errors"
	"time"
)

// Store is what is compared. Keys and values that are handed to it are the caller's again when
// the call has returned.
type Store interface {
	Set(key, value []byte) error
	// Get appends the value to buf, so that the caller owns it. A key that is not there is
	// ErrMissing.
	Get(key, buf []byte) ([]byte, error)
	// Delete deletes a key that is there.
	Delete(key []byte) error
	// Batch sets keys together, as cheaply as the store can.
	Batch(keys, values [][]byte) error
	// Compact takes back what space it can. errors.ErrUnsupported says that there is no such thing.
	Compact() error
	Close() error
}

// ErrMissing is the answer of Get for a key that is not there.
var ErrMissing = errors.New("not there")

// Kind is one of the stores, before it is opened.
type Kind struct {
	Promises
	Open func(dir string, o Options) (Store, error) `json:"-"`
}

// Promises are what a store states of itself. They are printed beside its figures: to do less is
// quicker.
type Promises struct {
	Name     string `json:"name"`
	Version  string `json:"version,omitempty"`
	Opened   string `json:"opened,omitempty"` // how, where that is not the default
	Verified bool   `json:"verified"`         // a Get notices damage
	Shared   bool   `json:"shared"`           // several processes may have it open and write
	Bounded  bool   `json:"bounded"`          // it stays below a limit of bytes
	Survives bool   `json:"survives"`         // what was set is there after kill -9
	Memory   bool   `json:"memory,omitempty"` // nothing outlives the process; it may forget
	Limit    bool   `json:"limit,omitempty"`  // no store, but what the machine can do
}

// Options are how a store is opened.
type Options struct {
	Sync        string           // "never"; "always": a write is on the disk when it returns; "interval", where there is one
	Compression string           // "none", or of values: "lz4" or "zstd", where there are such
	Keys        int              // that will be set, for what must be sized in advance
	ValueSize   int              // of them, on average
	Largest     int              // of the values
	Now         func() time.Time // the clock, where it is put ahead; nil: that of the machine
}

// Durable is whether a write must be on the disk when it returns.
func (o Options) Durable() bool { return o.Sync == "always" }

// Plain reports an error for options that only the library has.
func (o Options) Plain() error {
	if o.Compression != "none" || o.Sync != "never" && o.Sync != "always" {
		return errors.ErrUnsupported
	}
	return nil
}
