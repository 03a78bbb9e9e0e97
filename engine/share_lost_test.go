package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/lease"
	"github.com/go-diskcache/diskcache/vfs"
)

// counting is a test that counts up in several processes, one after the other, while things
// happen to the disk that they share.
type counting struct {
	t    *testing.T
	last int // that was acknowledged
	most int // that may have been reached
	step int
	old  bool // reads may be as old as they like
}

// up counts up by one, through a process. If it fails it may have, or not.
func (c *counting) up(e *Engine) error {
	n := 0
	err := e.Update(func(tx *Tx) error {
		v, err := tx.Get("n", nil)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return err
		default:
			if n, err = strconv.Atoi(string(v)); err != nil {
				return err
			}
		}
		n++
		return tx.Set("n", strconv.AppendInt(nil, int64(n), 10), Attrs{})
	})
	c.most++
	if err != nil {
		return err
	}
	require.Greater(c.t, n, c.last, "step %d: what was counted is lost", c.step)
	require.LessOrEqual(c.t, n, c.most, "step %d", c.step)
	c.last, c.most = n, n
	return nil
}

// goOn does something. What the process has open may be dead, which shows when it is used, and the
// machine may be busy. A dead one may have the locks: it is watched from now on, for as long as
// time passes.
func (c *counting) goOn(do func() error, pass func(time.Duration)) {
	err := do()
	if err != nil {
		err = do()
	}
	for try := 0; errors.Is(err, ErrTimeout) && try < 100; try++ {
		pass(lease.Beat)
		err = do()
	}
	require.NoError(c.t, err)
}

// read reads the count, which is nothing that was overtaken before.
func (c *counting) read(e *Engine) error {
	v, err := e.Get("n", nil)
	least := c.last
	if c.old {
		least = 0
	}
	if errors.Is(err, ErrNotFound) && least == 0 {
		return nil
	}
	if err != nil {
		require.NotErrorIs(c.t, err, ErrNotFound, "step %d", c.step)
		require.NotErrorIs(c.t, err, ErrCorrupt, "step %d", c.step)
		return err
	}
	n, err := strconv.Atoi(string(v))
	require.NoError(c.t, err)
	require.GreaterOrEqual(c.t, n, least, "step %d", c.step)
	require.LessOrEqual(c.t, n, c.most, "step %d", c.step)
	return nil
}

// TestShareLosesLocks: hosts are cut off and lose their locks, the server is restarted, and
// processes are killed. Nothing that was acknowledged is lost, nothing is counted twice, and all
// goes on once the network does. Where reads look for news now and then only, writes look by themselves
// whether they had the lock.
func TestShareLosesLocks(t *testing.T) {
	onServers(t, 20, func(t *testing.T, srv *vfs.Server, seed uint64) {
		losesLocks(t, srv, seed, asItIs, srv.Tick)
	})
}

// TestShareLostByIdle: a process that could not give the writer lock up, for its host was cut off at
// that moment, does so once the network is back, although nobody uses it.
func TestShareLostByIdle(t *testing.T) {
	onServers(t, 2, func(t *testing.T, srv *vfs.Server, _ uint64) {
		host := srv.Host("a")
		a, err := Open(vfs.NewRetry(host.Process(), vfs.RetryOptions{Sleep: srv.Tick}), Options{Freshness: -1})
		require.NoError(t, err)
		b, err := Open(asMounted(srv.Host("b")), Options{Freshness: -1})
		require.NoError(t, err)
		c := &counting{t: t}
		require.NoError(t, c.up(b))
		handOn(b)
		away := errors.New("away")
		require.ErrorIs(t, a.Update(func(*Tx) error { // which has the lock until it ends
			host.CutOff()
			return away
		}), away)
		handOn(a)
		host.Reconnect()
		a.reclaiming.lookAround()
		require.False(t, a.board.isLost())
		require.NoError(t, c.up(b))
		handOn(b)
		require.NoError(t, c.up(a))
		require.NoError(t, c.read(b))
		_ = a.Close() // which returns what the background met meanwhile
		require.NoError(t, b.Close())
	})
}

// TestShareLostToNewcomer: a process that attaches anew does not take for its own what stands in the
// places that it had in the file, for the file was made anew meanwhile by one that was alone.
func TestShareLostToNewcomer(t *testing.T) {
	onServers(t, 2, func(t *testing.T, srv *vfs.Server, _ uint64) {
		host := srv.Host("a")
		opt := Options{Freshness: -1}
		retry := vfs.RetryOptions{Tries: 2, Sleep: srv.Tick}
		a, err := Open(vfs.NewRetry(host.Process(), retry), opt)
		require.NoError(t, err)
		c := &counting{t: t}
		require.NoError(t, c.up(a))
		host.CutOff()
		require.Error(t, c.up(a))
		srv.Restart()
		srv.Tick(2 * time.Minute)
		b, err := Open(asMounted(srv.Host("b")), opt)
		require.NoError(t, err)
		require.NoError(t, c.up(b))
		require.Equal(t, a.board.me(), b.board.me())
		handOn(b)

		host.Reconnect()
		c.goOn(func() error { return c.up(a) }, srv.Tick)
		handOn(a)
		for _, f := range a.board.files(nil) {
			require.Less(t, f.owner, mostSlots, "segment %d is nobody's", f.id)
		}
		a.reclaiming.lookAround()
		handOn(a)
		require.NoError(t, c.up(b))
		handOn(b)
		require.NoError(t, c.read(a))
		require.NoError(t, c.up(a))
		_ = a.Close() // which returns what the background met meanwhile
		require.NoError(t, b.Close())
	})
}

// TestShareLostBeforeAnything: a process that lost its locks before anything was stored goes on with the
// cache that another has begun meanwhile, whether that has stored something or not.
func TestShareLostBeforeAnything(t *testing.T) {
	for _, stored := range []bool{false, true} {
		onServers(t, 2, func(t *testing.T, srv *vfs.Server, _ uint64) {
			host := srv.Host("a")
			opt := Options{Freshness: -1}
			a, err := Open(vfs.NewRetry(host.Process(), vfs.RetryOptions{Tries: 2, Sleep: srv.Tick}), opt)
			require.NoError(t, err)
			host.CutOff()
			srv.Restart()
			srv.Tick(2 * time.Minute)
			b, err := Open(asMounted(srv.Host("b")), opt)
			require.NoError(t, err)
			c := &counting{t: t}
			if stored {
				require.NoError(t, c.up(b))
			}
			handOn(b)

			host.Reconnect()
			c.goOn(func() error { return c.up(a) }, srv.Tick)
			handOn(a)
			require.NoError(t, c.up(b))
			handOn(b)
			require.NoError(t, c.read(a))
			_ = a.Close() // which returns what the background met meanwhile
			require.NoError(t, b.Close())
		})
	}
}

// asItIs is the directory with the locks that it has.
func asItIs(fsys vfs.FS) vfs.FS { return fsys }

// losesLocks counts while things happen, on a disk that gets its locks by with, and where time
// passes by pass.
func losesLocks(t *testing.T, srv *vfs.Server, seed uint64, with func(vfs.FS) vfs.FS, pass func(time.Duration)) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	hosts := []*vfs.Host{srv.Host("a"), srv.Host("a"), srv.Host("b"), srv.Host("c")}
	cut := make(map[*vfs.Host]bool)
	fresh := []time.Duration{-1, time.Hour}[seed%2]
	opt := Options{Freshness: fresh, LockTimeout: 50 * time.Millisecond, SegmentSize: 4096, FileThreshold: -1}
	retry := vfs.RetryOptions{Tries: 2, Sleep: srv.Tick}
	procs := make([]*Engine, len(hosts))
	c := &counting{t: t, old: fresh > 0}
	last := 0
	for c.step = range 150 {
		i := rnd.IntN(len(procs))
		if procs[last] != nil && i != last && rnd.IntN(8) > 0 {
			handOn(procs[last])
		}
		last = i
		if procs[i] == nil {
			e, err := Open(with(vfs.NewRetry(hosts[i].Process(), retry)), opt)
			require.True(t, err == nil || len(cut) > 0 || errors.Is(err, ErrTimeout), "%v", err)
			procs[i] = e
			if err != nil {
				continue
			}
		}
		switch what := rnd.IntN(100); {
		case what < 60:
			if err := c.up(procs[i]); err != nil {
				require.NotErrorIs(t, err, ErrCorrupt)
			}
		case what < 80:
			_ = c.read(procs[i])
		case what < 84:
			hosts[i].CutOff()
			cut[hosts[i]] = true
		case what < 92:
			for h := range cut {
				h.Reconnect()
			}
			clear(cut)
		case what < 96:
			pass(time.Duration(rnd.IntN(30)) * time.Second)
		case what < 97:
			srv.Restart()
			pass(15 * time.Second)
		default:
			_ = procs[i].Close()
			procs[i] = nil
		}
	}
	for h := range cut {
		h.Reconnect()
	}
	pass(2 * time.Minute)
	c.old = false
	for _, e := range procs {
		if e == nil {
			continue
		}
		c.goOn(func() error { return c.up(e) }, pass)
		c.goOn(func() error { return c.read(e) }, pass)
		handOn(e)
	}
	for _, e := range procs {
		if e != nil {
			_ = e.Close() // which returns what the background met meanwhile
		}
	}
	var e *Engine
	disk := with(vfs.NewRetry(srv.Host("d").Process(), retry))
	c.goOn(func() (err error) { e, err = Open(disk, opt); return err }, pass)
	c.goOn(func() error { return c.read(e) }, pass)
	c.goOn(func() error { return c.up(e) }, pass)
	require.NoError(t, e.Close())
}

// TestShareSlotIsTaken: a process that was cut off for so long that another has its slot notices, and
// takes one of its own, whether it writes or reads first.
func TestShareSlotIsTaken(t *testing.T) {
	for _, f := range []vfs.Flavour{vfs.NFS4, vfs.SMB} {
		for _, first := range []string{"write", "read"} {
			t.Run(fmt.Sprint(f, " ", first), func(t *testing.T) { slotIsTaken(t, f, first) })
		}
	}
}

func slotIsTaken(t *testing.T, f vfs.Flavour, first string) {
	srv := vfs.NewServer(vfs.ServerOptions{Flavour: f, Choose: func(vfs.Question, int) int { return 0 }})
	away, c := srv.Host("a"), &counting{t: t}
	open := func(h *vfs.Host) *Engine {
		e, err := Open(asMounted(h), Options{Freshness: -1, SegmentSize: 4096, FileThreshold: -1})
		require.NoError(t, err)
		return e
	}
	a := open(away)
	require.NoError(t, c.up(a))
	handOn(a)
	away.CutOff()
	srv.Tick(2 * time.Minute)
	b := open(srv.Host("b"))
	require.Equal(t, a.board.me(), b.board.me())
	require.NoError(t, c.up(b))
	handOn(b)
	away.Reconnect()
	if first == "read" {
		_ = c.read(a)
	}
	c.goOn(func() error { return c.up(a) }, srv.Tick)
	handOn(a)
	require.NotEqual(t, b.board.me(), a.board.me())
	c.goOn(func() error { return c.up(b) }, srv.Tick)
	handOn(b)
	require.NoError(t, c.read(a))
	_ = a.Close() // which returns what the background met meanwhile
	require.NoError(t, b.Close())
}
