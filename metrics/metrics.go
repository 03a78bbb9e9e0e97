// Package metrics publishes the statistics of a diskcache.Store by expvar. The module in
// metrics/prometheus has them for Prometheus.
package metrics

import (
	"errors"
	"expvar"
	"fmt"
	"sync"

	"github.com/go-diskcache/diskcache"
)

// ErrPublished: there is a variable of that name.
var ErrPublished = errors.New("metrics: the name is taken")

var publishing sync.Mutex // held from looking for a name to taking it

// Publish publishes the statistics of s as the variable name, for /debug/vars. It stays there
// until the program ends. ErrPublished: the name is taken.
func Publish(name string, s diskcache.Store) error {
	publishing.Lock()
	defer publishing.Unlock()
	if expvar.Get(name) != nil {
		return fmt.Errorf("%w: %q", ErrPublished, name)
	}
	expvar.Publish(name, Var(s))
	return nil
}

// Var returns a variable that is the statistics of s at the moment when it is read: an object with
// the fields of diskcache.Stats or, where they cannot be had, one field, Error.
func Var(s diskcache.Store) expvar.Func {
	return func() any {
		stats, err := s.Stats()
		if err != nil {
			return struct{ Error string }{err.Error()}
		}
		return stats
	}
}
