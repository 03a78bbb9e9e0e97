package metrics_test

import (
	"encoding/json"
	"expvar"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
	"github.com/go-diskcache/diskcache/metrics"
)

// The variable is the statistics of the moment, each field of them.
func TestVar(t *testing.T) {
	onStores(t, func(t *testing.T, s diskcache.Store) {
		v := metrics.Var(s)
		require.NoError(t, s.Set("k", nil))
		for range 3 {
			_, err := s.Get("k")
			require.NoError(t, err)
		}
		var fields map[string]int64
		require.NoError(t, json.Unmarshal([]byte(v.String()), &fields))
		assert.Len(t, fields, reflect.TypeFor[diskcache.Stats]().NumField())
		assert.Equal(t, int64(3), fields["Hits"])
		_, err := s.Get("k")
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal([]byte(v.String()), &fields))
		assert.Equal(t, int64(4), fields["Hits"])
	})
}

// A store that has no statistics to give says why.
func TestVarError(t *testing.T) {
	s := memory.New(nil)
	require.NoError(t, s.Close())
	var fields map[string]string
	require.NoError(t, json.Unmarshal([]byte(metrics.Var(s).String()), &fields))
	assert.Equal(t, map[string]string{"Error": diskcache.ErrClosed.Error()}, fields)
}

// A name is given once, whoever asks for it meanwhile.
func TestPublish(t *testing.T) {
	s := closing(t, memory.New(nil))
	for i := range 200 {
		name := fmt.Sprint(t.Name(), i)
		var wg sync.WaitGroup
		var given atomic.Int64
		begin := make(chan struct{})
		for range 8 {
			wg.Go(func() {
				<-begin
				if err := metrics.Publish(name, s); err == nil {
					given.Add(1)
				} else {
					assert.ErrorIs(t, err, metrics.ErrPublished)
				}
			})
		}
		close(begin)
		wg.Wait()
		assert.Equal(t, int64(1), given.Load())
		assert.NotNil(t, expvar.Get(name))
	}
}
