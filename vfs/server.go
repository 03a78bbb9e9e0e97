package vfs

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Server is a network disk in memory: one directory on the disk of a server,
// which hosts have mounted, each with any number of processes. It shows each
// process what NFS or SMB may show it, as was measured with real ones:
//
//	srv := vfs.NewServer(vfs.ServerOptions{Flavour: vfs.NFS4, Seed: seed})
//	a, b := srv.Host("a"), srv.Host("b")
//	p, q, r := a.Process(), a.Process(), b.Process() // each is an FS
//
// What a host writes is in its own cache until a Sync or a Close, or until its
// system writes it back, parts of it first in any order (hostcache.go). A file
// that is open may have its old size or old pages for other hosts, a name may
// be missing or still there (hostname.go), locks may be lost (hostlock.go), and
// a handle may go stale. Where a real disk may show what is old, Choose decides.
//
// What holds always:
//
//   - Processes of one host see one another's writes at once.
//   - What was synced, or written and closed, all see who open the file for
//     reading afterwards, unless their own host has had it open for writing
//     meanwhile. On SMB its size may be up to a second old, the bytes are not.
//   - A listing has all names that there are; their sizes may be old. (SMB has
//     names that were removed, too, until nobody has had them open for a second.)
//   - Of many that Create a name, or try for a lock, one succeeds. (With SMB none
//     may, for a second after the name was another file's.)
//   - All that is old is seen as it is a minute later (SMB: a second), but for
//     bytes that a host has read, in a file that it has had open for writing
//     since.
//
// Nothing here sleeps: time passes by Tick, by ServerOptions.Now, and where a
// call would wait for the server.
type Server struct {
	o    ServerOptions
	disk *Mem

	mu      sync.Mutex // guards all below, and all of the hosts
	rand    *rand.Rand
	passed  time.Duration // by Tick, or waited for
	start   time.Time
	looked  time.Duration // when what is old was last looked for
	hosts   []*Host
	changes map[int]uint64 // of each inode: what tells a host that it has changed
	locks   map[lockKey]*hostLocks
	grace   time.Duration     // until then only locks from before a restart are given
	exits   []func()          // what the systems of killed processes have still to close
	opened  int               // handles so far
	pending map[*inode]string // SMB: by name, what was removed but is open
	silly   int               // names made so far for what is removed but open
}

// Flavour is the kind of a network disk.
type Flavour int

const (
	NFS3 Flavour = iota
	NFS4
	SMB
)

func (f Flavour) String() string { return [...]string{"NFSv3", "NFSv4", "SMB"}[f] }

// lasts is how long each flavour may show what is old.
var lasts = [...]struct {
	attrs time.Duration // sizes
	names time.Duration
	dirty time.Duration // until it is written back
	lease time.Duration // that a host keeps its locks which is not heard of; 0: for ever
}{
	NFS3: {time.Minute, time.Minute, time.Minute, 0},
	NFS4: {time.Minute, time.Minute, time.Minute, 11 * time.Second},
	SMB:  {time.Second, time.Second, time.Second, time.Minute},
}

// graceTime is how long a server that was started gives no new locks.
const graceTime = 12 * time.Second

// ServerOptions are the kind of a network disk, and what decides.
type ServerOptions struct {
	// Flavour is the kind. Default: NFS3.
	Flavour Flavour

	// Seed makes other choices. Tests print it.
	Seed uint64

	// Choose answers questions with a number below n. 0 is what a local disk
	// would do; the higher, the older or the worse is what is shown. It is
	// called under a lock and must not use the Server. Default: at random, by Seed.
	Choose func(q Question, n int) int

	// NoLocks has the server give no locks: ErrNoLocks.
	NoLocks bool

	// Now is a clock that runs beside Tick. Default: none, time stands still.
	Now func() time.Time
}

// Question is what a Server leaves to chance.
type Question string

const (
	AskSize      Question = "size"       // 1: the size that the host knows of
	AskPage      Question = "page"       // 1: the bytes that the host has
	AskName      Question = "name"       // 1: what the host knows of a name
	AskWriteBack Question = "write back" // 3: a part of what is only in a cache goes to the server now
	AskPart      Question = "part"       // which one
	AskWhole     Question = "whole page" // 1: a write is written back with all of its page
	AskExit      Question = "exit"       // 0: what a killed process had open is closed now, one after the other
	AskOrder     Question = "order"      // which one is next: of files to close, of pages to write
	AskGone      Question = "gone"       // 1: ESTALE, not ENOENT, for a name that led to a file that is gone
	AskPending   Question = "pending"    // 1: SMB keeps what another host has open although it was removed
	AskDenied    Question = "denied"     // 1: SMB refuses to rename over what another host has open
	AskError     Question = "error"      // of a host that is cut off: ETIMEDOUT or EIO
	AskArrives   Question = "arrives"    // 1: the first call after the cut was done, only the answer is lost
	AskDropped   Question = "dropped"    // 1: what could not be written back is forgotten
	AskLease     Question = "lease"      // 1: locks that lapsed are gone though nobody wanted them
	AskLost      Question = "lost"       // 1: after a lapse what was open cannot be synced any more: EIO
	AskImage     Question = "image"      // what a crash of the server leaves
)

// NewServer returns a server with an empty directory.
func NewServer(o ServerOptions) *Server {
	s := &Server{
		o:       o,
		disk:    NewMem(),
		rand:    rand.New(rand.NewPCG(o.Seed, 0)),
		changes: make(map[int]uint64),
		locks:   make(map[lockKey]*hostLocks),
		pending: make(map[*inode]string),
	}
	s.disk.Network = true
	if o.Now != nil {
		s.start = o.Now()
	}
	return s
}

// Disk is the server's own disk: what a process on the server sees, and what
// crashes of it may leave. Its Resize makes the server full. It is to be looked
// at; who changes it does so behind the server's back.
func (s *Server) Disk() *Mem { return s.disk }

// Host is a host that has the directory mounted. A name that was used is the
// same host; if that was killed, it has been started again.
func (s *Server) Host(name string) *Host {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.hosts {
		if h.name == name && !h.dead {
			return h
		}
	}
	for key, l := range s.locks { // a host that starts tells the server
		if l.p.h.name == name {
			delete(s.locks, key)
		}
	}
	h := &Host{s: s, name: name, files: make(map[int]*cached), names: make(map[string]known)}
	s.hosts = append(s.hosts, h)
	return h
}

// Tick lets time pass: killed processes have ended, and what is old enough is
// written back.
func (s *Server) Tick(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.exits) > 0 {
		s.exit()
	}
	s.passed += d
	s.writeBackOld()
}

// now is the time since the server was made.
func (s *Server) now() time.Duration {
	if s.o.Now != nil {
		return s.passed + s.o.Now().Sub(s.start)
	}
	return s.passed
}

func (s *Server) choose(q Question, n int) int {
	if n == 1 {
		return 0
	}
	if s.o.Choose != nil {
		return s.o.Choose(q, n)
	}
	return s.rand.IntN(n)
}

func (s *Server) isSMB() bool { return s.o.Flavour == SMB }

// meanwhile is what happens by itself while something else is done.
func (s *Server) meanwhile() {
	if len(s.exits) > 0 && s.choose(AskExit, 2) == 0 {
		s.exit()
	}
	s.writeBackOld()
	if s.choose(AskWriteBack, 4) == 3 {
		s.writeBackSome()
	}
}

// exit closes the next thing that a killed process had open.
func (s *Server) exit() {
	next := s.exits[0]
	s.exits = s.exits[1:]
	next()
}

// dirtyFiles are the files of which something is only in the cache of a host
// that the server can be reached from.
func (s *Server) dirtyFiles() (dirty []*cached) {
	for _, h := range s.hosts {
		if !h.cut {
			dirty = append(dirty, h.dirtyFiles()...)
		}
	}
	return dirty
}

// writeBackOld looks for what is old whenever time has passed.
func (s *Server) writeBackOld() {
	if s.now() == s.looked {
		return
	}
	s.looked = s.now()
	for node := range s.pending {
		s.removePending(node)
	}
	for _, c := range s.dirtyFiles() {
		if s.now()-c.since >= lasts[s.o.Flavour].dirty {
			c.flush()
		}
	}
}

// writeBackSome writes back a part of a page.
func (s *Server) writeBackSome() {
	dirty := s.dirtyFiles()
	if len(dirty) == 0 {
		return
	}
	c := dirty[s.choose(AskOrder, len(dirty))]
	pages := c.dirtyPages()
	c.flushSome(pages[s.choose(AskOrder, len(pages))])
}
