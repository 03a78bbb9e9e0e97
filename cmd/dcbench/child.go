package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
)

// Some things are done by dcbench started as a child of itself, in order to be
// killed.
const (
	childCommand = "child"
	childFill    = "fill"
	childWrite   = "write"
	childTorture = "torture"
	childStore   = "store"
	childShare   = "share"
	childSignal  = "signal"
)

func child(args []string, stdout io.Writer) error {
	if len(args) == 0 {
		args = []string{""}
	}
	switch args[0] {
	case childFill:
		return fillAndDie(args[1:], stdout)
	case childWrite:
		return writeAndTell(args[1:], stdout)
	case childTorture:
		return tortured(args[1:], os.Stdin, stdout)
	case childStore:
		return serveStore(args[1:], os.Stdin, stdout)
	case childSignal:
		return sendSignal(args[1:])
	case childShare:
		return share(args[1:], os.Stdin, stdout)
	}
	return usageError{errors.New("is how dcbench starts itself, and nothing to be called")}
}

// newChild returns dcbench anew, to be started.
func newChild(args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return exec.Command(self, append([]string{childCommand}, args...)...), nil
}

// startChild starts dcbench anew. What it prints is read from the first value.
func startChild(args ...string) (io.Reader, *exec.Cmd, error) {
	cmd, err := newChild(args...)
	if err != nil {
		return nil, nil, err
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	return out, cmd, cmd.Start()
}

// killSelf ends the process by SIGKILL, or what comes next to it: nothing is
// closed, nothing deferred is run.
func killSelf() error {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := self.Kill(); err != nil {
		return err
	}
	select {} // until it takes effect
}
