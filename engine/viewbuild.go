package engine

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/internal/sortset"
	"github.com/go-diskcache/diskcache/keydir"
	"github.com/go-diskcache/diskcache/segment"
)

// viewSlack is by how much a view may be longer than the index, besides being twice as long.
const viewSlack = 1000

// withView calls fn with a view, with its lock held; fn reads no disk. locked: the caller has the
// writer lock.
func (e *Engine) withView(k viewKind, locked bool, fn func(*view)) error {
	v := &e.views
	for range maxLookups {
		v.mu.Lock()
		if x := v.built[k]; x != nil && !x.overgrown(e.index.Load()) {
			fn(x)
			v.mu.Unlock()
			return nil
		}
		v.mu.Unlock()
		if err := e.buildView(k, locked); err != nil {
			return err
		}
	}
	return errRestless
}

// overgrown reports whether more than half of a view is of keys that are gone.
func (x *view) overgrown(index *keydir.Index) bool {
	if x.set.Len() <= x.most {
		return false
	}
	x.most = 2*index.Len() + viewSlack
	return x.set.Len() > x.most
}

// buildView builds a view by a walk over the heads of all records. Commits go on meanwhile, and
// tell it of their keys.
func (e *Engine) buildView(k viewKind, locked bool) error {
	v := &e.views
	if !locked {
		v.turn.Lock()
		defer v.turn.Unlock()
	}
	x, err := e.beginView(k, locked)
	if x == nil || err != nil {
		return err
	}
	runs, err := e.readRuns(k, locked)
	if err == nil {
		v.fill(x, runs)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.Index(v.making, x)
	if i < 0 {
		return err // the index was built anew meanwhile
	}
	v.making = slices.Delete(v.making, i, i+1)
	if err == nil && (v.built[k] == nil || v.built[k].overgrown(e.index.Load())) {
		x.most = max(x.set.Len()*2, viewSlack)
		v.built[k] = x
		v.seq = max(v.seq, e.followed.Load())
		v.epoch.Add(1)
	}
	return err
}

// beginView makes an empty view that is told of all commits that are applied from now on; nil if
// another goroutine has built one meanwhile.
func (e *Engine) beginView(k viewKind, locked bool) (*view, error) {
	v := &e.views
	x := &view{kind: k}
	v.mu.Lock()
	if b := v.built[k]; b != nil && !b.overgrown(e.index.Load()) {
		v.mu.Unlock()
		return nil, nil
	}
	x.since = v.loose.Load()
	v.making = append(v.making, x)
	v.on.Store(true)
	v.mu.Unlock()
	if !locked && e.board.w[wordSeq].Load() != e.followed.Load() {
		// A commit that did not see that there are views may be about to be applied. It is
		// published: one that is published later sees it.
		if err := e.followNow(); err != nil {
			v.mu.Lock()
			v.making = slices.DeleteFunc(v.making, func(o *view) bool { return o == x })
			v.mu.Unlock()
			return nil, err
		}
	}
	return x, nil
}

// A run is what one goroutine has read for a view: strings, in order at last.
type run struct {
	e      *Engine
	kind   viewKind
	buf    []byte
	pieces []piece
	key    []byte // buffers
	tag    []byte
	fail   error // why a key could not be read that is not lost
}

// piece is a string of a run.
type piece struct {
	start  uint64 // the first bytes behind what all strings have in common
	off, n int
}

func (r *run) at(i int) []byte { return r.buf[r.pieces[i].off:][:r.pieces[i].n] }

// readRuns reads the keys of all shards.
func (e *Engine) readRuns(k viewKind, locked bool) ([]*run, error) {
	runs := make([]*run, min(runtime.GOMAXPROCS(0), maxRuns))
	errs := make([]error, len(runs))
	var next atomic.Int64
	var all sync.WaitGroup
	for i := range runs {
		r := &run{e: e, kind: k}
		runs[i] = r
		all.Go(func() {
			for errs[i] == nil {
				shard := int(next.Add(1)) - 1
				if shard >= e.shards() {
					break
				}
				errs[i] = r.readShard(shard, locked)
			}
			r.sort()
		})
	}
	all.Wait()
	return runs, cmp.Or(errs...) // mostly all are the same
}

// maxRuns bounds how many goroutines read for a view.
const maxRuns = 8

func (r *run) readShard(shard int, locked bool) error {
	pieces, n := len(r.pieces), len(r.buf)
	err := r.e.readShard(shard, locked, func() { r.pieces, r.buf, r.fail = r.pieces[:pieces], r.buf[:n], nil }, r.add)
	return cmp.Or(err, r.fail)
}

// add adds the key of an entry. One that is damaged has no place in any order; Keys, Check and the
// statistics tell of it. Where the disk fails otherwise there is no view: it would lack what is there.
func (r *run) add(set *segment.Set, entry keydir.Entry) error {
	err := r.addEntry(set, entry)
	if err != nil && !errors.Is(err, ErrCorrupt) {
		r.fail = err
	}
	return err
}

func (r *run) addEntry(set *segment.Set, entry keydir.Entry) error {
	slot, off := r.e.layout.Split(entry.Place)
	seg := set.At(slot)
	if seg == nil {
		return nil // of a newer set: this one is over
	}
	h, key, tag, err := seg.HeadAndTag(off, r.key[:0], r.tag[:0])
	if err != nil {
		return r.e.corrupt(err)
	}
	if r.key, r.tag = key, tag; r.e.opt.Hash(string(key)) != h.Hash {
		return r.e.corrupt(&segment.DamageError{File: seg.Name(), Offset: off, Err: codec.ErrChecksum})
	}
	at := len(r.buf)
	buf, ok := r.kind.append(r.buf, key, h.First, tag)
	if ok {
		r.buf = buf
		r.pieces = append(r.pieces, piece{off: at, n: len(buf) - at})
	}
	return nil
}

// sort puts the strings in order. What they begin with, mostly the same, is compared once.
func (r *run) sort() {
	if len(r.pieces) == 0 {
		return
	}
	common := len(r.at(0))
	for i := range r.pieces {
		common = shared(r.at(0)[:common], r.at(i))
	}
	for i := range r.pieces {
		var start [8]byte
		copy(start[:], r.at(i)[common:])
		r.pieces[i].start = binary.BigEndian.Uint64(start[:])
	}
	slices.SortFunc(r.pieces, func(a, b piece) int {
		if a.start != b.start {
			return cmp.Compare(a.start, b.start)
		}
		return bytes.Compare(r.buf[a.off:][:a.n], r.buf[b.off:][:b.n])
	})
}

// shared returns with how many bytes both begin.
func shared(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// fillSlice is how many strings are added to a view at a time: commits wait for that.
const fillSlice = 1000

// fill adds what the runs have, in order, so that the view takes little memory.
func (v *views) fill(x *view, runs []*run) {
	next := make([]int, len(runs))
	for more := true; more; {
		v.mu.Lock()
		for range fillSlice {
			if more = addNext(&x.set, runs, next); !more {
				break
			}
		}
		v.mu.Unlock()
	}
}

// addNext adds the first string that is left of any run.
func addNext(set *sortset.Set, runs []*run, next []int) bool {
	least := -1
	for i, r := range runs {
		if next[i] < len(r.pieces) && (least < 0 || bytes.Compare(r.at(next[i]), runs[least].at(next[least])) < 0) {
			least = i
		}
	}
	if least < 0 {
		return false
	}
	set.Add(runs[least].at(next[least]))
	next[least]++
	return true
}
