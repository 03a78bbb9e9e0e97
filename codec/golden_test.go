package codec

import (
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// specFile is the specification; the bytes in it are the golden ones.
const specFile = "../docs/format.md"

// specBytes returns the bytes of the fenced block ```hex name. A line is an
// offset, two spaces, bytes parted by one space, and after two more spaces
// what they mean. The offsets must be right too.
func specBytes(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(specFile)
	require.NoError(t, err)
	_, block, ok := strings.Cut(string(text), "\n```hex "+name+"\n")
	require.True(t, ok, "no block %q in %s", name, specFile)
	block, _, ok = strings.Cut(block, "\n```")
	require.True(t, ok)

	var b []byte
	for line := range strings.SplitSeq(block, "\n") {
		parts := strings.SplitN(line, "  ", 3)
		require.GreaterOrEqual(t, len(parts), 2, line)
		off, err := strconv.ParseUint(parts[0], 16, 32)
		require.NoError(t, err, line)
		require.EqualValues(t, len(b), off, line)
		data, err := hex.DecodeString(strings.ReplaceAll(parts[1], " ", ""))
		require.NoError(t, err, line)
		b = append(b, data...)
	}
	return b
}

// The example of the specification, told in words there.
const (
	exampleID     = 0x2a
	exampleBefore = 1_700_000_000_000_000_000
	exampleSeq    = exampleBefore + 1
)

func exampleHeader() SegmentHeader {
	h := SegmentHeader{ID: exampleID, Seq: exampleBefore}
	for i := range h.CacheID {
		h.CacheID[i] = byte(i)
	}
	return h
}

func exampleFrame() Frame {
	return Frame{Length: 144, Seq: exampleSeq, Prev: exampleBefore}
}

func exampleRecords() []Record {
	rs := []Record{
		{
			Kind: KindPut, Flags: FlagReplaced, User: 7, Seq: exampleSeq,
			Expires: 1_700_000_060_500_000_000,
			Tag:     []byte("fruit"), Key: []byte("apple"), Value: []byte("red"),
		},
		{Kind: KindTombstone, Flags: FlagReplaced, Seq: exampleSeq, Key: []byte("pear")},
	}
	for i := range rs {
		rs[i].Hash = Sum(rs[i].Key)
		rs[i].Digest()
	}
	return rs
}

func exampleSegment() []byte {
	h := exampleHeader()
	b := AppendSegmentHeader(nil, &h)
	b = AppendFrameHeader(b, exampleID, int64(len(b)), exampleFrame())
	for _, r := range exampleRecords() {
		b = AppendRecord(b, exampleID, int64(len(b)), &r)
	}
	return b
}

func exampleHint() Hint {
	rs := exampleRecords()
	return Hint{
		CacheID: exampleHeader().CacheID, SegmentID: exampleID,
		Length: 208, FirstSeq: exampleSeq, LastSeq: exampleSeq,
		Entries: []HintEntry{
			{Hash: rs[0].Hash, Seq: exampleSeq, Off: 88, Size: 72, Kind: KindPut, Flags: FlagReplaced | FlagExpires | FlagExtra, Expires: HintExpires(rs[0].Expires)},
			{Hash: rs[1].Hash, Seq: exampleSeq, Off: 160, Size: 48, Kind: KindTombstone, Flags: FlagReplaced},
		},
	}
}

func TestSpecSegment(t *testing.T) {
	b := specBytes(t, "segment")
	require.Equal(t, hex.Dump(b), hex.Dump(exampleSegment()))

	h, at, err := ParseSegmentHeader(b)
	require.NoError(t, err)
	require.Equal(t, exampleHeader(), h)

	f, n, err := ParseFrameHeader(b[at:], exampleID, int64(at))
	require.NoError(t, err)
	require.Equal(t, exampleFrame(), f)
	require.EqualValues(t, len(b), int64(at)+f.Length)

	at += n
	for _, want := range exampleRecords() {
		var got Record
		n, err := ParseRecord(b[at:], exampleID, int64(at), &got)
		require.NoError(t, err)
		require.Equal(t, asParsed(want), normal(got))
		at += n
	}
	require.Equal(t, len(b), at)
}

func TestSpecHint(t *testing.T) {
	b := specBytes(t, "hint")
	want := exampleHint()
	require.Equal(t, hex.Dump(b), hex.Dump(AppendHint(nil, &want)))
	got, err := ParseHint(b)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func exampleState() State {
	return State{CacheID: exampleHeader().CacheID, Generation: 5, Words: []uint64{1, exampleSeq}}
}

func TestSpecState(t *testing.T) {
	b := specBytes(t, "state")
	want := exampleState()
	require.Equal(t, hex.Dump(b), hex.Dump(AppendState(nil, &want)))
	got, n, err := ParseState(b)
	require.NoError(t, err)
	require.Equal(t, len(b), n)
	require.Equal(t, want, got)
}

func TestSpecSettings(t *testing.T) {
	b := specBytes(t, "settings")
	want := exampleSettings
	require.Equal(t, hex.Dump(b), hex.Dump(AppendSettings(nil, &want)))
	got, err := ParseSettings(b)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

var exampleSettings = Settings{Generation: 3, SizeLimit: 1 << 30, CullLimit: -1, FileThreshold: 256 << 10, Policy: 2, Compression: 1}

var exampleLease = Lease{Holder: 0xfeed, Beats: 9}

func TestSpecLease(t *testing.T) {
	b := specBytes(t, "lease")
	require.Equal(t, hex.Dump(b), hex.Dump(AppendLease(nil, exampleLease)))
	got, n, err := ParseLease(b)
	require.NoError(t, err)
	require.Equal(t, len(b), n)
	require.Equal(t, exampleLease, got)
}

// asParsed returns r as ParseRecord gives it back.
func asParsed(r Record) Record {
	r.Flags, _ = r.lay()
	r.RawLen = r.rawLen()
	if r.First == 0 {
		r.First = r.Seq
	}
	if r.Stored == 0 {
		r.Stored = r.Seq
	}
	return normal(r)
}

// normal makes nil of the parts that are empty.
func normal(r Record) Record {
	for _, p := range []*[]byte{&r.Key, &r.Tag, &r.Value} {
		if len(*p) == 0 {
			*p = nil
		} else {
			*p = append([]byte(nil), *p...)
		}
	}
	return r
}
