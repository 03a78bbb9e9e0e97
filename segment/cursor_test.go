package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
)

func sampleLog() *testLog {
	l := newTestLog()
	l.commit("a")
	l.commit("b", strings.Repeat("c", 100), "")
	l.commit("d")
	l.mark("e", "f")
	l.commit("g", "h", "i")
	return l
}

func TestCursorReadsAll(t *testing.T) {
	l := sampleLog()
	got, c := readLog(t, l.b, 0)
	require.Equal(t, l.all(), got)
	require.Equal(t, int64(len(l.b)), c.End())
	require.Empty(t, c.Damages())
}

// TestCursorCut cuts the log at every byte, and puts behind it what a crash might:
// what is found is the commits that are whole.
func TestCursorCut(t *testing.T) {
	l := sampleLog()
	for n := codec.SegmentHeaderLen; n < len(l.b); n++ {
		for _, tail := range []string{"", strings.Repeat("\x00", 100), strings.Repeat("\xff", 77), strings.Repeat("\x00", 4096) + "x"} {
			want := map[string]string{}
			end := int64(codec.SegmentHeaderLen)
			b := append(bytes.Clone(l.b[:n]), tail...)
			for _, c := range l.commits {
				// the zeros behind may be the padding that was cut
				if c.End <= int64(len(b)) && bytes.Equal(b[:c.End], l.b[:c.End]) {
					end = c.End
					for _, r := range c.Records {
						want[string(r.Key)] = string(r.Value)
					}
				}
			}
			got, c := readLog(t, b, 0)
			require.Equal(t, want, got, "cut at %d, then %d bytes", n, len(tail))
			require.Equal(t, end, c.End(), "cut at %d", n)
			for _, d := range c.Damages() {
				require.False(t, d.Synced, "a torn end is no damage: %+v", d)
			}
		}
	}
	for n := range codec.SegmentHeaderLen {
		got, _ := readLog(t, l.b[:n], 0)
		require.Empty(t, got)
	}
}

// TestCursorSizes has commits end at, before and behind the window's end.
func TestCursorSizes(t *testing.T) {
	for d := -48; d <= 48; d += 8 {
		l := newTestLog()
		l.commit("first")
		l.commit(strings.Repeat("x", window-len(l.b)-codec.FrameHeaderLen-codec.MinRecordLen-8+d))
		l.commit("last")
		got, _ := readLog(t, l.b, 0)
		require.Len(t, got, 3, "d=%d", d)
		// and with the middle damaged, so that the cursor searches across it
		l.b[l.commits[1].Off+5]++
		got, _ = readLog(t, l.b, 0)
		require.Equal(t, "last", got["key3-0"], "d=%d", d)
	}
}

// TestCursorExtend has a cursor that came to its end go on when the log has become longer,
// unless it has looked at what was no commit yet.
func TestCursorExtend(t *testing.T) {
	l := sampleLog()
	whole := int64(len(l.b))
	for i := range l.commits {
		end := l.commits[i].Off
		for _, blank := range []int64{0, 8, 64} {
			b := append(bytes.Clone(l.b[:end]), make([]byte, whole-end)...)
			got := map[string]string{}
			c := ResumeCursor(bytes.NewReader(b), testID, codec.SegmentHeaderLen, end+blank)
			collect(c, got)
			require.False(t, c.Extend(end+blank-1))
			copy(b, l.b)
			if blank > 0 {
				require.False(t, c.Extend(whole), "commit %d", i)
				c = ResumeCursor(bytes.NewReader(b), testID, c.End(), whole)
			} else {
				require.True(t, c.Extend(whole), "commit %d", i)
			}
			collect(c, got)
			require.NoError(t, c.Err())
			require.Equal(t, l.all(), got, "commit %d", i)
		}
	}
}

func collect(c *Cursor, into map[string]string) {
	for c.Next() {
		for _, r := range c.Commit().Records {
			into[string(r.Key)] = string(r.Value)
		}
	}
}

// TestCursorDamage flips every bit. Commits that are known to be synced lose the
// record that was hit and nothing else; others are dropped whole.
func TestCursorDamage(t *testing.T) {
	l := sampleLog()
	all := l.all()
	for _, synced := range []int64{0, int64(len(l.b))} {
		for bit := range len(l.b) * 8 {
			at := int64(bit / 8)
			b := bytes.Clone(l.b)
			b[at] ^= 1 << (bit % 8)
			c, err := NewCursor(bytes.NewReader(b), testID, int64(len(b)), synced)
			require.NoError(t, err)
			got := map[string]string{}
			hashes := map[uint64]bool{}
			for c.Next() {
				for _, r := range c.Commit().Records {
					if r.Damaged {
						hashes[r.Hash] = true
					} else {
						got[string(r.Key)] = string(r.Value)
					}
				}
			}
			require.NoError(t, c.Err())
			for _, com := range l.commits {
				hit := at >= com.Off && at < com.End
				// the marks of the fourth commit tell that the first three are synced
				known := synced > com.Off || com.Seq <= 3 && !(at >= l.commits[3].Off && at < l.commits[3].End)
				for _, r := range com.Records {
					touched := at >= r.Off && at < r.Off+r.Size
					v, ok := got[string(r.Key)]
					if ok {
						require.Equal(t, all[string(r.Key)], v, "bit %d", bit)
					}
					switch {
					case touched:
						require.False(t, ok, "bit %d in the record", bit)
					case !hit || known:
						require.True(t, ok, "bit %d at %d: record at %d of commit %d lost, synced %d", bit, at, r.Off, com.Seq, synced)
					}
				}
				if hit && at >= codec.SegmentHeaderLen {
					require.NotEmpty(t, c.Damages(), "bit %d", bit)
				}
			}
			require.LessOrEqual(t, len(hashes), 1)
		}
	}
}

// TestCursorAtomic damages one record of an unsynced commit of several.
func TestCursorAtomic(t *testing.T) {
	l := newTestLog()
	l.commit("a")
	l.commit("b", "c", "d")
	l.commit("e")
	l.b[l.commits[1].Records[1].Off+45]++
	got, c := readLog(t, l.b, 0)
	require.Equal(t, map[string]string{"key1-0": "a", "key3-0": "e"}, got)
	require.Len(t, c.Damages(), 1)
	require.False(t, c.Damages()[0].Synced)
}

// TestCursorForged stores a copy of the segment as a value of itself: what looks
// like commits there must not be taken for commits, also behind damage.
func TestCursorForged(t *testing.T) {
	inner := sampleLog()
	l := newTestLog()
	l.commit(string(inner.b))
	l.commit("x")
	l.b[l.commits[0].Off+3]++
	got, _ := readLog(t, l.b, int64(len(l.b)))
	require.Equal(t, map[string]string{"key1-0": string(inner.b), "key2-0": "x"}, got, "the record is sound, only the frame was hit")
	l.b[l.commits[0].Records[0].Off+3]++
	got, _ = readLog(t, l.b, int64(len(l.b)))
	require.Equal(t, map[string]string{"key2-0": "x"}, got)
}

func TestCursorVersion(t *testing.T) {
	l := sampleLog()
	l.b[8] = codec.Version + 1
	// a header with a checksum that is right, as a later version would write it
	b := codec.AppendSegmentHeader(nil, &codec.SegmentHeader{ID: testID})
	b[8] = codec.Version + 1
	sum := codec.Sum(b[:codec.SegmentHeaderLen-8])
	for i := range 8 {
		b[codec.SegmentHeaderLen-8+i] = byte(sum >> (8 * i))
	}
	_, err := NewCursor(bytes.NewReader(b), testID, int64(len(b)), 0)
	require.ErrorIs(t, err, codec.ErrVersion)
	_, c := readLog(t, l.b, 0) // without it, it is damage
	require.NotEmpty(t, c.Damages())
}

type failingReader struct {
	b    []byte
	fail int64
}

var errDisk = errors.New("disk fails")

func (r failingReader) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > r.fail {
		return 0, errDisk
	}
	return bytes.NewReader(r.b).ReadAt(b, off)
}

func TestCursorReadError(t *testing.T) {
	l := newTestLog()
	for i := range 40 {
		l.commit(strings.Repeat(fmt.Sprint(i%10), 100<<10))
	}
	c, err := NewCursor(failingReader{l.b, window + 10}, testID, int64(len(l.b)), 0)
	require.NoError(t, err)
	n := 0
	for c.Next() {
		n++
	}
	require.ErrorIs(t, c.Err(), errDisk)
	require.Positive(t, n)
	require.False(t, c.Next())
}

func FuzzCursor(f *testing.F) {
	l := sampleLog()
	f.Add(l.b, int64(0))
	f.Add(l.b, int64(len(l.b)))
	f.Add(l.b[:len(l.b)/2], int64(100))
	f.Fuzz(func(t *testing.T, b []byte, synced int64) {
		c, err := NewCursor(bytes.NewReader(b), testID, int64(len(b)), synced)
		if err != nil {
			return
		}
		last := int64(0)
		for c.Next() {
			com := c.Commit()
			if com.Off < last || com.End > int64(len(b)) || com.End <= com.Off {
				t.Fatalf("commit from %d to %d behind %d", com.Off, com.End, last)
			}
			last = com.End
			for _, r := range com.Records {
				if r.Off < com.Off || r.Off+r.Size > com.End {
					t.Fatalf("record at %d of commit from %d to %d", r.Off, com.Off, com.End)
				}
			}
		}
		if err := c.Err(); err != nil && errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	})
}
