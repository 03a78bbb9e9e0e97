package engine

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/go-diskcache/diskcache/vfs"
)

// spot is a key with one writer. Its versions only grow, so that a reader can
// tell from the outside whether what it got is too old.
type spot struct {
	key       string
	attempted atomic.Int64 // the version that is being stored, or was
	stored    atomic.Int64 // the last version whose Set has returned
}

// current reads the spot by get and checks that the version is not older than
// what was stored before the read, nor newer than what was ever attempted.
func (s *spot) current(get func(string) ([]byte, error)) error {
	least := s.stored.Load()
	v, err := get(s.key)
	if err != nil {
		return fmt.Errorf("key %q, stored at least up to version %d: %w", s.key, least, err)
	}
	ver, err := oracleVersion(s.key, v)
	if err != nil {
		return err
	}
	if most := s.attempted.Load(); int64(ver) < least || int64(ver) > most {
		return fmt.Errorf("key %q shows version %d, stored are %d to %d", s.key, ver, least, most)
	}
	return nil
}

// next stores the next version, of a size that depends on it, by set.
func (s *spot) next(set func(key string, v []byte) error) error {
	ver := s.attempted.Add(1)
	size := int(ver*37) % 900
	if ver%13 == 0 {
		size = 2500 // in a file of its own
	}
	if err := set(s.key, oracleValue(s.key, int(ver), size)); err != nil {
		return err
	}
	s.stored.Store(ver)
	return nil
}

// crowd is many goroutines that use one engine.
type crowd struct {
	t    *testing.T
	e    *Engine
	stop atomic.Bool
	wg   sync.WaitGroup
}

// loop runs fn in a goroutine, again and again, until the crowd is stopped.
func (c *crowd) loop(name string, fn func(i int) error) {
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		for i := 0; !c.stop.Load(); i++ {
			if err := fn(i); err != nil {
				c.t.Errorf("%s: %v", name, err)
				c.stop.Store(true)
			}
		}
	}()
}

func concurrentWrites() int {
	switch {
	case torture():
		return 4000
	case raceEnabled || testing.Short():
		return 150
	}
	return 300
}

func TestConcurrentVersions(t *testing.T) {
	onDisk := func(t *testing.T) vfs.FS {
		fsys, err := vfs.OpenDir(t.TempDir(), vfs.DirOptions{})
		require.NoError(t, err)
		return fsys
	}
	inMemory := func(*testing.T) vfs.FS {
		m := vfs.NewMem()
		m.NoTrace = true
		return m
	}
	for _, c := range []struct {
		name string
		fsys func(*testing.T) vfs.FS
		opt  Options
	}{
		{"mapped", onDisk, Options{}},
		{"read, few files open", onDisk, Options{NoMap: true, MaxOpenFiles: 2}},
		{"memory", inMemory, Options{}},
		{"memory, 4-bit hash", inMemory, Options{Hash: fourBits}},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			c.opt.SegmentSize, c.opt.FileThreshold = 4096, 2048
			e, err := Open(c.fsys(t), c.opt)
			require.NoError(t, err)
			versions(t, e)
			require.NoError(t, unharmed(e))
			require.NoError(t, e.Close())
		})
	}
}

// versions has writers of single keys and of pairs, while others read, walk, sync
// and check.
func versions(t *testing.T, e *Engine) {
	c := &crowd{t: t, e: e}
	var singles []*spot
	for i := range 6 {
		singles = append(singles, &spot{key: fmt.Sprint("single ", i)})
	}
	pair := [2]*spot{{key: "left"}, {key: "right"}}
	all := append(singles, pair[:]...)
	for _, s := range all {
		require.NoError(t, s.next(c.set))
	}
	writes := concurrentWrites()
	var writers sync.WaitGroup
	write := func(name string, fn func() error) {
		writers.Add(1)
		go func() {
			defer writers.Done()
			for range writes {
				if c.stop.Load() {
					return
				}
				if err := fn(); err != nil {
					t.Errorf("%s: %v", name, err)
					c.stop.Store(true)
				}
			}
		}()
	}
	for w := range 2 {
		i := 0
		write("set", func() error { i++; return singles[w*3+i%3].next(c.set) })
	}
	write("update", func() error { return c.pairUp(pair) })
	churn := 0
	write("set and delete", func() error { churn++; return c.comeAndGo(churn) })

	for range 2 {
		c.loop("get", func(i int) error { return all[i%len(all)].current(c.get) })
	}
	c.loop("reader", func(i int) error { return all[i%len(all)].current(c.read) })
	c.loop("pair", func(int) error { return c.pairAgrees(pair) })
	c.loop("walk", func(int) error { return c.walk(all) })
	c.loop("sync and check", func(i int) error {
		if i%100 == 99 { // it stops all writers, and reads all of a log that nothing bounds
			return c.check()
		}
		return e.Sync()
	})
	writers.Wait()
	c.stop.Store(true)
	c.wg.Wait()
}

func (c *crowd) set(key string, v []byte) error { return c.e.Set(key, v, Attrs{}) }

func (c *crowd) get(key string) ([]byte, error) { return c.e.Get(key, nil) }

func (c *crowd) read(key string) ([]byte, error) {
	_, v, err := c.e.GetItem(key)
	return v, err
}

// pairUp stores the next version of both keys in one transaction.
func (c *crowd) pairUp(pair [2]*spot) error {
	return pair[0].next(func(_ string, v []byte) error {
		return pair[1].next(func(_ string, w []byte) error {
			return c.e.Update(func(tx *Tx) error {
				return errors.Join(tx.Set(pair[0].key, v, Attrs{}), tx.Set(pair[1].key, w, Attrs{}))
			})
		})
	})
}

// pairAgrees reads both in one transaction, where they have the same version.
func (c *crowd) pairAgrees(pair [2]*spot) error {
	return c.e.Update(func(tx *Tx) error {
		var ver [2]int
		for i, s := range pair {
			v, err := tx.Get(s.key, nil)
			if err == nil {
				ver[i], err = oracleVersion(s.key, v)
			}
			if err != nil {
				return err
			}
		}
		if ver[0] != ver[1] {
			return fmt.Errorf("versions %d and %d of a pair", ver[0], ver[1])
		}
		return nil
	})
}

// comeAndGo sets and deletes a key of its own, which nobody else writes.
func (c *crowd) comeAndGo(i int) error {
	key := fmt.Sprint("churn ", i%7)
	if err := c.set(key, oracleValue(key, i, i%700)); err != nil {
		return err
	}
	if err := wants(c.e.Has(key))(true); err != nil {
		return err
	}
	if err := wants(c.e.Delete(key))(true); err != nil {
		return err
	}
	if err := wants(c.e.Delete(key))(false); err != nil {
		return err
	}
	return wants(c.e.Has(key))(false)
}

func wants(got bool, err error) func(bool) error {
	return func(want bool) error {
		if err == nil && got != want {
			err = fmt.Errorf("%v, want %v", got, want)
		}
		return err
	}
}

// walk sees to it that each key that is there all the time is listed once.
func (c *crowd) walk(all []*spot) error {
	seen := make(map[string]int)
	for kv, err := range c.e.Items() {
		if err != nil {
			return err
		}
		if _, err := oracleVersion(kv.Key, kv.Value); err != nil {
			return err
		}
		seen[kv.Key]++
	}
	for _, s := range all {
		if seen[s.key] != 1 {
			return fmt.Errorf("key %q is listed %d times", s.key, seen[s.key])
		}
	}
	return nil
}

func (c *crowd) check() error {
	problems, err := c.e.Check(false)
	for _, p := range problems {
		if p.Err != errOrphan { // a value that is being written
			err = errors.Join(err, errors.New(p.String()))
		}
	}
	return err
}
