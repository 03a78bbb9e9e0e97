package fanout

import (
	"errors"
	"fmt"

	"github.com/go-diskcache/diskcache"
)

// Options are how a store is opened. The zero value of each field is its default.
type Options struct {
	// Shards is how many directories there are, 1 to 1000. What a directory was first opened
	// with stays: 0 takes it as it is, another number is refused with a *ShardsError. Default: 8.
	Shards int
	// Options are those of the shards, but that the limits are of all together, each having
	// an equal share. A CountLimit below the number of shards is refused with ErrOption.
	diskcache.Options
}

const (
	defaultShards = 8
	maxShards     = 1000
)

// share returns the options of one of n shards.
func (o *Options) share(n int) *diskcache.Options {
	s := o.Options
	for _, limit := range []*int64{&s.SizeLimit, &s.CountLimit, &s.MinFreeSpace} {
		if *limit > 0 {
			*limit = max(1, *limit/int64(n))
		}
	}
	return &s
}

// ShardsError says that a directory has another number of shards than the options want. It
// matches diskcache.ErrOption.
type ShardsError struct {
	Dir        string
	Have, Want int
}

func (e *ShardsError) Error() string {
	return fmt.Sprintf("fanout: %s has %d shards, and not %d", e.Dir, e.Have, e.Want)
}

// Unwrap makes the error match diskcache.ErrOption.
func (e *ShardsError) Unwrap() error { return diskcache.ErrOption }

// PartialError says that a transaction was committed in some shards and not in others.
type PartialError struct {
	Committed []int // the shards whose changes were made
	Missing   []int // those whose changes were not
	Err       error // of the first that is missing
}

func (e *PartialError) Error() string {
	return fmt.Sprintf("fanout: committed in the shards %v and not in %v: %v", e.Committed, e.Missing, e.Err)
}

// Unwrap returns the error of the shard.
func (e *PartialError) Unwrap() error { return e.Err }

// ErrShards: the file that says how many shards there are says something else.
var ErrShards = errors.New("fanout: not a number of shards")
