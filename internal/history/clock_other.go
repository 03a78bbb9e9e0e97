//go:build !unix || solaris || illumos || aix

package history

import "time"

// Now returns a time in nanoseconds.
func Now() int64 { return time.Now().UnixNano() }

// Shared reports whether processes agree on Now: not as far as is known.
const Shared = false
