//go:build unix && !linux

package vfs

import "os"

// forkMark is the number of the process that made it.
type forkMark struct{ pid int }

func (m *forkMark) set() { m.pid = os.Getpid() }

func (m *forkMark) gone() bool { return os.Getpid() != m.pid }
