package httpcache_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/httpcache"
)

// TestResetLarge: more keys than a transaction takes are reset all the same.
func TestResetLarge(t *testing.T) {
	c, err := diskcache.Open(t.TempDir(), &diskcache.Options{SizeLimit: 4 << 20, Policy: diskcache.PolicyNone})
	require.NoError(t, err)
	defer c.Close()
	s := httpcache.NewStorage(c, "p")
	for n := 0; err == nil; n++ {
		err = s.Set(fmt.Sprint(n), []byte("v"), 0)
	}
	require.ErrorIs(t, err, diskcache.ErrFull)
	require.NoError(t, s.Reset())
	n, err := c.Len()
	require.NoError(t, err)
	require.Zero(t, n)
}
