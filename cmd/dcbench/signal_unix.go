//go:build unix

package main

import (
	"os"
	"syscall"
)

// pause stops a process until resume is called.
func pause(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }

func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }

// askStacks ends a process, which prints what its goroutines are about before.
func askStacks(p *os.Process) error { return p.Signal(syscall.SIGQUIT) }
