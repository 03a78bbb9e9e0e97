//go:build !race

package diskcache

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The common operations leave nothing to the collector: a Get makes the value that it returns.
func TestAllocations(t *testing.T) {
	const n = 1000
	c := benchCache(t, nil, n, 128)
	value, buf := make([]byte, 128), make([]byte, 0, 128)
	var key [16]byte
	i := 0
	next := func() string { i++; return benchKey(&key, i%n) }
	for _, op := range []struct {
		name   string
		allocs float64
		do     func() error
	}{
		{"Set", 0, func() error { return c.Set(next(), value) }},
		{"GetAppend", 0, func() error { _, err := c.GetAppend(next(), buf); return err }},
		{"Get", 1, func() error { _, err := c.Get(next()); return err }},
		{"Has", 0, func() error { _, err := c.Has(next()); return err }},
	} {
		err := error(nil)
		require.Equal(t, op.allocs, testing.AllocsPerRun(n, func() { // a fraction is the background's
			if e := op.do(); e != nil {
				err = e
			}
		}), op.name)
		require.NoError(t, err)
	}
}
