package main

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// mappedLimit is the limit without a system call for each record: they are gathered in a buffer,
// which a killed process loses, and read where the file is mapped.
type mappedLimit struct {
	*limitStore
	mapped []byte // nil where there is no such thing: read by system calls then

	mu      sync.Mutex
	buf     []byte       // what comes next, guarded by mu
	flushed atomic.Int64 // everything before is in the file; raised under mu
}

// limitBuffer is how much is gathered.
const limitBuffer = 256 << 10

// mapLength is more than will be written. The file is that long, but takes no space for it.
func mapLength() int64 {
	if strconv.IntSize == 32 {
		return 1 << 30
	}
	return 1 << 36
}

func openMappedLimit(dir string, o contest.Options) (contest.Store, error) {
	if o.Durable() {
		return nil, errors.ErrUnsupported
	}
	l, err := newLimitStore(dir, o)
	if err != nil {
		return nil, err
	}
	m := &mappedLimit{limitStore: l, buf: make([]byte, 0, limitBuffer)}
	if err := l.file.Truncate(mapLength()); err != nil {
		return nil, err
	}
	m.mapped, err = mapFile(l.file)
	return m, err
}

func (m *mappedLimit) Set(key, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.appendLocked(key, value)
}

func (m *mappedLimit) Batch(keys, values [][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, key := range keys {
		if err := m.appendLocked(key, values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *mappedLimit) appendLocked(key, value []byte) error {
	if err := m.roomLocked(m.length(len(value))); err != nil {
		return err
	}
	off := m.flushed.Load() + int64(len(m.buf))
	m.buf = m.appendRecord(m.buf, key, value)
	m.note(key, newPlace(off, len(value)))
	return nil
}

// roomLocked writes out what was gathered if n bytes more do not fit.
func (m *mappedLimit) roomLocked(n int) error {
	if len(m.buf)+n <= limitBuffer || len(m.buf) == 0 {
		return nil
	}
	if _, err := m.write(m.buf); err != nil {
		return err
	}
	m.flushed.Add(int64(len(m.buf)))
	m.buf = m.buf[:0]
	return nil
}

func (m *mappedLimit) Delete(key []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note(key, 0)
	if err := m.roomLocked(m.sizes.tombstone); err != nil {
		return err
	}
	m.buf = append(m.buf, zeros[:m.sizes.tombstone]...)
	return nil
}

func (m *mappedLimit) Get(key, buf []byte) ([]byte, error) {
	p, err := m.find(key)
	if err != nil {
		return nil, err
	}
	end := p.off() + int64(m.length(p.size()))
	if end > m.flushed.Load() {
		if b, ok := m.gathered(p, buf); ok {
			return b, nil
		}
	}
	if m.mapped == nil {
		return m.limitStore.Get(key, buf)
	}
	rec := m.mapped[p.off():end]
	_ = xxhash.Sum64(rec)
	return append(buf, rec[:p.size()]...), nil
}

// gathered returns a value that is not in the file yet, if that is still so.
func (m *mappedLimit) gathered(p place, buf []byte) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := p.off() - m.flushed.Load()
	if at < 0 {
		return nil, false
	}
	return append(buf, m.buf[at:at+int64(p.size())]...), true
}

func (m *mappedLimit) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.roomLocked(limitBuffer)
	if m.mapped != nil {
		err = errors.Join(err, unmap(m.mapped))
	}
	return errors.Join(err, m.limitStore.Close())
}
