package recipe

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
)

// onStores runs a test on every kind of store, by the clock on the wall.
func onStores(t *testing.T, test func(t *testing.T, s diskcache.Store)) {
	t.Run("memory", func(t *testing.T) { test(t, closing(t, memory.New(nil))) })
	for kind, open := range shared {
		t.Run(kind, func(t *testing.T) {
			s, err := open(t.TempDir())
			require.NoError(t, err)
			test(t, closing(t, s))
		})
	}
}

// closing closes a store when the test ends.
func closing(t *testing.T, s diskcache.Store) diskcache.Store {
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// action is an operation of a history on a lock or a semaphore.
type action string

const (
	acquiring action = "acquire"
	trying    action = "try"
	releasing action = "release"
)

// outcome is what came of it.
type outcome struct {
	held  bool   // it did not, for there was no room
	token uint64 // of the hold
}

// holding is the state of the model: how many hold it, and the last token.
type holding struct {
	holders int
	token   uint64
}

// model is a lock for n holders, whose tokens grow if there is one.
func model(n int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return holding{} },
		Step: func(state, input, output any) (bool, any) {
			st, in, out := state.(holding), input.(action), output.(outcome)
			switch {
			case in == releasing:
				return st.holders > 0, holding{st.holders - 1, st.token}
			case out.held:
				return in == trying && st.holders == n, st
			}
			ok := st.holders < n && (n > 1 || out.token > st.token)
			return ok, holding{st.holders + 1, out.token}
		},
	}
}

// client acquires and releases, and notes what it did.
type client struct {
	id    int
	began time.Time
	ops   []porcupine.Operation
}

func (c *client) do(in action, fn func() outcome) {
	call := time.Since(c.began).Nanoseconds()
	out := fn()
	c.ops = append(c.ops, porcupine.Operation{ClientId: c.id, Input: in, Call: call, Output: out, Return: time.Since(c.began).Nanoseconds()})
}

// acquirer is what can be acquired with and without waiting.
type acquirer interface {
	Acquirer
	TryAcquire(ctx context.Context) (*Hold, error)
}

// run does a number of rounds. What fails otherwise than by ErrHeld is reported.
func (c *client) run(a acquirer, rounds int, r *rand.Rand) error {
	for range rounds {
		var (
			h   *Hold
			err error
		)
		get, how := a.Acquire, acquiring
		if r.IntN(2) == 0 {
			get, how = a.TryAcquire, trying
		}
		c.do(how, func() outcome {
			if h, err = get(context.Background()); err != nil {
				return outcome{held: true}
			}
			return outcome{token: h.Token()}
		})
		if errors.Is(err, ErrHeld) {
			continue
		}
		if err != nil {
			return err
		}
		c.do(releasing, func() outcome { err = h.Release(); return outcome{} })
		if err != nil {
			return err
		}
	}
	return nil
}

// check has clients use what open returns, each one of its own, and checks whether what they saw can
// be that of one lock for n.
func check(t *testing.T, n int, open func() acquirer) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	began := time.Now()
	clients := make([]*client, 4)
	var wg sync.WaitGroup
	for i := range clients {
		c := &client{id: i, began: began}
		clients[i] = c
		wg.Go(func() {
			if err := c.run(open(), 40, rand.New(rand.NewPCG(seed, uint64(i)))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var history []porcupine.Operation
	for _, c := range clients {
		history = append(history, c.ops...)
	}
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(model(n), history, time.Minute))
}

// TestLinearizable records what clients see of locks and semaphores, and checks that it is what one
// lock would have shown them, one operation after the other.
func TestLinearizable(t *testing.T) {
	onStores(t, func(t *testing.T, s diskcache.Store) {
		t.Run("Lock", func(t *testing.T) {
			check(t, 1, func() acquirer { return NewLock(s, "lock", time.Minute) })
		})
		t.Run("RLock", func(t *testing.T) {
			check(t, 1, func() acquirer { return NewRLock(s, "rlock", "", time.Minute) })
		})
		t.Run("Semaphore", func(t *testing.T) {
			check(t, 2, func() acquirer { return NewSemaphore(s, "semaphore", 2, time.Minute) })
		})
	})
}
