//go:build !linux

package vfs

import "os"

// forgetPages does nothing: what these systems keep of a file that they open was not measured.
func forgetPages(*os.File) {}
