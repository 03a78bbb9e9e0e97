//go:build !linux

package main

import "os"

// syncData is the sync that the cache uses.
func syncData(f *os.File) error { return f.Sync() }
