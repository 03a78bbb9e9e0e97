package codec

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// sampleRecords are the forms of a record: without and with each part.
func sampleRecords() map[string]*Record {
	all := map[string]*Record{
		"put":        {Kind: KindPut, Key: []byte("key"), Value: []byte("value")},
		"nothing":    {Kind: KindPut},
		"whole word": {Kind: KindPut, Key: []byte("12345678"), Value: []byte("12345678")},
		"everything": {
			Kind: KindPut, Flags: FlagReplaced | FlagCollides, User: 0xBEEF, Compression: Zstd, RawLen: 100,
			First: 3, Stored: 4, Expires: 5, Key: []byte("a key"), Tag: []byte("a tag"), Value: []byte("a value"),
		},
		"file":      {Kind: KindPut, Flags: FlagFile, Key: []byte("k"), Value: sampleFileRef()},
		"tombstone": {Kind: KindTombstone, Flags: FlagReplaced, Key: []byte("key"), Stored: 9},
		"drop":      {Kind: KindDrop},
		"mark":      {Kind: KindMark},
		"later":     {Kind: 200, Key: []byte("key"), Value: []byte("?"), Compression: 9, RawLen: 0},
	}
	for _, r := range all {
		r.Seq, r.Hash = 1<<60, 0x0123456789abcdef
		r.Digest()
	}
	return all
}

const (
	sampleID  = 77
	sampleOff = 4096
)

func parseSample(b []byte) error {
	_, err := ParseRecord(b, sampleID, sampleOff, new(Record))
	return err
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		id, off := drawPlace(t)
		size := RecordSize(&r)
		b := AppendRecord(dirty("before", size), id, off, &r)
		require.Equal(t, "before", string(b[:6]))
		b = b[6:]
		require.Len(t, b, size)
		require.Zero(t, size%Align)
		require.Equal(t, b, AppendRecord(nil, id, off, &r), "what was in the room shows")

		var got Record
		n, err := ParseRecord(append(bytes.Clone(b), "behind"...), id, off, &got)
		require.NoError(t, err)
		require.Equal(t, size, n)
		require.Equal(t, asParsed(r), normal(got))
		require.Equal(t, r.WrittenFlags(), got.Flags)
		require.Equal(t, b, AppendRecord(nil, id, off, &got))
	})
}

func TestHeadRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		id, off := drawPlace(t)
		b := AppendRecord(nil, id, off, &r)
		h, err := ParseHead(b[:min(len(b), MaxHeadLen)], id, off)
		require.NoError(t, err)

		want := asParsed(r)
		require.Equal(t, Head{
			Kind: want.Kind, Flags: want.Flags, User: want.User, Compression: want.Compression,
			KeyLen: len(r.Key), TagLen: len(r.Tag), ValueLen: len(r.Value), RawLen: want.RawLen,
			Hash: r.Hash, Seq: r.Seq, First: want.First, Stored: want.Stored, Expires: r.Expires, Sum: r.Sum,
		}, h)
		require.Equal(t, len(b), h.Size())

		_, l := r.lay()
		end := l.head + l.tag + l.key
		require.True(t, bytes.Equal(r.Key, h.KeyIn(b)))
		require.NotNil(t, h.KeyIn(b[:end]))
		require.Nil(t, h.KeyIn(b[:end-1]))
	})
}

// The parts must not lead an append of the caller's into what lies behind them.
func TestRecordPartsAreClipped(t *testing.T) {
	b := AppendRecord(nil, sampleID, sampleOff, sampleRecords()["everything"])
	var r Record
	_, err := ParseRecord(b, sampleID, sampleOff, &r)
	require.NoError(t, err)
	h, err := ParseHead(b, sampleID, sampleOff)
	require.NoError(t, err)
	for _, part := range [][]byte{r.Tag, r.Key, r.Value, h.KeyIn(b)} {
		require.Equal(t, len(part), cap(part))
	}
}

func TestRecordFlips(t *testing.T) {
	for name, r := range sampleRecords() {
		t.Run(name, func(t *testing.T) {
			requireFlips(t, AppendRecord(nil, sampleID, sampleOff, r), parseSample)
		})
	}
}

func TestRecordCuts(t *testing.T) {
	for name, r := range sampleRecords() {
		t.Run(name, func(t *testing.T) {
			requireCuts(t, AppendRecord(nil, sampleID, sampleOff, r), parseSample)
		})
	}
}

// A head is known as long as it is whole, and tells how much is missing.
func TestRecordSizeOfDamaged(t *testing.T) {
	b := AppendRecord(nil, sampleID, sampleOff, sampleRecords()["everything"])
	n, err := ParseRecord(b[:MaxHeadLen], sampleID, sampleOff, new(Record))
	require.ErrorIs(t, err, ErrShort)
	require.Equal(t, len(b), n)

	for i := range b {
		c := bytes.Clone(b)
		c[i] ^= 0x10
		n, err := ParseRecord(c, sampleID, sampleOff, new(Record))
		require.Error(t, err)
		_, headErr := ParseHead(c, sampleID, sampleOff)
		if i < MaxHeadLen {
			require.Zero(t, n)
			require.Error(t, headErr)
		} else {
			require.ErrorIs(t, err, ErrChecksum)
			require.Equal(t, len(b), n)
			require.NoError(t, headErr)
		}
	}
}

func TestRecordElsewhere(t *testing.T) {
	b := AppendRecord(nil, sampleID, sampleOff, sampleRecords()["put"])
	elsewhere := func(id uint64, off int64) {
		_, err := ParseRecord(b, id, off, new(Record))
		require.ErrorIs(t, err, ErrChecksum)
		_, err = ParseHead(b, id, off)
		require.ErrorIs(t, err, ErrChecksum)
	}
	for bit := range 64 {
		elsewhere(sampleID^1<<bit, sampleOff)
		if bit < 63 {
			elsewhere(sampleID, sampleOff^1<<bit)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if id, off := drawPlace(t); id != sampleID || off != sampleOff {
			elsewhere(id, off)
		}
	})
}

// A body belongs to its head: parts of another record's do not fit.
func TestRecordForeignBody(t *testing.T) {
	one := &Record{Kind: KindPut, Key: []byte("key"), Value: []byte("one")}
	two := &Record{Kind: KindPut, Key: []byte("key"), Value: []byte("two")}
	swap := &Record{Kind: KindPut, Key: []byte("one"), Value: []byte("key")}
	one.Digest()
	two.Digest()
	swap.Digest()
	require.NotEqual(t, one.Sum, swap.Sum)
	same := &Record{Kind: KindPut, Key: []byte("x"), Tag: []byte("x"), Value: []byte("x")}
	same.Digest()
	require.NotEqual(t, bodySum(nil, []byte("y"), nil), bodySum([]byte("y"), nil, nil))
	require.NotEqual(t, same.Sum, bodySum([]byte("y"), []byte("y"), []byte("x")), "parts cancel")

	b := AppendRecord(nil, sampleID, sampleOff, one)
	copy(b[fixedHeadLen:], AppendRecord(nil, sampleID, sampleOff, two)[fixedHeadLen:])
	require.ErrorIs(t, parseSample(b), ErrChecksum)
}

// reseal makes the head's sum right again.
func reseal(b []byte) {
	if head := headLen(Flags(b[9])); head <= len(b) {
		le.PutUint32(b, placedSum(b[:head], sampleID, sampleOff, recordSalt))
	}
}

// What nobody writes is refused although its sums are right.
func TestRecordRules(t *testing.T) {
	set := func(at int, v byte) func([]byte) { return func(b []byte) { b[at] = v } }
	add := func(at int, v byte) func([]byte) { return func(b []byte) { b[at] |= v } }
	tests := []struct {
		name string
		base string
		make func(b []byte)
		want error
	}{
		{"kind 0", "put", set(8, 0), ErrKind},
		{"kind 5", "put", set(8, 5), ErrKind},
		{"kind 127", "put", set(8, 127), ErrKind},
		{"kind 128", "put", set(8, 128), nil},
		{"reserved flag", "put", add(9, 0x80), ErrLength},
		{"reserved bits beside no compression", "put", add(15, 0x10), ErrLength},
		{"reserved bits beside compression", "everything", add(15, 0x80), ErrLength},
		{"reserved bits of a later kind", "later", add(15, 0x10), ErrLength},
		{"unknown compression", "everything", set(15, 3), ErrKind},
		{"compression without extra", "put", set(15, byte(LZ4)), ErrLength},
		{"unknown compression without extra", "put", set(15, 3), ErrLength},
		{"key too long", "put", func(b []byte) { b[12], b[14] = 1, 1 }, ErrLength},
		{"value too long", "put", func(b []byte) { le.PutUint32(b[4:], MaxValueLen+1) }, ErrLength},
		{"value of 4 GiB", "put", func(b []byte) { le.PutUint32(b[4:], 1<<32-1) }, ErrLength},
		{"value as long as may be", "put", func(b []byte) { le.PutUint32(b[4:], MaxValueLen) }, ErrShort},
		{"key as long as may be", "put", func(b []byte) { b[12], b[14] = 0, 1 }, ErrShort},

		// First at 40, Stored at 48, Expires at 56, Extra at 64.
		{"first is seq", "everything", func(b []byte) { copy(b[40:48], b[16:24]) }, ErrLength},
		{"first is 0", "everything", func(b []byte) { clear(b[40:48]) }, ErrLength},
		{"stored is seq", "everything", func(b []byte) { copy(b[48:56], b[16:24]) }, ErrLength},
		{"stored is 0", "everything", func(b []byte) { clear(b[48:56]) }, ErrLength},
		{"expires is 0", "everything", func(b []byte) { clear(b[56:64]) }, ErrLength},
		{"raw length is stored length", "everything", func(b []byte) { copy(b[64:68], b[4:8]) }, ErrLength},
		{"raw length 0", "everything", func(b []byte) { clear(b[64:68]) }, ErrLength},
		{"raw length too long", "everything", func(b []byte) { le.PutUint32(b[64:], MaxValueLen+1) }, ErrLength},
		{"zero of extra", "everything", add(71, 1), ErrLength},
		{"raw length without compression", "everything", set(15, 0), ErrLength},
		{"compressed file", "everything", add(9, byte(FlagFile)), ErrLength},
		{"compressed tombstone", "everything", set(8, byte(KindTombstone)), ErrLength},

		{"tombstone with value", "put", set(8, byte(KindTombstone)), ErrLength},
		{"tombstone with file", "tombstone", add(9, byte(FlagFile)), ErrLength},
		{"drop with key", "tombstone", set(8, byte(KindDrop)), ErrLength},
		{"mark with key", "tombstone", set(8, byte(KindMark)), ErrLength},
		{"mark with file", "mark", add(9, byte(FlagFile)), ErrLength},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := AppendRecord(nil, sampleID, sampleOff, sampleRecords()[test.base])
			test.make(b)
			reseal(b)
			if err := parseSample(b); test.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, test.want)
			}
		})
	}
}

func TestRecordExtraForNothing(t *testing.T) {
	// An Extra that says neither tag nor compression.
	r := &Record{Kind: KindPut, Expires: 1}
	r.Digest()
	b := AppendRecord(nil, sampleID, sampleOff, r)
	b[9] = byte(FlagExtra)
	clear(b[fixedHeadLen:])
	reseal(b)
	require.ErrorIs(t, parseSample(b), ErrLength)
}

func TestRecordPadding(t *testing.T) {
	for n := range 9 {
		r := &Record{Kind: KindPut, Value: make([]byte, n)}
		r.Digest()
		b := AppendRecord(nil, sampleID, sampleOff, r)
		for i := fixedHeadLen + n; i < len(b); i++ {
			c := bytes.Clone(b)
			c[i] = 1
			require.ErrorIs(t, parseSample(c), ErrChecksum)
		}
	}
}

func TestRecordPanics(t *testing.T) {
	value := []byte("value")
	for name, r := range map[string]*Record{
		"key too long":          {Kind: KindPut, Key: make([]byte, MaxKeyLen+1)},
		"tag too long":          {Kind: KindPut, Tag: make([]byte, MaxTagLen+1)},
		"no kind":               {Value: value},
		"unknown kind":          {Kind: 99},
		"tombstone with value":  {Kind: KindTombstone, Value: value},
		"mark with key":         {Kind: KindMark, Key: value},
		"drop with tag":         {Kind: KindDrop, Tag: value},
		"unknown compression":   {Kind: KindPut, Compression: 3, RawLen: 100, Value: value},
		"wide compression":      {Kind: 200, Compression: 16, RawLen: 100, Value: value},
		"compressed to nothing": {Kind: KindPut, Compression: LZ4, RawLen: 5, Value: value},
	} {
		require.Panics(t, func() { AppendRecord(nil, 1, 64, r) }, name)
	}
	require.Panics(t, func() { AppendRecord(nil, 1, 65, &Record{Kind: KindPut}) })
}

func TestRecordLimits(t *testing.T) {
	r := &Record{Kind: KindPut, Key: make([]byte, MaxKeyLen), Tag: make([]byte, MaxTagLen), Value: []byte("v")}
	r.Digest()
	b := AppendRecord(nil, 1, 64, r)
	var got Record
	n, err := ParseRecord(b, 1, 64, &got)
	require.NoError(t, err)
	require.Equal(t, len(b), n)
	require.Len(t, got.Key, MaxKeyLen)
	require.Len(t, got.Tag, MaxTagLen)

	h := Head{KeyLen: MaxKeyLen, TagLen: MaxTagLen, ValueLen: MaxValueLen, Flags: flagsOptional}
	require.Positive(t, int32(h.Size()), "a size must fit 31 bits")
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	var r Record
	src := sampleRecords()["everything"]
	buf := make([]byte, 0, 1024)
	b := AppendRecord(nil, sampleID, sampleOff, src)
	f := AppendFrameHeader(nil, sampleID, sampleOff, Frame{Length: 64})
	h := SegmentHeader{ID: 1}
	s := AppendSegmentHeader(nil, &h)
	for name, hot := range map[string]func(){
		"Digest":              func() { src.Digest() },
		"RecordSize":          func() { RecordSize(src) },
		"AppendRecord":        func() { AppendRecord(buf, sampleID, sampleOff, src) },
		"ParseRecord":         func() { ParseRecord(b, sampleID, sampleOff, &r) },
		"ParseRecord, error":  func() { ParseRecord(b, sampleID, 0, &r) },
		"AppendFrameHeader":   func() { AppendFrameHeader(buf, sampleID, sampleOff, Frame{Length: 64}) },
		"ParseFrameHeader":    func() { ParseFrameHeader(f, sampleID, sampleOff) },
		"AppendSegmentHeader": func() { AppendSegmentHeader(buf, &h) },
		"ParseSegmentHeader":  func() { ParseSegmentHeader(s) },
		"ParseHead": func() {
			head, _ := ParseHead(b, sampleID, sampleOff)
			_, _ = head.KeyIn(b), head.Size()
		},
	} {
		require.Zero(t, testing.AllocsPerRun(100, hot), name)
	}
}

// TestDropOffset: a drop names a place where a record may begin, or none.
func TestDropOffset(t *testing.T) {
	for _, off := range []int64{-8, -1, 1, 7, math.MaxInt64, math.MinInt64, (math.MaxUint32 + 1) * Align} {
		r := Record{Kind: KindDrop, Hash: 42, Expires: Align, Seq: 1, First: 1, Stored: 1}
		r.Digest()
		b := AppendRecord(nil, 7, 88, &r)
		le.PutUint64(b[fixedHeadLen:], uint64(off))
		le.PutUint32(b, placedSum(b[:fixedHeadLen+optionalLen], 7, 88, recordSalt))
		_, err := ParseRecord(b, 7, 88, &r)
		require.ErrorIs(t, err, ErrLength, off)
	}
}
