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
	now   func() time.Time
	nonce uint64
	beats uint64                    // how often it has said so
	last  atomic.Pointer[time.Time] // when the last beat began that reached the disk
	dead  atomic.Bool               // it has lost all that it had
	end   func()                    // no beat comes any more
}

func begin(fsys vfs.FS, nonce uint64, o Options) (*life, error) {
	l := &life{fs: fsys, nonce: nonce, beats: 1, now: o.Now}
	now := l.now()
	f, err := fsys.Create(codec.BeatName(nonce))
	if err != nil {
		return nil, err
	}
	if err := store(f, codec.Lease{Holder: nonce, Beats: l.beats}); err != nil {
		return nil, err
	}
	l.last.Store(&now)
	l.end = o.Every(Beat, l.beat)
	return l, nil
}

// every is Options.Every, by a goroutine.
func every(d time.Duration, f func()) (end func()) {
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		ticks := time.NewTicker(d)
		defer ticks.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticks.C:
				f()
			}
		}
	})
	return func() {
		close(stop)
		done.Wait()
	}
}

// beat says that the process lives. If it cannot for long, it does not. Who took it for dead has
// removed the file.
func (l *life) beat() {
	if l.overdue() {
		return
	}
	now := l.now()
	l.beats++
	f, err := l.fs.OpenWrite(codec.BeatName(l.nonce))
	if err == nil {
		err = store(f, codec.Lease{Holder: l.nonce, Beats: l.beats})
	}
	switch {
	case err == nil && !l.overdue():
		l.last.Store(&now)
	case vfs.IsGone(err):
		l.dead.Store(true)
	}
}

// overdue reports whether the process has nothing any more, since it said too long ago that it
// lives. A machine that sleeps may stop the one clock, somebody may set the other.
func (l *life) overdue() bool {
	now, last := l.now(), *l.last.Load()
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
