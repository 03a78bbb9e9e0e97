package recipe

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
)

// TestMain runs the tests, and the part of a test that is to run in a process of its own.
func TestMain(m *testing.M) {
	if part, ok := children[os.Getenv(childEnv)]; ok {
		os.Exit(runChild(part, os.Args[1], os.Args[2]))
	}
	goleak.VerifyTestMain(m)
}

// inBubble runs a test with a store in a bubble, in which time passes when all wait.
func inBubble(t *testing.T, test func(t *testing.T, s *watched)) {
	synctest.Test(t, func(t *testing.T) {
		s := &watched{Store: memory.New(nil)}
		defer func() { require.NoError(t, s.Close()) }()
		test(t, s)
	})
}

// watched is a store that counts what it is asked, and fails when it is told to.
type watched struct {
	diskcache.Store
	asked  atomic.Int64 // operations of any kind
	broken atomic.Bool  // transactions fail
	delay  atomic.Int64 // nanoseconds before a transaction begins
}

var errBroken = errors.New("broken")

func (w *watched) Item(key string) (diskcache.Item, error) {
	w.asked.Add(1)
	return w.Store.Item(key)
}

func (w *watched) Wait(ctx context.Context, key string, version uint64) error {
	w.asked.Add(1)
	return w.Store.Wait(ctx, key, version)
}

func (w *watched) Begin(ctx context.Context) (diskcache.Txn, error) {
	w.asked.Add(1)
	if w.broken.Load() {
		return nil, errBroken
	}
	time.Sleep(time.Duration(w.delay.Load()))
	return w.Store.Begin(ctx)
}

// die does what the death of a holder's process does: nothing is renewed, nothing released.
func (h *Hold) die() {
	h.released.Store(true)
	h.cancel(nil)
	<-h.renewed
	h.over.Stop()
}
