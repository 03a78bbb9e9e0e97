package prometheus

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

// counted is a store of which there is nothing but statistics.
type counted struct {
	diskcache.Store
	stats diskcache.Stats
	err   error
}

func (c counted) Stats() (diskcache.Stats, error) { return c.stats, c.err }

// numbered returns statistics in which each field has a value of its own, from 1 on.
func numbered() diskcache.Stats {
	var s diskcache.Stats
	v := reflect.ValueOf(&s).Elem()
	for i := range v.NumField() {
		v.Field(i).SetInt(int64(i + 1))
	}
	return s
}

// Every field of the statistics is published, each once and as itself.
func TestFields(t *testing.T) {
	s := numbered()
	v := reflect.ValueOf(s)
	require.Len(t, fields, v.NumField())
	for i, f := range fields {
		want := float64(i + 1)
		if f.name == "open_seconds" {
			want /= 1e9
		}
		assert.InDelta(t, want, f.value(&s), 1e-12, v.Type().Field(i).Name)
	}
}

func TestCollector(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	require.NoError(t, reg.Register(NewCollector(counted{stats: numbered()}, prometheus.Labels{"cache": "a"})))
	require.NoError(t, reg.Register(NewCollector(counted{stats: numbered()}, prometheus.Labels{"cache": "b"})))
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP diskcache_hits_total Reads that found an item.
# TYPE diskcache_hits_total counter
diskcache_hits_total{cache="a"} 1
diskcache_hits_total{cache="b"} 1
# HELP diskcache_items Items.
# TYPE diskcache_items gauge
diskcache_items{cache="a"} 20
diskcache_items{cache="b"} 20
`), "diskcache_hits_total", "diskcache_items"))
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// Two stores that no label tells apart are refused by the registry.
func TestCollectorTwice(t *testing.T) {
	reg := prometheus.NewRegistry()
	require.NoError(t, reg.Register(NewCollector(counted{}, nil)))
	assert.Error(t, reg.Register(NewCollector(counted{}, nil)))
}

func TestCollectorError(t *testing.T) {
	reg := prometheus.NewRegistry()
	broken := errors.New("broken")
	require.NoError(t, reg.Register(NewCollector(counted{err: broken}, nil)))
	_, err := reg.Gather()
	assert.ErrorContains(t, err, "broken")
}
