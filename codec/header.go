package codec

import "slices"

// Every file that has a header has it of the same form: eight bytes of magic,
// the version, the header's own length, the id of the cache, then what differs, and last
// the sum of all that. So one function can tell a foreign file, a damaged one
// and one of a later version apart, without knowing what a later version put
// between.

// Version is the format that this package writes, and the only one that it reads.
const Version = 1

// MaxHeaderLen is the longest header that any version may have. A reader that
// has this much of a file, or all of it, learns from it what there is to learn.
const MaxHeaderLen = 4096

const (
	magicLen     = 8
	minHeaderLen = magicLen + 4 + 4 + 8
	cacheIDAt    = 16
	ownFieldsAt  = 32 // where the fields begin that differ
	sumLen       = 8
)

// appendHeader appends the fields that all headers begin with.
func appendHeader(dst []byte, magic string, length uint32, cacheID [16]byte) []byte {
	dst = append(dst, magic...)
	dst = le.AppendUint32(dst, Version)
	dst = le.AppendUint32(dst, length)
	return append(dst, cacheID[:]...)
}

// appendHeaderSum ends the header that begins at index at.
func appendHeaderSum(dst []byte, at int) []byte {
	return le.AppendUint64(dst, Sum(dst[at:]))
}

// checkHeader verifies a header of which this version has length bytes.
func checkHeader(b []byte, magic string, length int) error {
	known := min(len(b), magicLen)
	if string(b[:known]) != magic[:known] {
		return ErrMagic
	}
	if len(b) < minHeaderLen {
		return ErrShort
	}
	version, stated := le.Uint32(b[8:]), le.Uint32(b[12:])
	if version != Version {
		return checkOtherVersion(b, version, stated)
	}
	if len(b) < length {
		return ErrShort
	}
	if Sum(b[:length-sumLen]) != le.Uint64(b[length-sumLen:]) {
		return ErrChecksum
	}
	if stated != uint32(length) {
		return ErrLength
	}
	return nil
}

// checkOtherVersion tells a header of another version from a damaged one.
func checkOtherVersion(b []byte, version, stated uint32) error {
	if stated < minHeaderLen || stated > MaxHeaderLen || stated%Align != 0 {
		return ErrChecksum
	}
	length := int(stated)
	if len(b) < length {
		return ErrShort
	}
	if Sum(b[:length-sumLen]) != le.Uint64(b[length-sumLen:]) {
		return ErrChecksum
	}
	return &VersionError{Got: version}
}

// grow returns dst longer by n bytes, which hold anything.
func grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		dst = slices.Grow(dst, n)
	}
	return dst[:len(dst)+n]
}
