package collection

import "github.com/go-diskcache/diskcache"

// Errors to be matched with errors.Is. All of them match diskcache.ErrNotFound, too.
var (
	// ErrEmpty: there is no element that could be taken.
	ErrEmpty error = missing("collection: it is empty")
	// ErrIndex: the deque has no element at that place.
	ErrIndex error = missing("collection: no element at that place")
)

// missing is an error about something that is not there.
type missing string

func (m missing) Error() string { return string(m) }

// Is makes it match diskcache.ErrNotFound.
func (m missing) Is(target error) bool { return target == diskcache.ErrNotFound }
