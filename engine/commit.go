package engine

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
)

// Op is one change of one key.
type Op struct {
	Record codec.Record // kind, key, hash, value and what is set with it; digested
	Value  valueFile    // the file that the record names, if it names one

	// From is where a record stands that is committed again as it is: a put only
	// if it is still the newest of its key, a tombstone in any case.
	From *source
	Hits uint8 // that a put which is committed again begins with

	// Silent gives up the put at From without a tombstone. No record is written for
	// it: the drop that is committed with it says so.
	Silent bool

	// OnlyAt makes a tombstone conditional: the newest record of the key stands there.
	OnlyAt *source

	// Strict fails a commit with errStale in which a record that it moves or gives up
	// is not the newest of its key any more.
	Strict bool

	// If and Edit make an operation depend on what is there: see decide.go. It is the only one
	// of its commit.
	If   Condition
	Edit editor

	// Declined is set by a commit: nothing was done, for what is there is not what If or Edit want.
	Declined bool

	// Keeps is set for a put that has the value of the record which it replaces: the file too, if
	// that names one.
	Keeps bool

	// Again is set for a drop that was committed before, and still matters.
	Again bool

	// Turn orders the first insertions of one commit: their First are as many numbers apart. Anew says that the commit removes the item
	// before it stores this one, so that it is a first insertion.
	Turn int
	Anew bool

	// Existed is set by a commit: an item of the key was there and had not
	// expired.
	Existed bool
}

// brings returns the file of a value that a put stores anew.
func (op *Op) brings() valueFile {
	if op.Keeps {
		return valueFile{}
	}
	return op.Value
}

// source is a record in a segment.
type source struct {
	seg  *segment.Segment
	off  int64
	size int64
}

// request is one commit that waits for its turn.
type request struct {
	ops  []Op
	one  [1]Op  // what ops is for most commits
	to   stream // where it goes; fresh: where it belongs
	need int64  // bytes that it takes below SizeLimit, with those staged before it
	err  error
	done chan struct{}
}

var requests = sync.Pool{New: func() any { return &request{done: make(chan struct{}, 1)} }}

func (r *request) free() {
	clear(r.ops)
	r.one = [1]Op{}
	r.ops, r.err, r.to, r.need = nil, nil, fresh, 0
	requests.Put(r)
}

// queue collects requests while a commit is under way. The first one in it leads:
// its goroutine takes the writer lock and commits all that have come by then.
type queue struct {
	mu    sync.Mutex
	reqs  []*request
	spare []*request
	any   atomic.Bool // reqs is not empty; read without the lock
}

// join adds r and reports whether it leads.
func (q *queue) join(r *request) (leads bool) {
	q.mu.Lock()
	q.reqs = append(q.reqs, r)
	leads = len(q.reqs) == 1
	q.any.Store(true)
	q.mu.Unlock()
	return leads
}

// waiting reports whether somebody waits for the writer lock. Who comes then must
// not overtake: each would commit, and sync, for itself alone.
func (q *queue) waiting() bool { return q.any.Load() }

// take returns all requests and begins a new group.
func (q *queue) take() []*request {
	q.mu.Lock()
	group := q.reqs
	q.reqs = q.spare[:0]
	q.any.Store(false)
	q.spare = nil
	q.mu.Unlock()
	return group
}

// gather lets others that are about to write join the group, which is worth it
// where each group costs a sync: those of the last group have just been woken, and
// whoever comes later waits for a whole sync. It ends when nobody comes any more.
func (q *queue) gather() {
	for before := -1; ; {
		runtime.Gosched()
		q.mu.Lock()
		n := len(q.reqs)
		q.mu.Unlock()
		if n == before {
			return
		}
		before = n
	}
}

func (q *queue) giveBack(group []*request) {
	clear(group)
	q.mu.Lock()
	q.spare = group[:0]
	q.mu.Unlock()
}

// commit makes the changes of r one commit: all of them or none. It returns once
// they are as durable as the options ask for and every later read sees them.
func (e *Engine) commit(r *request) error {
	err := e.commitOnce(r)
	if err == nil || err != errNoRoom && !errors.Is(err, ErrNoSpace) {
		return err
	}
	w := e.wantOf(r)
	for e.makesRoom(w, r, &err, false) {
		r.err = nil
		err = e.commitOnce(r)
	}
	return err
}

// makesRoom makes room for a commit that has failed for the want of it, and reports
// whether it is to be tried again; if not, err says why.
func (e *Engine) makesRoom(w *want, r *request, err *error, locked bool) bool {
	switch {
	case *err == errNoRoom:
		w.bytes = max(w.bytes, r.need)
		*err = e.makeRoom(w, locked)
		return *err == nil
	case errors.Is(*err, ErrNoSpace) && grows(r):
		if !w.again { // others may have made some meanwhile
			w.again = true
			return true
		}
		return e.makeSpace(w, locked)
	}
	return false
}

func (e *Engine) commitOnce(r *request) error {
	if e.forked() {
		return ErrForked
	}
	e.bg.help()
	durable := e.opt.Sync == SyncAlways
	if !durable && !e.queue.waiting() && e.tryEnter() { // alone: no need to queue
		e.w.alone[0] = r
		e.commitGroup(e.w.alone[:])
		e.w.alone[0] = nil
		e.leave()
		return r.err
	}
	if !e.queue.join(r) {
		<-r.done
		return r.err
	}
	err := e.enter(e.life)
	if err == nil && durable {
		e.queue.gather()
	}
	group := e.queue.take()
	if err == nil {
		e.commitGroup(group)
		e.leave()
	} else {
		for _, r := range group {
			r.err = err
		}
	}
	err = r.err
	for _, other := range group {
		if other != r {
			other.done <- struct{}{}
		}
	}
	e.queue.giveBack(group)
	return err
}

// commitGroup commits each request by itself, with as few writes and syncs as
// possible. The caller holds the writer lock.
func (e *Engine) commitGroup(group []*request) {
	if e.w.closed {
		for _, r := range group {
			r.err = ErrClosed
		}
		return
	}
	s := &e.w.stage
	for _, r := range group {
		if err := s.add(r); err != nil {
			r.err = err
		}
	}
	s.flush()
	for _, r := range group {
		if r.err != nil {
			e.deleteWithout(r)
		}
	}
}
