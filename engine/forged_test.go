package engine

import (
	"encoding/binary"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// forgeSnapshot changes a snapshot as somebody would who makes the sums right.
func forgeSnapshot(t *testing.T, mem *vfs.Mem, forge func(s *codec.Snapshot, b []byte)) {
	b := mem.ReadFile(codec.SnapshotName)
	s, err := codec.ParseSnapshotHead(b)
	require.NoError(t, err)
	forge(&s, b)
	for i := range s.Shards {
		r := &s.Shards[i]
		r.Sum = xxhash.Sum64(b[r.Offset:][:r.Length])
	}
	copy(b, codec.AppendSnapshotHead(nil, &s))
	mem.WriteFile(codec.SnapshotName, b)
}

// TestForgedSnapshot: a snapshot whose sums are right and whose content is not may
// cost items, but no panic and no memory. Nothing of it outlives a rebuild.
func TestForgedSnapshot(t *testing.T) {
	for name, forge := range map[string]func(s *codec.Snapshot, b []byte){
		"a slot far away":       func(s *codec.Snapshot, _ []byte) { s.Segments[0].Slot = 1<<(s.PlaceBits-s.OffBits) - 1 },
		"impossible place bits": func(s *codec.Snapshot, _ []byte) { s.PlaceBits, s.OffBits = 60, 30 },
		"places of no segment": func(s *codec.Snapshot, b []byte) {
			for _, r := range s.Shards {
				for at := r.Offset + 16; at < r.Offset+r.Length; at += 8 {
					if w := binary.LittleEndian.Uint64(b[at:]); w != 0 {
						binary.LittleEndian.PutUint64(b[at:], w|5<<s.OffBits)
					}
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			e, err := Open(mem, Options{})
			require.NoError(t, err)
			require.NoError(t, e.Set("a", []byte("v"), Attrs{}))
			require.NoError(t, e.Set("b", []byte("v"), Attrs{}))
			require.NoError(t, e.Close())
			forgeSnapshot(t, mem, forge)

			e, err = Open(mem, Options{})
			require.NoError(t, err)
			require.Less(t, len(e.w.bySlot), 1<<16)
			if v, err := e.Get("a", nil); err == nil {
				require.Equal(t, "v", string(v))
			} else {
				require.ErrorIs(t, err, ErrCorrupt)
			}
			_, err = e.Check(false)
			require.NoError(t, err)
			require.NoError(t, e.Set("a", []byte("w"), Attrs{})) // builds the index anew
			for key, want := range map[string]string{"a": "w", "b": "v"} {
				v, err := e.Get(key, nil)
				require.NoError(t, err)
				require.Equal(t, want, string(v))
			}
			_ = e.Close() // which tells what was found
		})
	}
}
