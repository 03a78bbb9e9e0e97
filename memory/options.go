package memory

import (
	"fmt"
	"time"

	"github.com/go-diskcache/diskcache"
)

// Options say how much a Store holds. The zero value of each field is its default.
type Options struct {
	// SizeLimit bounds what Volume returns, in bytes. Default: no limit.
	SizeLimit int64
	// CountLimit bounds the number of items. Default: no limit.
	CountLimit int64
	// Policy says what a full store gives up. What has expired goes first in any case.
	// Default: diskcache.PolicyS3FIFO.
	Policy diskcache.Policy
	// Now is the clock that items expire by. Default: time.Now.
	Now func() time.Time
}

func (o *Options) check() error {
	switch {
	case o.SizeLimit < 0:
		return fmt.Errorf("%w: SizeLimit is %d", diskcache.ErrOption, o.SizeLimit)
	case o.CountLimit < 0:
		return fmt.Errorf("%w: CountLimit is %d", diskcache.ErrOption, o.CountLimit)
	case o.Policy < diskcache.PolicyS3FIFO || o.Policy > diskcache.PolicyNone:
		return fmt.Errorf("%w: unknown policy %d", diskcache.ErrOption, o.Policy)
	}
	return nil
}

// limited reports whether anything may have to be given up.
func (o *Options) limited() bool { return o.SizeLimit > 0 || o.CountLimit > 0 }
