package engine

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/go-diskcache/diskcache/vfs"
)

// crashClock stands still, so that sequences and times are always in conflict.
var crashClock = time.Unix(1_700_000_000, 0)

// driver does to a store what a workload says, and notes it in the trace of the
// disk. A step that fails ends the workload by a panic with a driverError.
type driver struct {
	disk *vfs.Mem
	opt  Options
	e    *Engine
	n    int // of the last step
	rand *rand.Rand
}

type driverError struct{ err error }

func (d *driver) must(err error) {
	if err != nil {
		panic(driverError{fmt.Errorf("step %d: %w", d.n, err)})
	}
}

// newDriver opens a store on disk. The versions of later steps are above n.
func newDriver(disk *vfs.Mem, o Options, n int, seed uint64) *driver {
	if o.Now == nil {
		o.Now = func() time.Time { return crashClock }
	}
	return &driver{disk: disk, opt: o, n: n, rand: rand.New(rand.NewPCG(seed, 1))}
}

func (d *driver) open() {
	var err error
	d.e, err = Open(d.disk, d.opt)
	d.must(err)
}

// attempt notes what is about to be written.
func (d *driver) attempt(writes ...write) {
	d.n++
	d.disk.Note(step{d.n, writes})
}

// done notes that the last step has returned.
func (d *driver) done(err error) {
	d.must(err)
	d.disk.Note(acked(d.n))
	if d.opt.Sync == SyncAlways {
		d.disk.Note(synced(d.n))
	}
}

func (d *driver) set(key string, size int) { d.setWith(key, size, Attrs{}) }

func (d *driver) setWith(key string, size int, a Attrs) {
	d.attempt(write{key: key, expires: a.Expires})
	d.done(d.e.Set(key, oracleValue(key, d.n, size), a))
}

// setReader stores by a reader that hands out little at a time.
func (d *driver) setReader(key string, size int) {
	d.attempt(write{key: key})
	d.done(d.e.SetReader(key, &slowReader{oracleValue(key, d.n, size), 777}, Attrs{}))
}

func (d *driver) del(key string) {
	d.attempt(write{key: key, del: true})
	_, err := d.e.Delete(key)
	d.done(err)
}

// setIf sets a key on a condition that holds.
func (d *driver) setIf(key string, size int, c Condition) {
	d.attempt(write{key: key})
	ok, err := d.e.SetIf(key, oracleValue(key, d.n, size), Attrs{}, c)
	d.did(ok, err)
}

// did is done for what reports whether there was anything to do: there was.
func (d *driver) did(ok bool, err error) {
	if err == nil && !ok {
		err = errors.New("nothing was done")
	}
	d.done(err)
}

func (d *driver) touch(key string, expires int64) {
	d.attempt(write{key: key, touch: true, expires: expires})
	d.did(d.e.Touch(key, expires))
}

func (d *driver) pop(key string) {
	d.attempt(write{key: key, del: true})
	_, v, err := d.e.Pop(key)
	if err == nil {
		_, err = oracleVersion(key, v)
	}
	d.done(err)
}

// put is a set of one key in a transaction; a size of 0 deletes, one of touched touches.
type put struct {
	key  string
	size int // touched: of the value that is there
}

const touched = -1

func (d *driver) tx(puts ...put) {
	writes := make([]write, len(puts))
	for i, p := range puts {
		writes[i] = write{key: p.key, del: p.size == 0, touch: p.size == touched}
	}
	d.attempt(writes...)
	d.done(d.e.Update(func(tx *Tx) error {
		for _, p := range puts {
			var err error
			switch p.size {
			case 0:
				_, err = tx.Delete(p.key)
			case touched:
				_, err = tx.Touch(p.key, 0)
			default:
				err = tx.Set(p.key, oracleValue(p.key, d.n, p.size), Attrs{})
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

func (d *driver) sync() {
	d.must(d.e.Sync())
	d.disk.Note(synced(d.n))
}

func (d *driver) close() {
	d.must(d.e.Close())
	d.disk.Note(synced(d.n))
}

func (d *driver) reopen() {
	d.close()
	d.open()
}

// kill is the death of the process, and the start of the next.
func (d *driver) kill() {
	dead := d.e
	d.disk = d.disk.Clone()
	d.must(dead.Close()) // on a disk that nobody looks at any more
	d.open()
}

// rotate begins a new segment.
func (d *driver) rotate() {
	d.e.w.mu.Lock()
	defer d.e.w.mu.Unlock()
	if w := d.e.w.active[fresh]; w != nil && !w.Empty() {
		d.must(d.e.rotate(fresh))
	}
}

// compact takes all garbage back.
func (d *driver) compact() { d.must(d.e.Compact()) }

// background does what the engine's own goroutine does, whenever it would.
func (d *driver) background() {
	d.must(d.e.sealRest())
	d.must(d.e.values.removeDead())
}

// slowReader hands out at most n bytes at a time.
type slowReader struct {
	b []byte
	n int
}

func (r *slowReader) Read(b []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), r.n)], r.b)
	r.b = r.b[n:]
	return n, nil
}
