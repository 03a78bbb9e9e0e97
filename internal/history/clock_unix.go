//go:build unix && !solaris && !illumos && !aix

package history

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Now returns a time in nanoseconds that all processes of this machine agree on, and that
// nobody sets.
func Now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(fmt.Sprintf("CLOCK_MONOTONIC: %v", err))
	}
	return t.Nano()
}

// Shared reports whether processes agree on Now.
const Shared = true
