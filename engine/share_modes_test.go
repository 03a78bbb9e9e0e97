package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// inModes runs a test of several processes where they share memory, and where they share a
// file, as on a network disk. There readers look at it themselves, so that what holds between
// processes of one machine holds as well.
func inModes(t *testing.T, test func(t *testing.T, newMem func() *vfs.Mem)) {
	for name, network := range map[string]bool{"memory": false, "file": true} {
		t.Run(name, func(t *testing.T) {
			test(t, func() *vfs.Mem {
				mem := vfs.NewMem()
				mem.Network = network
				return mem
			})
		})
	}
}

// openAs opens the directory in another process.
func openAs(mem *vfs.Mem, o Options) (*Engine, error) {
	return Open(mem.Process(), exactly(mem, o))
}

// agreeOnCounts lets each process know what the others have counted.
func agreeOnCounts(t *testing.T, all ...*Engine) {
	t.Helper()
	for range 2 {
		for _, e := range all {
			e.tell()
			require.NoError(t, e.catchUp())
		}
	}
}

// handOn has a process give the writer lock up now, as it does once it has not committed for a moment:
// what is done by turns need not wait for that.
func handOn(e *Engine) {
	e.w.mu.Lock()
	e.dir.seen = e.dir.uses
	e.w.mu.Unlock()
	e.dir.tick()
}

// waitUntilWanted waits until another process waits for the writer lock, which e has.
func waitUntilWanted(t *testing.T, e *Engine) {
	t.Helper()
	require.Eventually(t, func() bool {
		if e.board.file == nil {
			return e.board.w[wordWant].Load() != 0
		}
		_, wanted, err := e.locks.Taken(lockNext, lockNext+1)
		return err == nil && wanted
	}, time.Minute, time.Millisecond)
}

// exactly returns options with which readers see at once what others have committed.
func exactly(mem *vfs.Mem, o Options) Options {
	if mem.Network && o.Freshness == 0 {
		o.Freshness = -1
	}
	return o
}
