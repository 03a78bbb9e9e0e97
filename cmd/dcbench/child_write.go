package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"sync"

	"github.com/go-diskcache/diskcache"
)

// killFileThreshold and the segment size are small, so that a round of a second
// meets all that a cache does in a day.
const killFileThreshold = 64 << 10

func killOptions() *diskcache.Options {
	return &diskcache.Options{SegmentSize: 1 << 20, FileThreshold: killFileThreshold}
}

// killWriters is how many goroutines of the child write at once.
const killWriters = 4

// writeAndTell is the child that gets killed: it writes until then, and tells each
// change when the call that made it has returned.
func writeAndTell(args []string, stdout io.Writer) error {
	fs := flag.NewFlagSet(childCommand, flag.ContinueOnError)
	dir := fs.String("dir", "", "")
	seed := fs.Uint64("seed", 0, "")
	round := fs.Int("round", 0, "")
	if err := parseFlags(fs, args, stdout); err != nil {
		return err
	}
	c, err := diskcache.Open(*dir, killOptions())
	if err != nil {
		return err
	}
	errs := make([]error, killWriters)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = tell(c, newStory(*seed, *round, i), stdout) })
	}
	wg.Wait()
	return errors.Join(append(errs, c.Close())...)
}

// tell makes the changes of s and prints its writer after each. It ends when
// nobody reads that any more.
func tell(c *diskcache.Cache, s *story, stdout io.Writer) error {
	line := fmt.Appendln(nil, s.writer) // in one small write, which pipes do not tear
	for {
		if err := s.next().make(c); err != nil {
			return err
		}
		if _, err := stdout.Write(line); err != nil {
			return err
		}
	}
}

func (ch change) make(c *diskcache.Cache) error {
	if ch.to.present {
		return c.Set(ch.key, ch.to.value(ch.key))
	}
	_, err := c.Delete(ch.key)
	return err
}
