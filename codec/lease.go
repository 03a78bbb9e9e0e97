package codec

// A lease, for disks without locks (offsets in bytes, little endian):
//
//	 0  magic      8 bytes
//	 8  version    u32
//	12  headerLen  u32  64
//	16  zero       16 bytes
//	32  holder     u64  nonce of a process; 0: nobody has the lock
//	40  beats      u64  how often the process has said that it lives; 0 in the lease of a lock
//	48  zero       u64
//	56  sum        u64  over bytes 0 to 56
//
// It fits into what disks write as a whole. One that does not verify is being written.

const leaseMagic = "\x89DCLSE\r\n"

// LeaseLen is how long a lease is.
const LeaseLen = 64

// A Lease says who has a lock, or that a process lives.
type Lease struct {
	Holder uint64
	Beats  uint64
}

// AppendLease appends l.
func AppendLease(dst []byte, l Lease) []byte {
	at := len(dst)
	dst = appendHeader(dst, leaseMagic, LeaseLen, [16]byte{})
	dst = le.AppendUint64(dst, l.Holder)
	dst = le.AppendUint64(dst, l.Beats)
	dst = le.AppendUint64(dst, 0)
	return appendHeaderSum(dst, at)
}

// ParseLease verifies the lease at the beginning of b. n is its length.
func ParseLease(b []byte) (l Lease, n int, err error) {
	if err := checkHeader(b, leaseMagic, LeaseLen); err != nil {
		return Lease{}, 0, err
	}
	if [16]byte(b[cacheIDAt:]) != ([16]byte{}) || le.Uint64(b[48:]) != 0 {
		return Lease{}, 0, ErrLength
	}
	return Lease{Holder: le.Uint64(b[32:]), Beats: le.Uint64(b[40:])}, LeaseLen, nil
}
