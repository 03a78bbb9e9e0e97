package fanout

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
)

// unsynced is a shard whose commits are made, and may not survive a power cut.
type unsynced struct{ diskcache.Store }

func (u unsynced) Begin(ctx ctx) (diskcache.Txn, error) {
	tx, err := u.Store.Begin(ctx)
	return unsyncedTx{tx}, err
}

type unsyncedTx struct{ diskcache.Txn }

func (u unsyncedTx) Commit() error { return errors.Join(diskcache.ErrNotSynced, u.Txn.Commit()) }

// TestNotSynced: a shard that could not sync has made its part, so the others make theirs.
func TestNotSynced(t *testing.T) {
	for at := range 3 {
		shards := inMemory(3, memory.Options{})
		shards[at] = unsynced{shards[at]}
		s := newStore(shards)
		var items []diskcache.KeyValue
		for i := range 100 {
			items = append(items, diskcache.KeyValue{Key: fmt.Sprint(i)})
		}
		err := s.SetMany(items)
		require.ErrorIs(t, err, diskcache.ErrNotSynced)
		var e *PartialError
		require.False(t, errors.As(err, &e))
		n, err := s.Len()
		require.NoError(t, err)
		require.Equal(t, 100, n)
		require.NoError(t, s.Close())
	}
}
