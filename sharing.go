package diskcache

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/go-diskcache/diskcache/engine"
)

// sharedDir is a directory that this process has open, once for all who opened it: locks of
// the system are per process, and two engines would know nothing of one another.
type sharedDir struct {
	id    engine.DirIdentity // of nothing, for what is no directory of the system
	opt   Options            // of the first
	e     *engine.Engine
	users int           // guarded by dirs.mu
	ready chan struct{} // closed when e or err is there
	err   error
	gone  chan struct{} // closed when the last has closed it
	ends  bool          // the last is closing it; guarded by dirs.mu
}

var dirs struct {
	mu   sync.Mutex
	list []*sharedDir
}

// openShared opens a directory, or shares it with who has it open in this process.
func openShared(dir string, o *Options) (*sharedDir, error) {
	for {
		id, err := identify(dir, o)
		if err != nil {
			return nil, err
		}
		dirs.mu.Lock()
		s := findDir(id, o.ReadOnly)
		if s == nil {
			s = &sharedDir{id: id, opt: *o, users: 1, ready: make(chan struct{}), gone: make(chan struct{})}
			dirs.list = append(dirs.list, s)
			dirs.mu.Unlock()
			return s, s.open(dir)
		}
		if s.ends {
			dirs.mu.Unlock()
			<-s.gone
			continue
		}
		s.users++
		dirs.mu.Unlock()
		<-s.ready
		if s.err != nil { // whoever was first has failed, for reasons of its own perhaps
			<-s.gone
			continue
		}
		if err := s.opt.agrees(o); err != nil {
			return nil, errors.Join(err, s.close())
		}
		if err := s.e.Give(engineSettings(o)); err != nil {
			return nil, errors.Join(err, s.close())
		}
		return s, nil
	}
}

// identify returns what tells the directory from others, and makes it if it is not there.
func identify(dir string, o *Options) (engine.DirIdentity, error) {
	if o.disk != nil {
		return engine.DirIdentity{}, nil
	}
	id, err := engine.IdentifyDir(dir)
	if o.ReadOnly || !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	fsys, err := o.open(dir)
	if err == nil {
		err = fsys.Close()
	}
	if err != nil {
		return id, err
	}
	return engine.IdentifyDir(dir)
}

// findDir returns what this process has open of a directory: who reads only and who writes know
// nothing of each other.
func findDir(id engine.DirIdentity, readOnly bool) *sharedDir {
	i := slices.IndexFunc(dirs.list, func(s *sharedDir) bool { return s.id.Same(id) && s.opt.ReadOnly == readOnly })
	if i < 0 {
		return nil
	}
	return dirs.list[i]
}

func (s *sharedDir) open(dir string) error {
	defer close(s.ready)
	fsys, err := s.opt.open(dir)
	if err == nil {
		s.e, err = engine.Open(fsys, s.opt.engine())
	}
	if err != nil {
		s.err = err
		s.forget()
	}
	return err
}

func (s *sharedDir) forget() {
	dirs.mu.Lock()
	dirs.list = slices.DeleteFunc(dirs.list, func(o *sharedDir) bool { return o == s })
	dirs.mu.Unlock()
	close(s.gone)
}

// close ends one use. The last one closes the engine.
func (s *sharedDir) close() error {
	dirs.mu.Lock()
	s.users--
	s.ends = s.users == 0
	last := s.ends
	dirs.mu.Unlock()
	if !last {
		return nil
	}
	err := s.e.Close()
	s.forget()
	return err
}

// engineSettings returns the settings among options.
func engineSettings(o *Options) engine.Settings {
	s := o.settings()
	return s.engine()
}

// agrees returns an error if another opening in this process wants what this one is not.
func (o *Options) agrees(p *Options) error {
	for _, f := range []struct {
		name string
		a, b int64
	}{
		{"SegmentSize", o.SegmentSize, p.SegmentSize}, {"Sync", int64(o.Sync), int64(p.Sync)},
		{"SyncInterval", int64(o.SyncInterval), int64(p.SyncInterval)},
		{"LockTimeout", int64(o.LockTimeout), int64(p.LockTimeout)}, {"Freshness", int64(o.Freshness), int64(p.Freshness)},
		{"Locking", int64(o.Locking), int64(p.Locking)},
	} {
		if f.b != 0 && f.b != f.a {
			return fmt.Errorf("%w: %s is %d, this process has the directory open with %d", ErrOption, f.name, f.b, f.a)
		}
	}
	return nil
}
