package engine

import (
	"errors"
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/go-diskcache/diskcache/evict"
)

// drawLimits picks limits, which may be lower than what is there already takes.
func (m *model) drawLimits() {
	m.opt.SizeLimit = rapid.SampledFrom([]int64{0, 0, 0, 30_000, 300_000}).Draw(m.T, "size limit")
	m.opt.CountLimit = rapid.SampledFrom([]int64{0, 0, 0, 7}).Draw(m.T, "count limit")
	m.opt.CullLimit = rapid.SampledFrom([]int{0, 0, 0, 3, -1}).Draw(m.T, "cull limit")
	m.opt.Policy = rapid.SampledFrom([]evict.Policy{
		evict.S3FIFO, evict.S3FIFO, evict.FIFO, evict.LRU, evict.LFU, evict.TTL, evict.LRUTTL, evict.None,
	}).Draw(m.T, "policy")
}

func (m *model) limited() bool { return m.opt.SizeLimit > 0 || m.opt.CountLimit > 0 }

// refused reports whether a write was refused for a limit, and nothing else.
func (m *model) refused(err error, what string) bool {
	m.Helper()
	switch {
	case err == nil:
		return false
	case errors.Is(err, ErrTooLarge) && m.limited():
		return true
	case errors.Is(err, ErrFull) && m.limited() && (m.opt.Policy == evict.None || m.opt.CullLimit != 0):
		return true
	}
	m.Fatalf("%s: %v: %s", what, err, m.e.state())
	return false
}

// state describes the engine's segments and files.
func (e *Engine) state() string {
	var b strings.Builder
	fmt.Fprintf(&b, "usage %d, disk %d, hints %d, snapshot %d (%d), limit %d, dropped %d, dead %d, pending %d, stray %d, orphans %v\n",
		e.usage(), e.DiskUsage(), e.reserve.hints.Load(), e.reserve.snapshot.Load(), e.snapshotOnDisk, e.limit(),
		e.dropped(), e.values.deadBytes.Load(), e.values.pendingBytes.Load(), e.values.strayBytes.Load(), e.bg.hasOrphans())
	if e.w.mu.TryLock() { // not within a transaction
		defer e.w.mu.Unlock()
	}
	for _, s := range e.w.bySlot {
		if s != nil {
			fmt.Fprintf(&b, "segment %d, stream %d: %d to %d, live %d (%d), tombstones %d, drops %d, active %v, being sealed %v\n", s.ID, s.Stream,
				s.Front.Load(), s.Length(), s.LiveBytes.Load(), s.LiveCount.Load(), s.TombBytes.Load(), s.DropBytes.Load(), e.w.writes(s), e.bg.seals(s))
		}
	}
	return b.String()
}

// configure changes limits while the engine is open. What it goes by it is asked.
func (m *model) configure() {
	old := m.opt
	m.drawLimits()
	next := m.opt
	m.opt = old
	err := m.e.Configure(func(s *Settings) {
		s.SizeLimit, s.CountLimit, s.CullLimit = next.SizeLimit, next.CountLimit, next.CullLimit
	})
	m.must(err, "configure")
	m.opt.SizeLimit, m.opt.CountLimit, m.opt.CullLimit = next.SizeLimit, next.CountLimit, next.CullLimit
}

// cull keeps the limits by hand.
func (m *model) cull() {
	_, err := m.e.Cull()
	m.must(err, "cull")
}

// lookForEvicted learns which items were given up for a limit: no more than the
// engine says. They never come back.
func (m *model) lookForEvicted() {
	if m.e == nil {
		return
	}
	s, err := m.e.Stats()
	m.must(err, "stats")
	given := s.Evicted - m.evicted
	m.evicted = s.Evicted
	if given == 0 {
		return
	}
	there := make(map[string]bool)
	for key, err := range m.e.Keys() {
		m.must(err, "keys")
		there[key] = true
	}
	for key := range m.items {
		if there[key] || m.lifeOf(key) != alive {
			continue
		}
		if given--; given < 0 {
			m.Fatalf("%q is gone, and %d items were evicted", key, s.Evicted)
		}
		delete(m.items, key)
	}
}

// evictedBefore learns whether a key was given up within the transaction that goes on, for
// a value that has a file.
func (m *model) evictedBefore(key string) {
	s, err := m.e.Stats()
	m.must(err, "stats")
	if s.Evicted == m.evicted || m.lifeOf(key) != alive {
		return
	}
	if ok, err := m.e.Has(key); err == nil && !ok {
		m.evicted++
		delete(m.items, key)
	}
}
