package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/internal/history"
)

// crew is the processes that work on one directory, and what is done to them meanwhile.
type crew struct {
	tasks  []task // of each process; dir, seed and client are the crew's to say
	dir    string
	hosts  []host // of the processes, by turns; none: all are started here
	seed   uint64
	events []event // by when they are due
	bar    progress

	rand       *rand.Rand
	members    []*member // that run, by their places
	all        []*member // that ever ran
	nextClient int
	returned   atomic.Int64  // operations, of all
	told       chan struct{} // something has returned
	ended      chan *member
	released   bool // those that work without an end are to end
	resumed    chan *member
	stopped    int // that are to be resumed yet
	faults     faults
	kills      []killed
	stops      int
}

// event is something that is done to a process, chosen at random, when so many
// operations have returned.
type event struct {
	at   int64
	what deed
	stop time.Duration // how long it is stopped

	command string // what the fault is
}

type deed int

const (
	kill deed = iota
	stop
	fault
	rest // nothing: those that work without an end go on until then
)

// killed is a process that was killed.
type killed struct {
	at     int64 // when
	member *member
}

// member is one process.
type member struct {
	place  int
	task   task
	host   host
	cmd    *exec.Cmd
	pid    int           // by which its host knows it; 0: it has ended before it said so
	begun  chan struct{} // closed when pid is set
	stdin  io.Closer
	log    []byte // all that it wrote; the reader's until it has ended
	stderr bytes.Buffer
	killed bool
	err    error
}

// hangs is how long nothing may happen: longer than any call waits for another process.
const hangs = 3 * time.Minute

// lateness is by how much an event comes after the operation that it is due at: about
// as long as the next ones take, and every other time up to 16 times as long, which is
// about what a process takes to start.
const lateness = 2 * time.Millisecond

// run starts the processes, does to them what is to be done, and returns when all have
// done their work.
func (c *crew) run() (err error) {
	c.rand = rand.New(rand.NewPCG(c.seed, 3))
	c.told, c.ended, c.resumed = make(chan struct{}, 1), make(chan *member), make(chan *member)
	c.faults.over = make(chan faultOver)
	c.members = make([]*member, len(c.tasks))
	defer c.endAll()
	for place := range c.tasks {
		if err := c.start(place, c.tasks[place]); err != nil {
			return err
		}
	}
	for c.running() > 0 || c.faults.going > 0 {
		c.release()
		hung := time.NewTimer(hangs)
		select {
		case <-c.told:
			err = c.due()
		case m := <-c.ended:
			err = c.goOn(m)
		case m := <-c.resumed:
			c.resume(m)
		case o := <-c.faults.over:
			err = c.faults.end(o)
		case <-hung.C:
			err = c.hung()
		}
		hung.Stop()
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *crew) running() (n int) {
	for _, m := range c.members {
		if m != nil {
			n++
		}
	}
	return n
}

func (c *crew) start(place int, t task) error {
	h := c.hostOf(place)
	t.dir, t.seed, t.client = h.dir, c.seed, c.nextClient
	c.nextClient += t.clients
	cmd, err := h.newChild(t.args()...)
	if err != nil {
		return err
	}
	m := &member{place: place, task: t, host: h, cmd: cmd, begun: make(chan struct{})}
	cmd.Stderr = &m.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	m.stdin = stdin
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.members[place] = m
	c.all = append(c.all, m)
	go c.listen(m, out)
	return nil
}

// returnedRecord is how the record of a return begins, but for its numbers.
var returnedRecord = []byte(`{"phase":"return",`)

// listen reads what a process writes until its end.
func (c *crew) listen(m *member, out io.Reader) {
	lines := bufio.NewReaderSize(out, 64<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if len(m.log) == 0 {
			m.begin(line)
		}
		m.log = append(m.log, line...)
		if err != nil {
			break
		}
		if bytes.HasPrefix(line, returnedRecord) {
			c.returned.Add(1)
			select {
			case c.told <- struct{}{}:
			default: // it is known already that there is something
			}
		}
	}
	m.err = m.cmd.Wait()
	c.ended <- m
}

// due does what is due by now.
func (c *crew) due() error {
	for len(c.events) > 0 && c.events[0].at <= c.returned.Load() {
		e := c.events[0]
		c.events = c.events[1:]
		switch e.what {
		case rest:
			continue
		case fault:
			c.faults.begin(e.command)
			continue
		}
		running := slices.DeleteFunc(slices.Clone(c.members), func(m *member) bool { return m == nil || m.killed })
		if len(running) == 0 {
			c.events = append([]event{e}, c.events...) // when another has begun
			return nil
		}
		time.Sleep(time.Duration(c.rand.Int64N(int64(lateness) << (4 * c.rand.IntN(2)))))
		m := running[c.rand.IntN(len(running))]
		do := c.kill
		if e.what == stop {
			do = func(m *member) error { return c.stop(m, e.stop) }
		}
		if err := do(m); err != nil && !errors.Is(err, os.ErrProcessDone) { // it may have ended by itself
			return err
		}
	}
	return nil
}

func (c *crew) kill(m *member) error {
	at := monotonic()
	if err := m.signal(sigKill); err != nil {
		return err
	}
	m.killed = true
	c.kills = append(c.kills, killed{at, m})
	c.bar.step()
	return nil
}

func (c *crew) stop(m *member, d time.Duration) error {
	if err := m.signal(sigStop); err != nil {
		return err
	}
	c.stops++
	c.stopped++
	time.AfterFunc(d, func() { c.resumed <- m })
	return nil
}

func (c *crew) resume(m *member) {
	c.stopped--
	_ = m.signal(sigContinue) // it may have been killed meanwhile
}

// goOn has another process go on in the place of one that was killed.
func (c *crew) goOn(m *member) error {
	c.members[m.place] = nil
	if m.err != nil && !m.killed {
		return m.failed()
	}
	if m.err == nil && m.killed { // it had ended by itself, just before
		m.killed = false
		c.kills = slices.DeleteFunc(c.kills, func(k killed) bool { return k.member == m })
	}
	if !m.killed || m.task.ops == 0 && c.released {
		return c.due() // it may have returned faster than it was listened to
	}
	t := m.task
	t.ops, t.owner = c.left(m), c.tasks[m.place].owner
	if t.ops == 0 && m.task.ops > 0 {
		return nil
	}
	if err := c.start(m.place, t); err != nil {
		return err
	}
	return c.due() // what had to wait for it: sometimes it dies while it opens the cache
}

// left returns how many operations each client has to do yet; those that have done more
// than others do more than they had to.
func (c *crew) left(m *member) int {
	if m.task.ops == 0 || m.task.anew {
		return m.task.ops
	}
	done := bytes.Count(m.log, returnedRecord) / m.task.clients
	return max(0, m.task.ops-done)
}

// release tells those that work without an end to end, once there is nothing more to
// be done for the others.
func (c *crew) release() {
	if c.released || c.stopped > 0 {
		return
	}
	limited := slices.ContainsFunc(c.tasks, func(t task) bool { return t.ops > 0 })
	busy := slices.ContainsFunc(c.members, func(m *member) bool { return m != nil && m.task.ops > 0 })
	if busy || !limited && len(c.events) > 0 {
		return
	}
	c.released = true
	for _, m := range c.members {
		if m != nil {
			_ = m.stdin.Close() // all that can be wrong with it is that nobody reads it
		}
	}
}

// failed says why a process has ended that was not killed.
func (m *member) failed() error {
	err := m.err
	if m.cmd.ProcessState.ExitCode() == exitLocked {
		err = fmt.Errorf("%w: another process has the directory for itself", diskcache.ErrLocked)
	}
	return fmt.Errorf("process %d ended by itself: %w\n%s", m.place, err, tail(m.stderr.Bytes()))
}

// tail returns the end of what may be very long.
func tail(b []byte) []byte {
	const most = 32 << 10
	return b[max(0, len(b)-most):]
}

var errHung = errors.New("no operation has returned")

func (c *crew) hung() error {
	err := fmt.Errorf("%w for %v", errHung, hangs)
	for _, m := range c.members {
		if m != nil {
			_ = m.signal(sigContinue)
			_ = m.signal(sigStacks)
			c.await(m)
			err = errors.Join(err, fmt.Errorf("process %d:\n%s", m.place, tail(m.stderr.Bytes())))
		}
	}
	return err
}

// await waits for the end of a process, and takes note of those that end before it.
func (c *crew) await(m *member) {
	for c.members[m.place] == m {
		select {
		case e := <-c.ended:
			c.members[e.place] = nil
		case r := <-c.resumed:
			c.resume(r)
		case o := <-c.faults.over:
			_ = c.faults.end(o)
		}
	}
}

// endAll leaves no process, no timer and no fault behind.
func (c *crew) endAll() {
	for _, m := range c.members {
		if m != nil {
			_ = m.signal(sigKill)
			c.await(m)
		}
	}
	for c.stopped > 0 || c.faults.going > 0 {
		select {
		case r := <-c.resumed:
			c.resume(r)
		case o := <-c.faults.over:
			_ = c.faults.end(o)
		}
	}
}

// merge makes a history of what all processes have written.
func (c *crew) merge(more ...[]byte) (*history.Merged, error) {
	m := history.NewMerger()
	for _, p := range c.all {
		more = append(more, p.log)
	}
	for _, log := range more {
		if err := m.Add(log); err != nil {
			return nil, err
		}
	}
	return m.Merge(), nil
}

// placeOf returns the place that a client was in.
func (c *crew) placeOf(client int) int {
	i := slices.IndexFunc(c.all, func(m *member) bool { return client >= m.task.client && client < m.task.client+m.task.clients })
	if i < 0 {
		return -1 // it was of no process of the crew
	}
	return c.all[i].place
}
