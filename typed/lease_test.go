package typed

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
)

// comes is a store into which another process sets something as a lease is taken.
type comes struct {
	*memory.Store
	set func()
}

func (c comes) Add(key string, value []byte, opts ...diskcache.SetOption) (bool, error) {
	c.set()
	return c.Store.Add(key, value, opts...)
}

// TestLeaseKeepsUndecodable: what another has set just before the lease was had, and does not
// decode, is not replaced.
func TestLeaseKeepsUndecodable(t *testing.T) {
	m := memory.New(nil)
	defer m.Close()
	s := New[string, int](comes{m, func() { require.NoError(t, m.Set("k", []byte("no number"))) }}, JSON[int](), Strings[string](), nil)
	defer s.Close()
	_, err := s.Fetch(t.Context(), "k", func(context.Context) (int, error) { return 1, nil }, &FetchOptions{Lease: time.Second})
	var d *DecodeError
	require.ErrorAs(t, err, &d)
	v, err := m.Get("k")
	require.NoError(t, err)
	require.Equal(t, "no number", string(v))
}
