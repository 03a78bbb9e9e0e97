package engine

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

var watch sync.Mutex // guards all syncWatches

// faultWorkload is something that a cache does while a call fails. It begins with
// an open cache, or before it is opened.
type faultWorkload struct {
	name   string
	opt    Options
	opens  bool            // do opens the cache itself
	before func(*faultRun) // what is there when it begins
	do     func(r *faultRun)
}

// prepare makes the directory that the workload begins with.
func (w *faultWorkload) prepare(t *testing.T) (*vfs.Mem, map[string]promise) {
	now := time.Unix(1_700_000_000, 0)
	var mu sync.Mutex
	w.opt.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Microsecond)
		return now
	}
	if w.opt.SegmentSize == 0 {
		w.opt.SegmentSize = 2 << 10
	}
	w.opt.FileThreshold = 1 << 10
	w.opt.Policy = evict.None // a full disk is to cost nothing
	r := newFaultRun(vfs.NewMem(), w.opt, nil)
	if w.before != nil {
		require.NoError(t, r.open())
		w.before(r)
		r.kill()
		require.NoError(t, errors.Join(r.errs...))
		r.disk.Checkpoint()
		r.synced()
	}
	for key, p := range r.keys {
		p.running = cloneSet(p.killed)
		r.keys[key] = p
	}
	return r.disk, r.keys
}

// some fills a cache: inline and large values, over several segments.
func some(r *faultRun) {
	for i := range 20 {
		r.set(nth("k", i), 60+20*i)
	}
	for i := range 3 {
		r.set(nth("large", i), 1200+100*i)
	}
	r.del("k-03")
	r.set("k-04", 50)
}

func someClosed(r *faultRun) {
	some(r)
	r.close()
}

func allKeys(r *faultRun) {
	for i := range 20 {
		r.get(nth("k", i))
	}
	for i := range 3 {
		r.get(nth("large", i))
	}
}

func faultWorkloads() []*faultWorkload {
	return []*faultWorkload{
		{name: "open fresh", opens: true, do: func(r *faultRun) {
			_ = r.open()
			r.set("k-00", 40)
			r.get("k-00")
			r.close()
		}},
		{name: "set", do: func(r *faultRun) {
			for i := range 5 {
				r.set(nth("k", i), 40)
				r.get(nth("k", i))
			}
		}},
		{name: "overwrite", before: some, do: func(r *faultRun) {
			for i := range 8 {
				r.set(nth("k", i), 40+i)
				r.get(nth("k", i))
			}
		}},
		{name: "delete", before: some, do: func(r *faultRun) {
			for i := range 8 {
				r.del(nth("k", i))
				r.get(nth("k", i))
			}
		}},
		{name: "transaction", before: some, do: func(r *faultRun) {
			r.tx(50, "k-00", "k-01", "new", "-k-02")
			r.tx(1100, "k-05", "large-00", "-large-01")
			r.tx(50, "k-00", "k-05", "-new")
			allKeys(r)
		}},
		{name: "large", do: func(r *faultRun) {
			for i := range 3 {
				r.set(nth("large", i), 1500)
				r.get(nth("large", i))
			}
		}},
		{name: "large overwritten", before: some, do: func(r *faultRun) {
			r.set("large-00", 1300)
			r.set("large-01", 20)
			r.del("large-02")
			r.sync()
			r.set("large-01", 1400)
			r.sync()
			allKeys(r)
		}},
		{name: "large by a reader", before: some, do: func(r *faultRun) {
			r.setReader("large-00", 3000)
			r.setReader("k-00", 3000)
			r.setReader("k-01", 30)
			r.sync()
			allKeys(r)
		}},
		{name: "rotation", do: func(r *faultRun) {
			for i := range 20 {
				r.set(nth("k", i), 300)
			}
			allKeys(r)
		}},
		{name: "rotation, sealed", do: func(r *faultRun) {
			for i := range 20 {
				r.set(nth("k", i), 300)
				if r.e != nil && i%4 == 3 {
					r.failed("seal", r.e.sealRest())
				}
			}
			r.close()
		}},
		{name: "sync", do: func(r *faultRun) {
			for i := range 6 {
				r.set(nth("k", i), 40)
				r.del(nth("k", i-1))
				r.sync()
			}
		}},
		{name: "sync, rotation", before: some, do: func(r *faultRun) {
			for i := range 12 {
				r.set(nth("k", i), 400)
				if i%3 == 2 {
					r.sync()
				}
			}
			r.del("k-05")
			r.sync()
		}},
		{name: "durable", opt: Options{Sync: SyncAlways}, before: some, do: func(r *faultRun) {
			for i := range 6 {
				r.set(nth("k", i), 40)
				r.get(nth("k", i))
			}
			r.del("k-07")
			r.tx(30, "k-08", "-k-09")
			allKeys(r)
		}},
		{name: "durable, rotation", opt: Options{Sync: SyncAlways}, do: func(r *faultRun) {
			for i := range 14 {
				r.set(nth("k", i%5), 400)
			}
			r.set("large-00", 1100)
			r.del("k-00")
		}},
		{name: "close", before: some, do: func(r *faultRun) {
			r.set("k-00", 20)
			r.close()
		}},
		{name: "close and open", before: some, do: func(r *faultRun) {
			r.set("k-00", 20)
			r.close()
			_ = r.open()
			allKeys(r)
			r.close()
		}},
		{name: "open with a snapshot", opens: true, before: someClosed, do: func(r *faultRun) {
			_ = r.open()
			allKeys(r)
			r.set("k-02", 30)
			r.kill()
			_ = r.open()
			allKeys(r)
		}},
		{name: "open after a kill", opens: true, before: some, do: func(r *faultRun) {
			_ = r.open()
			allKeys(r)
			r.sync()
		}},
		{name: "open with hints", opens: true, before: func(r *faultRun) {
			someClosed(r)
			_ = r.disk.Remove(codec.SnapshotName)
		}, do: func(r *faultRun) {
			_ = r.open()
			allKeys(r)
			r.set("k-02", 30)
			r.close()
		}},
		{name: "open with a damaged snapshot", opens: true, before: func(r *faultRun) {
			someClosed(r)
			b := r.disk.ReadFile(codec.SnapshotName)
			b[len(b)-100] ^= 1
			r.disk.WriteFile(codec.SnapshotName, b)
		}, do: func(r *faultRun) {
			_ = r.open()
			allKeys(r)
			r.tx(30, "k-00", "-k-01")
			r.close()
		}},
		{name: "check", before: some, do: func(r *faultRun) {
			r.check(false)
			r.check(true)
		}},
		{name: "check and fix", opens: true, before: func(r *faultRun) {
			someClosed(r)
			_ = r.disk.Remove(codec.SnapshotName)
			for _, name := range r.disk.Names() {
				if strings.HasSuffix(name, ".hint") {
					_ = r.disk.Remove(name)
				}
			}
			r.disk.WriteFile(codec.ValueName(12345), []byte("nothing names this"))
		}, do: func(r *faultRun) {
			_ = r.open()
			r.check(false)
			r.check(true)
			r.close()
		}},
		{name: "iterate", before: some, do: func(r *faultRun) {
			r.iterate()
			r.close()
			_ = r.open()
			r.iterate()
		}},
		{name: "readers", before: some, do: func(r *faultRun) {
			for _, key := range []string{"k-00", "large-00", "large-01"} {
				r.stream(key)
			}
			r.close()
		}},
		{name: "cold reads", opt: Options{MaxOpenFiles: 1}, before: someClosed, opens: true, do: func(r *faultRun) {
			_ = r.open()
			allKeys(r)
			allKeys(r)
		}},
		{name: "items", before: some, do: func(r *faultRun) {
			for _, key := range []string{"k-00", "large-00", "k-03"} {
				if r.e == nil {
					return
				}
				_, v, err := r.e.GetItem(key)
				r.read(key, v, err)
				_, err = r.e.Has(key)
				r.failed("has", err)
			}
		}},
		{name: "collisions", opt: Options{Hash: func(key string) uint64 { return uint64(len(key)%2) << 62 }}, before: some, do: func(r *faultRun) {
			for i := range 6 {
				r.set(nth("k", i), 40)
				r.del(nth("k", i+6))
			}
			allKeys(r)
			r.close()
			_ = r.open()
			allKeys(r)
		}},
	}
}

func (r *faultRun) check(fix bool) {
	if r.e == nil {
		return
	}
	problems, err := r.e.Check(fix)
	r.failed("check", err)
	for _, p := range problems {
		if errors.Is(p.Err, ErrCorrupt) {
			r.wrong("check: %v", p)
		}
	}
}

// iterate walks over all items: those that can be read come, once.
func (r *faultRun) iterate() {
	if r.e == nil {
		return
	}
	seen := make(map[string]bool)
	failed := false
	for kv, err := range r.e.Items() {
		if err != nil {
			r.failed("items", err)
			failed = true
			continue
		}
		r.read(kv.Key, kv.Value, nil)
		if seen[kv.Key] {
			r.wrong("items: %q came twice", kv.Key)
		}
		seen[kv.Key] = true
	}
	for key, p := range r.keys {
		if !failed && !p.running[""] && !seen[key] {
			r.wrong("items: %q did not come", key)
		}
	}
}

// stream reads a value by a Reader that stays open while the key is set again.
func (r *faultRun) stream(key string) {
	if r.e == nil {
		return
	}
	rd, _, err := r.e.Reader(key)
	if err != nil {
		r.read(key, nil, err)
		return
	}
	may := r.p(key)
	r.set(key, 30)
	r.sync()
	v, err := io.ReadAll(rd)
	r.failed("read from a reader", err)
	if err == nil && !may.running[string(v)] {
		r.wrong("a reader of %q: wrong value %.40q", key, v)
	}
	if err := rd.Close(); err != nil {
		r.failed("close a reader", fmt.Errorf("reader: %w", err))
	}
}
