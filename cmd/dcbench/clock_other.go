//go:build !unix || solaris || illumos || aix

package main

import "time"

// monotonic is not shared by processes here, so that they are not tortured.
func monotonic() int64 { return time.Now().UnixNano() }

const canTorture = false
