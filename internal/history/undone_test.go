package history

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestUndone: what an error says was not done is an error, and no operation.
func TestUndone(t *testing.T) {
	for _, undone := range []bool{false, true} {
		var log []byte
		for _, r := range []Record{
			{Phase: Called, Client: 1, Time: 1, Kind: Set, Writes: []Cell{{Key: 1, Is: Value, Value: 7}}},
			{Phase: Returned, Client: 1, Time: 2, Err: "full", Undone: undone},
		} {
			log = r.Append(log)
		}
		m := NewMerger()
		require.NoError(t, m.Add(log))
		out := m.Merge()
		require.Len(t, out.Errors, 1)
		if undone {
			require.Empty(t, out.Ops)
			continue
		}
		require.Len(t, out.Ops, 1)
		require.True(t, out.Ops[0].Pending())
	}
}
