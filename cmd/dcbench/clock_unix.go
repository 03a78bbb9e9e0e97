//go:build unix && !solaris && !illumos && !aix

package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// monotonic returns a time in nanoseconds that all processes of this machine agree
// on, and that nobody sets.
func monotonic() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(fmt.Sprintf("CLOCK_MONOTONIC: %v", err))
	}
	return t.Nano()
}

const canTorture = true
