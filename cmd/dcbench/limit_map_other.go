//go:build !unix

package main

import "os"

// mapFile returns nil: the limit of mapped reads, which is for information, is
// not measured on this system.
func mapFile(*os.File) ([]byte, error) { return nil, nil }

func unmap([]byte) error { return nil }
