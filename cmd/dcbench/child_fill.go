package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-diskcache/diskcache"
)

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
