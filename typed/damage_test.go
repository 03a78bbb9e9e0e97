package typed

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

// damaged is a store in which some items cannot be read until they are set again.
type damaged struct {
	diskcache.Store
	keys map[string]bool
}

func (d *damaged) Item(key string) (diskcache.Item, error) {
	if d.keys[key] {
		return diskcache.Item{}, &diskcache.CorruptError{File: "segment", Err: errLoad}
	}
	return d.Store.Item(key)
}

func (d *damaged) Has(key string) (bool, error) {
	if d.keys[key] {
		return false, &diskcache.CorruptError{File: "segment", Err: errLoad}
	}
	return d.Store.Has(key)
}

func (d *damaged) Set(key string, value []byte, opts ...diskcache.SetOption) error {
	delete(d.keys, key)
	return d.Store.Set(key, value, opts...)
}

// TestFetchDamaged: a value that the store cannot read is told of, loaded anew, and replaced; and where
// that fails, it is loaded the next time.
func TestFetchDamaged(t *testing.T) {
	for _, o := range []*FetchOptions{nil, {Missing: time.Minute}, {Lease: time.Minute}} {
		bubble(t, func(w *world) {
			d := &damaged{w.m, map[string]bool{"k": true, auxMissing + "k": true}}
			var told []error
			s := New[string](d, String(), Strings[string](), &Options[string]{Failed: func(key string, err error) {
				require.Equal(w, "k", key)
				told = append(told, err)
			}})
			require.NoError(w, w.m.Set("k", []byte("what was there")))
			_, err := s.Fetch(w.Context(), "k", func(context.Context) (string, error) { return "", errLoad }, o)
			require.ErrorIs(w, err, errLoad)
			require.True(w, d.keys["k"])
			w.is(s, "v1", o)
			require.Len(w, told, 2)
			for _, err := range told {
				require.ErrorIs(w, err, diskcache.ErrCorrupt)
			}
			w.is(s, "v1", o)
			w.called(1)
			require.Len(w, told, 2)

			require.NoError(w, s.Close())
		})
	}
}
