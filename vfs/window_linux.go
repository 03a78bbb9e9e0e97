package vfs

import (
	"errors"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Room is reserved in steps of an eighth of the window within these bounds:
// large enough that the system calls do not count, small enough that an unclean
// end wastes little.
const (
	minReserve = 16 << 10
	maxReserve = 512 << 10
)

// window reserves the next step while the one before it is being filled, in a
// goroutine that ends with the step; Trim and Close wait for it.
type window struct {
	mapping
	f        *os.File
	step     int64
	reserved atomic.Int64
	wanted   atomic.Int64 // what a goroutine is about to reserve
	ahead    atomic.Bool  // it does

	mu  sync.Mutex // held while room is reserved
	end bool       // guarded by mu: no more is reserved
	wg  sync.WaitGroup
}

// Window maps the file for writing.
func (f *osFile) Window(size int64) (Window, error) {
	if !f.local || strconv.IntSize < 64 || size <= 0 {
		return nil, pathError("window", f.Name(), errors.ErrUnsupported)
	}
	page := int64(os.Getpagesize())
	w := &window{f: f.File, step: min(max(size/8, minReserve), maxReserve) &^ (page - 1)}
	err := withFD(f.File, func(fd uintptr) (err error) {
		w.data, err = unix.Mmap(int(fd), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		return err
	})
	if err != nil {
		return nil, pathError("window", f.Name(), err)
	}
	return w, nil
}

func (w *window) Reserved() int64 { return max(w.reserved.Load(), w.wanted.Load()) }

func (w *window) Reserve(n int64, stores bool) error {
	have := w.reserved.Load()
	if n <= have-w.step/2 {
		return nil
	}
	for have < n {
		if err := w.extend(have); err != nil {
			return err
		}
		have = w.reserved.Load()
	}
	if have < int64(len(w.data)) && w.ahead.CompareAndSwap(false, true) {
		w.reserveAhead(have, stores)
	}
	return nil
}

// reserveAhead reserves the step behind from and makes its pages present, if these are
// to be stored to. The writer does not wait for the pages: where it is faster it gets
// them by faults.
func (w *window) reserveAhead(from int64, stores bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.end {
		return
	}
	step := min(w.step, int64(len(w.data))-from)
	w.wanted.Store(from + step)
	w.wg.Go(func() {
		// What fails here fails again when it is needed, and is told then.
		if w.extend(from) != nil {
			w.wanted.Store(from)
		} else if stores {
			w.turnPages(from, step)
		}
		w.ahead.Store(false)
	})
}

// extend reserves one more step behind from, unless somebody else just did.
func (w *window) extend(from int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.end || w.reserved.Load() != from {
		return nil
	}
	step := min(w.step, int64(len(w.data))-from)
	if step <= 0 {
		return pathError("reserve", w.f.Name(), unix.EFBIG)
	}
	err := withFD(w.f, func(fd uintptr) error { return unix.Fallocate(int(fd), 0, from, step) })
	if err != nil {
		return pathError("reserve", w.f.Name(), err)
	}
	w.reserved.Store(from + step)
	return nil
}

// turnPages makes the pages of the new step present, which is cheaper at once
// than by a fault each, and lets go of those before it: they stay in the page
// cache and come back when they are touched, but do not count as this process's
// memory. Both are advice: a system that does not take it is slower, no more.
func (w *window) turnPages(from, step int64) {
	const madvPopulateWrite = 23 // Linux 5.14; not in package unix
	_ = unix.Madvise(w.data[from:from+step], madvPopulateWrite)
	if behind := from - 2*w.step; behind >= 0 { // the step before from is being filled
		_ = unix.Madvise(w.data[behind:behind+w.step], unix.MADV_DONTNEED)
	}
}

func (w *window) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end = true
	w.wanted.Store(w.reserved.Load())
}

// stop ends the reserving and waits for what runs.
func (w *window) stop() {
	w.Stop()
	w.wg.Wait()
}

func (w *window) Trim(n int64) error {
	w.stop()
	if n < w.reserved.Load() {
		if err := w.f.Truncate(n); err != nil {
			return pathError("truncate", w.f.Name(), err)
		}
		w.reserved.Store(n)
		w.wanted.Store(n)
	}
	_ = unix.Madvise(w.data, unix.MADV_DONTNEED)
	if err := unix.Mprotect(w.data, unix.PROT_READ); err != nil {
		return pathError("mprotect", w.f.Name(), err)
	}
	return nil
}

func (w *window) Close() error {
	w.stop()
	return w.mapping.Close()
}
