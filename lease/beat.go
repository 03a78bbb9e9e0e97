package lease

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/vfs"
)

// life is a process that says that it lives.
type life struct {
	fs    vfs.FS
	nonce uint64
	last  atomic.Pointer[time.Time] // when the last beat began that reached the disk
	dead  atomic.Bool               // it has lost all that it had
	stop  chan struct{}
	done  sync.WaitGroup
}

func begin(fsys vfs.FS, nonce uint64) (*life, error) {
	l := &life{fs: fsys, nonce: nonce, stop: make(chan struct{})}
	now := time.Now()
	f, err := fsys.Create(codec.BeatName(nonce))
	if err != nil {
		return nil, err
	}
	if err := store(f, codec.Lease{Holder: nonce, Beats: 1}); err != nil {
		return nil, err
	}
	l.last.Store(&now)
	l.done.Go(l.run)
	return l, nil
}

func (l *life) end() {
	close(l.stop)
	l.done.Wait()
}

func (l *life) run() {
	ticks := time.NewTicker(Beat)
	defer ticks.Stop()
	for n := uint64(2); !l.overdue(); n++ {
		select {
		case <-l.stop:
			return
		case <-ticks.C:
			l.beat(n)
		}
	}
}

// beat says that the process lives. If it cannot for long, it does not. Who took it for dead has
// removed the file.
func (l *life) beat(n uint64) {
	now := time.Now()
	f, err := l.fs.OpenWrite(codec.BeatName(l.nonce))
	if err == nil {
		err = store(f, codec.Lease{Holder: l.nonce, Beats: n})
	}
	switch {
	case err == nil:
		if !l.overdue() {
			l.last.Store(&now)
		}
	case vfs.IsGone(err):
		l.dead.Store(true)
	}
}

// overdue reports whether the process has nothing any more, since it said too long ago that it
// lives. A machine that sleeps may stop the one clock, somebody may set the other.
func (l *life) overdue() bool {
	now, last := time.Now(), *l.last.Load()
	if now.Sub(last) > Hold || now.Round(0).Sub(last.Round(0)) > Hold {
		l.dead.Store(true)
	}
	return l.dead.Load()
}

// store writes a file that holds a lease, and closes it. It is on the disk when it returns.
func store(f vfs.File, l codec.Lease) error {
	_, err := f.WriteAt(codec.AppendLease(nil, l), 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
