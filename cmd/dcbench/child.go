package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/go-diskcache/diskcache"
)

// Some things are done by dcbench started as a child of itself, in order to be
// killed.
const (
	childCommand = "child"
	childFill    = "fill"
	childWrite   = "write"
)

func child(args []string, stdout io.Writer) error {
	if len(args) > 0 && args[0] == childFill {
		return fillAndDie(args[1:], stdout)
	}
	if len(args) > 0 && args[0] == childWrite {
		return writeAndTell(args[1:], stdout)
	}
	return usageError{errors.New("is how dcbench starts itself, and nothing to be called")}
}

// startChild starts dcbench anew. What it prints is read from the first value.
func startChild(args ...string) (io.Reader, *exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(self, append([]string{childCommand}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	return out, cmd, cmd.Start()
}

// filled is what the child says when all keys are set, just before its death.
const filled = "filled"

// makeKilled has a child fill the directory and die.
func makeKilled(b *bench) error {
	out, cmd, err := startChild(childFill,
		"--dir", b.cacheDir(), "-n", fmt.Sprint(b.p.n), "--value-size", fmt.Sprint(b.valueSize),
		"--key-size", fmt.Sprint(b.p.keySize), "--compression", b.p.compress.name, "--seed", fmt.Sprint(b.p.seed))
	if err != nil {
		return err
	}
	said, rerr := bufio.NewReader(out).ReadString('\n')
	err = cmd.Wait()
	if strings.TrimSpace(said) != filled || err == nil {
		return fmt.Errorf("the child that was to fill the cache and to be killed: said %q: %w", said, errors.Join(err, rerr))
	}
	return nil
}

// fillAndDie fills the cache in --dir and kills itself.
func fillAndDie(args []string, stdout io.Writer) error {
	p, err := parseParams(args, io.Discard)
	if err != nil {
		return err
	}
	b := newBench(p, nil, p.valueSizes[0], 1, p.dir)
	if b.cache, err = diskcache.Open(p.dir, new(b.options())); err != nil {
		return err
	}
	if err := b.insert(0, p.n); err != nil {
		return err
	}
	fmt.Fprintln(stdout, filled)
	return killSelf()
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
func writeAndTell(args []string, stdout io.Writer) error { return nil }
func demo(args []string, stdout, stderr io.Writer) error { return nil }
