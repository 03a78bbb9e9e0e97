package codec

import (
	"strconv"
	"strings"
)

// The names of files follow one strict grammar, in lower case, so that they
// are the same on every file system, and what does not match is not ours.
const (
	LockName     = "diskcache.lock"
	StateName    = "diskcache.state"
	SnapshotName = "diskcache.snap"
	SettingsName = "diskcache.settings"

	// ValuesDir is the directory below the cache's that holds the value files.
	ValuesDir = "values"

	// LeasesDir is the one that holds, on disks without locks, what stands for them.
	LeasesDir = "leases"

	segmentSuffix = ".seg"
	hintSuffix    = ".hint"
	valueSuffix   = ".val"
	leaseSuffix   = ".lease"
	beatSuffix    = ".beat"
	textSuffix    = ".text"
	tempSuffix    = ".tmp"

	hexLen = 16
)

// NameKind is what a file is by its name.
type NameKind uint8

const (
	NameSegment NameKind = iota + 1
	NameHint
	NameValue
	NameLease // its id is that of LeaseID
	NameBeat
	NameText
	NameLock
	NameState
	NameSnapshot
	NameSettings
	NameTemp // of any other; its id is the nonce
)

// SegmentName returns the name of a segment file.
func SegmentName(id uint64) string { return hex16(id) + segmentSuffix }

// HintName returns the name of the hint of a segment.
func HintName(id uint64) string { return hex16(id) + hintSuffix }

// ValueName returns the name of a value file, its directory included.
func ValueName(id uint64) string { return ValuesDir + "/" + hex16(id) + valueSuffix }

// LeaseID returns the id of a lease, the n-th of a lock; n is below 2⁴⁸.
func LeaseID(lock uint16, n uint64) uint64 { return uint64(lock)<<48 | n }

// SplitLeaseID undoes LeaseID.
func SplitLeaseID(id uint64) (lock uint16, n uint64) { return uint16(id >> 48), id & (1<<48 - 1) }

// LeaseName returns the name of the lease of an id, its directory included.
func LeaseName(id uint64) string { return LeasesDir + "/" + hex16(id) + leaseSuffix }

// BeatName returns the name of the file by which a process says that it lives.
func BeatName(nonce uint64) string { return LeasesDir + "/" + hex16(nonce) + beatSuffix }

// TextName returns the name of a text about a lock.
func TextName(lock uint16) string { return LeasesDir + "/" + hex16(uint64(lock)) + textSuffix }

// TempName returns a name, in the same directory, for a file that is to be
// renamed to name once it is whole. The nonce tells apart those who try at
// the same time.
func TempName(name string, nonce uint64) string { return name + "." + hex16(nonce) + tempSuffix }

// ParseName says what a file is by its base name, the last element of its
// path. ok is false for a name that is not one of ours. Parse accepts nothing
// that the functions above do not make.
func ParseName(base string) (kind NameKind, id uint64, ok bool) {
	switch base {
	case LockName:
		return NameLock, 0, true
	case StateName:
		return NameState, 0, true
	case SnapshotName:
		return NameSnapshot, 0, true
	case SettingsName:
		return NameSettings, 0, true
	}
	if whole, ok := strings.CutSuffix(base, tempSuffix); ok {
		return parseTempName(whole)
	}
	if len(base) < hexLen {
		return 0, 0, false
	}
	switch base[hexLen:] {
	case segmentSuffix:
		kind = NameSegment
	case hintSuffix:
		kind = NameHint
	case valueSuffix:
		kind = NameValue
	case leaseSuffix:
		kind = NameLease
	case beatSuffix:
		kind = NameBeat
	case textSuffix:
		kind = NameText
	default:
		return 0, 0, false
	}
	if id, ok = parseHex16(base[:hexLen]); !ok {
		return 0, 0, false
	}
	return kind, id, true
}

// parseTempName parses a temporary name without its suffix: another name, a
// dot, and the nonce.
func parseTempName(s string) (kind NameKind, nonce uint64, ok bool) {
	dot := len(s) - hexLen - 1
	if dot < 0 || s[dot] != '.' {
		return 0, 0, false
	}
	if nonce, ok = parseHex16(s[dot+1:]); !ok {
		return 0, 0, false
	}
	if kind, _, ok = ParseName(s[:dot]); !ok || kind == NameTemp {
		return 0, 0, false
	}
	return NameTemp, nonce, true
}

// hex16 formats id as 16 digits.
func hex16(id uint64) string {
	s := strconv.FormatUint(id, 16)
	return "0000000000000000"[len(s):] + s
}

// parseHex16 accepts exactly what hex16 makes; strconv alone would take capitals,
// signs and underscores too.
func parseHex16(s string) (uint64, bool) {
	id, err := strconv.ParseUint(s, 16, 64)
	return id, err == nil && hex16(id) == s
}
