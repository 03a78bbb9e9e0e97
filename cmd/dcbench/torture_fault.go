package main

import (
	"errors"
	"fmt"
	"math"
	"os/exec"
	"time"

	"github.com/go-diskcache/diskcache/internal/history"
)

// faults are what is done to the disk while a crew works. A fault is a reason for operations
// to fail, for none to return what is wrong, and for none to wait without end.
type faults struct {
	spans []span
	going int            // how many are not over yet
	over  chan faultOver // of each
}

// faultOver is that a fault has come to its end.
type faultOver struct {
	i   int
	err error
}

// span is a time by the clock of histories.
type span struct{ from, to int64 }

const (
	// recoveredWithin is how long after a fault operations may begin that fail: a server that
	// was started gives no locks at first.
	recoveredWithin = 30 * time.Second

	// opensWithin is for how long processes try to open the cache.
	opensWithin = time.Minute

	// returnsWithin is how long an operation may take with faults: as long as it waits for a
	// lock (Options.LockTimeout), and for a disk that is away meanwhile.
	returnsWithin = 2 * time.Minute
)

func (p *tortureParams) addFault(command string) error {
	if command == "" {
		return errors.New("is empty")
	}
	p.faults = append(p.faults, command)
	return nil
}

// begin runs a command until it is over.
func (f *faults) begin(command string) {
	i := len(f.spans)
	f.spans = append(f.spans, span{from: monotonic(), to: math.MaxInt64})
	f.going++
	go func() {
		out, err := exec.Command("sh", "-c", command).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("the fault %q: %w\n%s", command, err, tail(out))
		}
		f.over <- faultOver{i, err}
	}()
}

// end takes note that a fault is over, and returns what went wrong with it.
func (f *faults) end(o faultOver) error {
	f.going--
	f.spans[o.i].to = monotonic() + int64(recoveredWithin)
	return o.err
}

// excuse reports whether a fault is the reason that an operation failed.
func (f *faults) excuse(o *history.Op) bool {
	if o.Wrong {
		return false
	}
	for _, s := range f.spans {
		if o.Return >= s.from && o.Call <= s.to {
			return true
		}
	}
	return false
}
