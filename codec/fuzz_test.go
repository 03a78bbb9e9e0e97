package codec

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each target feeds noise to a decoder twice: as it is, and with its sums made
// right, without which a fuzzer would see nothing but ErrChecksum. What is
// accepted must come out of the encoder again byte by byte.

// repairRecord makes the sums of the record at the beginning of b right, as far
// as its fields let it.
func repairRecord(b []byte, id uint64, off int64) {
	if len(b) < fixedHeadLen {
		return
	}
	head := headLen(Flags(b[9]))
	if len(b) < head {
		return
	}
	var r Record
	keyLen, valueLen := uint64(le.Uint32(b[12:])&keyLenMask), uint64(le.Uint32(b[4:]))
	tagLen := uint64(0)
	if Flags(b[9])&FlagExtra != 0 {
		tagLen = uint64(le.Uint16(b[head-4:]))
	}
	if body := b[head:]; uint64(len(body)) >= tagLen+keyLen+valueLen {
		r.Tag, r.Key, r.Value = body[:tagLen], body[tagLen:tagLen+keyLen], body[tagLen+keyLen:tagLen+keyLen+valueLen]
		r.Digest()
		le.PutUint64(b[32:], r.Sum)
	}
	le.PutUint32(b, placedSum(b[:head], id, off, recordSalt))
}

func addRecords(f *testing.F) {
	for _, r := range sampleRecords() {
		f.Add(AppendRecord(nil, sampleID, sampleOff, r), uint64(sampleID), int64(sampleOff/Align))
	}
	f.Add(exampleSegment()[SegmentHeaderLen+FrameHeaderLen:], uint64(exampleID), int64(firstRecordAt/Align))
}

func FuzzParseRecord(f *testing.F) {
	addRecords(f)
	f.Fuzz(func(t *testing.T, b []byte, id uint64, off int64) {
		off *= Align
		for range 2 {
			var r Record
			n, err := ParseRecord(b, id, off, &r)
			h, headErr := ParseHead(b, id, off)
			require.Equal(t, headErr == nil, n > 0)
			if headErr == nil {
				require.Equal(t, n, h.Size())
			}
			if err == nil {
				require.Equal(t, n, RecordSize(&r))
				require.True(t, bytes.Equal(b[:n], AppendRecord(nil, id, off, &r)))
			}
			b = bytes.Clone(b)
			repairRecord(b, id, off)
		}
	})
}

func FuzzParseHead(f *testing.F) {
	addRecords(f)
	f.Fuzz(func(t *testing.T, b []byte, id uint64, off int64) {
		off *= Align
		for range 2 {
			h, err := ParseHead(b, id, off)
			if err != nil {
				require.Zero(t, h)
			} else {
				require.GreaterOrEqual(t, h.Size(), MinRecordLen)
				if key := h.KeyIn(b); key != nil {
					require.Len(t, key, h.KeyLen)
				}
				whole := min(len(b), MaxHeadLen)
				same, err := ParseHead(b[:whole:whole], id, off)
				require.NoError(t, err)
				require.Equal(t, h, same)
			}
			b = bytes.Clone(b)
			repairRecord(b, id, off)
		}
	})
}

func FuzzParseFrameHeader(f *testing.F) {
	f.Add(AppendFrameHeader(nil, 1, 64, Frame{Length: 144, Seq: 5, Prev: 4}), uint64(1), int64(8))
	f.Add(exampleSegment()[SegmentHeaderLen:], uint64(exampleID), int64(SegmentHeaderLen/Align))
	f.Fuzz(func(t *testing.T, b []byte, id uint64, off int64) {
		off *= Align
		for range 2 {
			frame, n, err := ParseFrameHeader(b, id, off)
			if err == nil {
				require.True(t, bytes.Equal(b[:n], AppendFrameHeader(nil, id, off, frame)))
			} else {
				require.Zero(t, n)
			}
			if len(b) < FrameHeaderLen {
				return
			}
			b = bytes.Clone(b)
			le.PutUint32(b, placedSum(b[:FrameHeaderLen], id, off, frameSalt))
		}
	})
}

func FuzzParseSegmentHeader(f *testing.F) {
	f.Add(exampleSegment())
	f.Fuzz(func(t *testing.T, b []byte) {
		for range 2 {
			h, n, err := ParseSegmentHeader(b)
			if err == nil {
				require.True(t, bytes.Equal(b[:n], AppendSegmentHeader(nil, &h)))
			}
			if len(b) < SegmentHeaderLen {
				return
			}
			b = sumHeader(bytes.Clone(b), SegmentHeaderLen)
		}
	})
}

func FuzzParseState(f *testing.F) {
	s := exampleState()
	f.Add(AppendState(nil, &s))
	f.Add(AppendState(nil, &State{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for range 2 {
			s, n, err := ParseState(b)
			if err == nil {
				require.True(t, bytes.Equal(b[:n], AppendState(nil, &s)))
				require.LessOrEqual(t, n, StateStride)
			} else {
				require.Zero(t, n)
			}
			if len(b) < stateHeaderLen {
				return
			}
			b = bytes.Clone(b)
			if n := StateLen(int(min(le.Uint32(b[40:]), MaxStateWords))); n <= len(b) {
				le.PutUint64(b[48:], Sum(b[stateHeaderLen:n]))
			}
			sumHeader(b, stateHeaderLen)
		}
	})
}

func FuzzParseLease(f *testing.F) {
	f.Add(AppendLease(nil, exampleLease))
	f.Fuzz(func(t *testing.T, b []byte) {
		for range 2 {
			l, n, err := ParseLease(b)
			if err == nil {
				require.True(t, bytes.Equal(b[:n], AppendLease(nil, l)))
			} else {
				require.Zero(t, n)
			}
			if len(b) < LeaseLen {
				return
			}
			b = sumHeader(bytes.Clone(b), LeaseLen)
		}
	})
}

func FuzzParseSettings(f *testing.F) {
	f.Add(AppendSettings(nil, &exampleSettings))
	f.Add(AppendSettings(nil, &Settings{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSettings(b)
		if err == nil {
			require.Equal(t, b[:SettingsLen], AppendSettings(nil, &s))
		}
	})
}

func FuzzParseHint(f *testing.F) {
	h := exampleHint()
	f.Add(AppendHint(nil, &h))
	f.Add(AppendHint(nil, &Hint{Length: SegmentHeaderLen}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for range 2 {
			h, err := ParseHint(b)
			if err == nil {
				require.LessOrEqual(t, cap(h.Entries)*hintEntryLen, len(b))
				require.True(t, bytes.Equal(b, AppendHint(nil, &h)))
			}
			if len(b) < hintHeaderLen {
				return
			}
			b = sumHint(bytes.Clone(b))
		}
	})
}

func FuzzParseSnapshot(f *testing.F) {
	s := sampleSnapshot()
	f.Add(AppendSnapshotHead(nil, &s))
	f.Add(AppendSnapshotHead(nil, &Snapshot{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for range 3 {
			n, lenErr := SnapshotHeadLen(b)
			s, err := ParseSnapshotHead(b)
			if err == nil {
				require.NoError(t, lenErr)
				require.Equal(t, n, s.HeadLen())
				require.GreaterOrEqual(t, s.End(), int64(n))
				require.True(t, bytes.Equal(b[:n], AppendSnapshotHead(nil, &s)))
			}
			if len(b) < snapshotHeaderLen {
				return
			}
			b = bytes.Clone(b)
			if n := min(max(n, snapshotHeaderLen), len(b)); lenErr == nil {
				le.PutUint64(b[80:], Sum(b[snapshotHeaderLen:n]))
			}
			sumHeader(b, snapshotHeaderLen)
		}
	})
}

func FuzzParseFileRef(f *testing.F) {
	f.Add(sampleFileRef())
	f.Add(AppendFileRef(nil, &FileRef{ChunkSize: 1 << maxChunkLog}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := ParseFileRef(b); err == nil {
			require.True(t, bytes.Equal(b, AppendFileRef(nil, &r)))
		}
	})
}

func FuzzDecompress(f *testing.F) {
	src := prose(500)
	for _, c := range compressions {
		out, _ := Compress(nil, src, c)
		f.Add(out, byte(c), uint32(len(src)))
	}
	f.Add(zstdBomb(8, 0x00, 0x50), byte(Zstd), uint32(8<<17))
	f.Add(src, byte(None), uint32(len(src)))
	f.Fuzz(func(t *testing.T, b []byte, c byte, rawLen uint32) {
		n := int(rawLen % (4 << 20))
		out, err := Decompress([]byte("kept"), b, Compression(c), n)
		require.Equal(t, "kept", string(out[:4]))
		if err == nil {
			require.Len(t, out, 4+n)
		} else {
			require.Len(t, out, 4)
		}

		packed, used := Compress(nil, b, Compression(c))
		back, err := Decompress(nil, packed, used, len(b))
		require.NoError(t, err)
		require.True(t, bytes.Equal(b, back))
	})
}

func FuzzParseName(f *testing.F) {
	for _, name := range []string{
		SegmentName(1), HintName(2), "000000000000002a.val", LockName, StateName, SnapshotName, TempName(HintName(3), 4), "x.tmp",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		kind, id, ok := ParseName(name)
		if !ok {
			require.Zero(t, kind)
			require.Zero(t, id)
			return
		}
		var made string
		switch kind {
		case NameSegment:
			made = SegmentName(id)
		case NameHint:
			made = HintName(id)
		case NameValue:
			made = ValueName(id)[len(ValuesDir)+1:]
		case NameLock:
			made = LockName
		case NameState:
			made = StateName
		case NameSnapshot:
			made = SnapshotName
		case NameSettings:
			made = SettingsName
		case NameTemp:
			suffix := TempName("", id)
			require.Greater(t, len(name), len(suffix))
			whole := name[:len(name)-len(suffix)]
			_, _, ok := ParseName(whole)
			require.True(t, ok)
			made = TempName(whole, id)
		}
		require.Equal(t, made, name)
	})
}
