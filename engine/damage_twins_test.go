package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// TestDamagedTwin damages the record of one of two keys with the same hash, and
// then writes to the one or the other. What is sound stays.
func TestDamagedTwin(t *testing.T) {
	const first, second = "the key in the slot", "the key in the side table"
	for _, x := range []struct {
		name, damaged, written string
		del                    bool
	}{
		{"second damaged, set", second, second, false},
		{"second damaged, deleted", second, second, true},
		{"first damaged, set", first, first, false},
		{"first damaged, deleted", first, first, true},
		{"first damaged, second set", first, second, false},
		{"first damaged, second deleted", first, second, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			o := Options{oneStream: true, Hash: func(string) uint64 { return 1 << 60 }}
			mem := vfs.NewMem()
			e, err := Open(mem, o)
			require.NoError(t, err)
			want := map[string]string{first: "1", second: "2"}
			for _, key := range []string{first, second} {
				require.NoError(t, e.Set(key, []byte(want[key]), Attrs{}))
			}
			require.NoError(t, e.sealRest())
			seg := e.w.active[fresh].Segment
			b := mem.ReadFile(seg.Name())
			off := int64(codec.SegmentHeaderLen + codec.FrameHeaderLen)
			if x.damaged == second {
				_, off, err = secondRecord(seg.ID, b)
				require.NoError(t, err)
			}
			b[off+20] ^= 1 // in its head
			mem.WriteFile(seg.Name(), b)

			if x.del {
				_, err = e.Delete(x.written)
				delete(want, x.written)
			} else {
				want[x.written] = "anew"
				err = e.Set(x.written, []byte("anew"), Attrs{})
			}
			require.NoError(t, err)
			check := func() {
				for _, key := range []string{first, second} {
					v, err := e.Get(key, nil)
					switch {
					case key == x.damaged && key != x.written:
						require.Error(t, err)
					case want[key] == "":
						require.Error(t, err, "deleted")
					default:
						require.NoError(t, err, key)
						require.Equal(t, want[key], string(v))
					}
				}
			}
			check()
			_ = e.Close()
			e, err = Open(mem, o)
			require.NoError(t, err)
			check()
			_ = e.Close()
		})
	}
}

// secondRecord returns the place of the record in the second commit of a segment.
func secondRecord(id uint64, b []byte) (codec.Frame, int64, error) {
	const start = codec.SegmentHeaderLen
	f, _, err := codec.ParseFrameHeader(b[start:], id, start)
	return f, start + f.Length + codec.FrameHeaderLen, err
}
