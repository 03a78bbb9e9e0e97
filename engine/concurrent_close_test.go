package engine

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestCloseDuringEverything closes an engine that many goroutines use. What they
// get from then on is ErrClosed; what was stored before is there at the next Open.
func TestCloseDuringEverything(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	rounds := 40
	if raceEnabled || testing.Short() {
		rounds = 8
	}
	for i := range rounds {
		mem := vfs.NewMem()
		mem.NoTrace = true
		opt := Options{SegmentSize: 2048, FileThreshold: 1500, Sync: SyncMode(i % 3)}
		closeOnce(t, mem, opt, i)
	}
}

// user is something that a goroutine does until the engine is closed.
type user struct {
	name string
	do   func(e *Engine, i int) error
}

func users(spots []*spot) []user {
	get := func(e *Engine) func(string) ([]byte, error) {
		return func(key string) ([]byte, error) { return e.Get(key, nil) }
	}
	list := []user{
		{"get", func(e *Engine, i int) error { return spots[i%len(spots)].current(get(e)) }},
		{"item", func(e *Engine, i int) error { _, err := e.Item(spots[i%len(spots)].key); return err }},
		{"reader", func(e *Engine, i int) error { return readThrough(e, spots[i%len(spots)].key) }},
		{"delete", func(e *Engine, i int) error { _, err := e.Delete("nothing"); return err }},
		{"update", func(e *Engine, i int) error {
			return e.Update(func(tx *Tx) error { return tx.Set("tx", oracleValue("tx", i, 100), Attrs{}) })
		}},
		{"walk", func(e *Engine, i int) error {
			for _, err := range e.Items() {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"sync", func(e *Engine, i int) error { return e.Sync() }},
		{"check", func(e *Engine, i int) error { _, err := e.Check(i%2 == 0); return err }},
		{"stats", func(e *Engine, i int) error { _, err := e.Stats(); return err }},
	}
	for _, s := range spots {
		list = append(list, user{"set", func(e *Engine, i int) error {
			return s.next(func(key string, v []byte) error { return e.Set(key, v, Attrs{}) })
		}})
	}
	return list
}

// readThrough reads a value by a Reader, which stays good when the engine closes.
func readThrough(e *Engine, key string) error {
	r, _, err := e.Reader(key)
	if err != nil {
		return err
	}
	v, err := io.ReadAll(r)
	if err == nil {
		_, err = oracleVersion(key, v)
	}
	if err != nil {
		return fmt.Errorf("reader: %w", err)
	}
	return r.Close()
}

// closeOnce closes an engine once all goroutines have come twice to their work,
// and some more has been done. Not much: nothing bounds the log, and a check reads
// all of it, so that who has done his share waits until the engine closes.
func closeOnce(t *testing.T, mem *vfs.Mem, opt Options, more int) {
	e, err := Open(mem, opt)
	require.NoError(t, err)
	spots := []*spot{{key: "a"}, {key: "b"}, {key: "c"}}
	for _, s := range spots {
		require.NoError(t, s.next(func(key string, v []byte) error { return e.Set(key, v, Attrs{}) }))
	}
	const share = 40
	closing := make(chan struct{})
	var warm, done sync.WaitGroup
	for _, u := range users(spots) {
		warm.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			var err error
			for i := 0; err == nil; i++ {
				if i == share {
					<-closing
				}
				if err = u.do(e, i); i == 1 || err != nil && i < 1 {
					warm.Done()
				}
			}
			if !errors.Is(err, ErrClosed) {
				t.Errorf("%s: %v", u.name, err)
			}
		}()
	}
	warm.Wait()
	for i := range more {
		require.NoError(t, e.Set("more", oracleValue("more", i, 50), Attrs{}))
	}
	close(closing)
	closers := make(chan error, 2)
	for range cap(closers) {
		go func() { closers <- e.Close() }()
	}
	outcomes := []error{<-closers, <-closers}
	require.True(t, slices.Contains(outcomes, nil), "%v", outcomes)
	require.True(t, slices.ContainsFunc(outcomes, func(err error) bool { return errors.Is(err, ErrClosed) }), "%v", outcomes)
	done.Wait()

	e, err = Open(mem, opt)
	require.NoError(t, err)
	for _, s := range spots {
		require.NoError(t, s.current(func(key string) ([]byte, error) { return e.Get(key, nil) }))
	}
	require.NoError(t, unharmed(e))
	require.NoError(t, e.Close())
}
