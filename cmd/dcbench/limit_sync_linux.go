package main

import (
	"os"
	"syscall"
)

// syncData is the sync that the cache uses: the data and the size, no times.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}
