package hybrid

import (
	"fmt"

	"github.com/go-diskcache/diskcache"
)

// Options say what is kept in memory. The zero value of each field is its default.
type Options struct {
	// MemoryLimit bounds the bytes of the copies, about: what goes does so a moment after what
	// comes. Default: 64 MiB.
	MemoryLimit int64
	// MaxValue is the largest value in bytes that is kept. Those that have a file of their own
	// (diskcache.Options.FileThreshold) never are. Default: a 64th of MemoryLimit.
	MaxValue int64
	// AdmitFirst keeps a value when it is first read. Default: when it is read again.
	AdmitFirst bool
	// WriteThrough keeps what Set stores, too, which reads it once. Default: it is kept by reads.
	WriteThrough bool
}

const defaultMemory = 64 << 20

// fill puts the defaults in.
func (o *Options) fill() error {
	if o.MemoryLimit < 0 || o.MaxValue < 0 {
		return fmt.Errorf("%w: MemoryLimit is %d, MaxValue is %d", diskcache.ErrOption, o.MemoryLimit, o.MaxValue)
	}
	if o.MemoryLimit == 0 {
		o.MemoryLimit = defaultMemory
	}
	if o.MaxValue == 0 {
		o.MaxValue = max(1, o.MemoryLimit/64)
	}
	return nil
}
