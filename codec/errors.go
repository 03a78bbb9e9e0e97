package codec

import (
	"errors"
	"fmt"
)

// What can be wrong with bytes. A Parse function returns one of these or a
// *[VersionError], and never anything else; the caller, who knows the file
// and the offset, adds them.
var (
	// ErrShort: the bytes end before the structure does. At the end of a
	// file that is a torn tail; in the middle of one, read more.
	ErrShort = errors.New("codec: bytes end too early")

	// ErrChecksum: the bytes are not what was written, or not what was
	// written at this place.
	ErrChecksum = errors.New("codec: checksum is wrong")

	// ErrMagic: the file is of another kind or of another program.
	ErrMagic = errors.New("codec: magic number is wrong")

	// ErrKind: a record's kind or compression is one that this version does
	// not know and must not skip. The bytes are sound, the program is old.
	ErrKind = errors.New("codec: kind is unknown")

	// ErrLength: the checksum is right, but a length or another field holds
	// what the format does not allow: past the end, over a limit, a reserved
	// bit that is set, two fields that contradict one another. Such bytes
	// were made, not damaged.
	ErrLength = errors.New("codec: length or field is out of bounds")

	// ErrCompressed: a stored value does not expand to exactly the length
	// that its record states.
	ErrCompressed = errors.New("codec: compressed value does not expand to its length")

	// ErrVersion is what every *VersionError matches under errors.Is.
	ErrVersion = errors.New("codec: format version is unknown")
)

// A VersionError says that a file is sound, but of a format version that this
// program does not read. Such a file is to be left exactly as it is.
type VersionError struct {
	Got uint32
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("codec: format version is %d, this program reads %d", e.Got, Version)
}

// Is makes every VersionError match [ErrVersion].
func (e *VersionError) Is(target error) bool { return target == ErrVersion }
