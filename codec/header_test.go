package codec

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// fileKinds are the files that begin with a header.
func fileKinds() map[string]struct {
	bytes  []byte
	header int
	parse  func(b []byte) error
} {
	h, hint, snap, state := exampleHeader(), exampleHint(), sampleSnapshot(), exampleState()
	type kind = struct {
		bytes  []byte
		header int
		parse  func(b []byte) error
	}
	return map[string]kind{
		"segment":  {AppendSegmentHeader(nil, &h), SegmentHeaderLen, func(b []byte) error { _, _, err := ParseSegmentHeader(b); return err }},
		"hint":     {AppendHint(nil, &hint), hintHeaderLen, func(b []byte) error { _, err := ParseHint(b); return err }},
		"state":    {AppendState(nil, &state), stateHeaderLen, func(b []byte) error { _, _, err := ParseState(b); return err }},
		"lease":    {AppendLease(nil, exampleLease), LeaseLen, func(b []byte) error { _, _, err := ParseLease(b); return err }},
		"snapshot": {AppendSnapshotHead(nil, &snap), snapshotHeaderLen, func(b []byte) error { _, err := ParseSnapshotHead(b); return err }},
	}
}

// sumHeader makes the sum of a header right again.
func sumHeader(b []byte, n int) []byte {
	le.PutUint64(b[n-sumLen:], Sum(b[:n-sumLen]))
	return b
}

func TestHeaderDamage(t *testing.T) {
	for name, f := range fileKinds() {
		t.Run(name, func(t *testing.T) {
			requireFlips(t, f.bytes, f.parse)
			requireCuts(t, f.bytes, f.parse)
		})
	}
}

func TestHeaderMagic(t *testing.T) {
	for name, f := range fileKinds() {
		for other, g := range fileKinds() {
			if other != name {
				require.ErrorIs(t, f.parse(g.bytes), ErrMagic, "%s read as %s", other, name)
			}
		}
		for i := range magicLen {
			b := bytes.Clone(f.bytes)
			b[i]++
			require.ErrorIs(t, f.parse(b), ErrMagic, "%s", name)
			require.ErrorIs(t, f.parse(sumHeader(b, f.header)), ErrMagic, "%s with a right sum", name)
			require.ErrorIs(t, f.parse(b[:i+1]), ErrMagic, "%s that ends there", name)
		}
	}
}

func TestHeaderSum(t *testing.T) {
	for name, f := range fileKinds() {
		for i := magicLen; i < f.header; i++ {
			b := bytes.Clone(f.bytes)
			b[i] ^= 0x40
			err := f.parse(b)
			require.ErrorIs(t, err, ErrChecksum, "%s: byte %d", name, i)
			require.NotErrorIs(t, err, ErrVersion)
		}
	}
}

func TestHeaderVersion(t *testing.T) {
	for name, f := range fileKinds() {
		t.Run(name, func(t *testing.T) {
			for _, version := range []uint32{0, Version + 1, 1<<32 - 1} {
				b := bytes.Clone(f.bytes)
				le.PutUint32(b[8:], version)
				require.ErrorIs(t, f.parse(b), ErrChecksum, "only the version differs")
				sumHeader(b, f.header)

				err := f.parse(b)
				require.ErrorIs(t, err, ErrVersion)
				var v *VersionError
				require.True(t, errors.As(err, &v))
				require.Equal(t, version, v.Got)
			}
			b := sumHeader(func() []byte { b := bytes.Clone(f.bytes); b[8] = 2; return b }(), f.header)
			require.EqualError(t, f.parse(b), "codec: format version is 2, this program reads 1")
		})
	}
}

// A later version may have a header of another length.
func TestHeaderVersionOfOtherLength(t *testing.T) {
	for name, f := range fileKinds() {
		for _, n := range []int{minHeaderLen, 32, 128, MaxHeaderLen} {
			b := make([]byte, n+100)
			copy(b, f.bytes[:magicLen])
			le.PutUint32(b[8:], Version+1)
			le.PutUint32(b[12:], uint32(n))
			sumHeader(b, n)
			require.ErrorIs(t, f.parse(b), ErrVersion, "%s of %d", name, n)
			require.ErrorIs(t, f.parse(b[:n]), ErrVersion, "%s of %d", name, n)
			require.ErrorIs(t, f.parse(b[:n-1]), ErrShort, "%s of %d", name, n)
		}
		for _, n := range []uint32{0, 8, 16, 25, MaxHeaderLen + 8, 1<<32 - 8, 1<<32 - 1} {
			b := make([]byte, 2*MaxHeaderLen)
			copy(b, f.bytes[:magicLen])
			le.PutUint32(b[8:], Version+1)
			le.PutUint32(b[12:], n)
			if n >= minHeaderLen && int64(n) <= int64(len(b)) {
				sumHeader(b, int(n))
			}
			require.ErrorIs(t, f.parse(b), ErrChecksum, "%s of %d", name, n)
		}
	}
}

func TestHeaderLength(t *testing.T) {
	for name, f := range fileKinds() {
		b := bytes.Clone(f.bytes)
		le.PutUint32(b[12:], uint32(f.header+8))
		require.ErrorIs(t, f.parse(sumHeader(b, f.header)), ErrLength, name)
	}
}

func TestSegmentHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := SegmentHeader{
			CacheID: drawCacheID(t),
			ID:      rapid.Uint64().Draw(t, "id"),
			Seq:     rapid.Uint64().Draw(t, "seq"),
			Stream:  rapid.Uint32().Draw(t, "stream"),
		}
		b := AppendSegmentHeader([]byte("x"), &want)[1:]
		require.Len(t, b, SegmentHeaderLen)
		got, n, err := ParseSegmentHeader(append(b, "behind"...))
		require.NoError(t, err)
		require.Equal(t, SegmentHeaderLen, n)
		require.Equal(t, want, got)
	})
}

func TestSegmentHeaderReserved(t *testing.T) {
	h := exampleHeader()
	b := AppendSegmentHeader(nil, &h)
	b[55] = 1
	_, _, err := ParseSegmentHeader(sumHeader(b, SegmentHeaderLen))
	require.ErrorIs(t, err, ErrLength)
}
