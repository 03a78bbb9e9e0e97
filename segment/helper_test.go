package segment

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

const testID = 0x1234

// testLog is the image of a segment, made without a Writer.
type testLog struct {
	b       []byte
	commits []Commit
	seq     uint64
}

func newTestLog() *testLog {
	return &testLog{b: codec.AppendSegmentHeader(nil, &codec.SegmentHeader{ID: testID, Seq: 1})}
}

// commit appends a commit of puts, one for each value.
func (l *testLog) commit(values ...string) {
	l.seq++
	var recs []codec.Record
	for i, v := range values {
		key := fmt.Sprintf("key%d-%d", l.seq, i)
		recs = append(recs, codec.Record{Kind: codec.KindPut, Seq: l.seq, Hash: codec.Sum([]byte(key)), Key: []byte(key), Value: []byte(v)})
	}
	l.append(recs...)
}

// mark appends a commit that states that the log is synced up to here.
func (l *testLog) mark(values ...string) {
	l.seq++
	recs := []codec.Record{{Kind: codec.KindMark, Seq: l.seq, Hash: uint64(len(l.b))}}
	for i, v := range values {
		key := fmt.Sprintf("key%d-%d", l.seq, i)
		recs = append(recs, codec.Record{Kind: codec.KindPut, Seq: l.seq, Hash: codec.Sum([]byte(key)), Key: []byte(key), Value: []byte(v)})
	}
	l.append(recs...)
}

func (l *testLog) append(recs ...codec.Record) {
	start := int64(len(l.b))
	length := int64(codec.FrameHeaderLen)
	for i := range recs {
		length += int64(codec.RecordSize(&recs[i]))
	}
	c := Commit{Seq: l.seq, Prev: l.seq - 1, Off: start, End: start + length}
	l.b = codec.AppendFrameHeader(l.b, testID, start, codec.Frame{Length: length, Seq: l.seq, Prev: l.seq - 1})
	for i := range recs {
		recs[i].Digest()
		off := int64(len(l.b))
		l.b = codec.AppendRecord(l.b, testID, off, &recs[i])
		if recs[i].Kind != codec.KindMark {
			c.Records = append(c.Records, Record{Record: recs[i], Off: off, Size: int64(len(l.b)) - off})
		}
	}
	l.commits = append(l.commits, c)
}

// read returns the values that a cursor finds in b, by key, those of damaged
// records as "!".
func readLog(t *testing.T, b []byte, synced int64) (map[string]string, *Cursor) {
	t.Helper()
	c, err := NewCursor(bytes.NewReader(b), testID, int64(len(b)), synced)
	require.NoError(t, err)
	got := map[string]string{}
	for c.Next() {
		for _, r := range c.Commit().Records {
			if r.Damaged {
				got[fmt.Sprint("damaged ", r.Hash)] = "!"
				continue
			}
			got[string(r.Key)] = string(r.Value)
		}
	}
	require.NoError(t, c.Err())
	return got, c
}

func (l *testLog) all() map[string]string {
	m := map[string]string{}
	for _, c := range l.commits {
		for _, r := range c.Records {
			m[string(r.Key)] = string(r.Value)
		}
	}
	return m
}

// newWriter returns a writer in a fresh memory.
func newWriter(t *testing.T) (*Writer, *vfs.Mem) {
	t.Helper()
	mem := vfs.NewMem()
	w, err := Create(mem, NewFiles(8, false), 0, codec.SegmentHeader{ID: testID})
	require.NoError(t, err)
	return w, mem
}

// frame encodes a commit of one put for w.
func frame(w *Writer, seq uint64, key, value string) []byte {
	rec := codec.Record{Kind: codec.KindPut, Seq: seq, Hash: codec.Sum([]byte(key)), Key: []byte(key), Value: []byte(value)}
	rec.Digest()
	at := w.Offset()
	b := codec.AppendFrameHeader(nil, testID, at, codec.Frame{Length: int64(codec.FrameHeaderLen + codec.RecordSize(&rec)), Seq: seq})
	return codec.AppendRecord(b, testID, at+int64(len(b)), &rec)
}
