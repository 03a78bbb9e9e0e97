//go:build !unix

package vfs

// forkMark is nothing: Go programs do not fork here.
type forkMark struct{}

func (forkMark) set() {}

func (forkMark) gone() bool { return false }
