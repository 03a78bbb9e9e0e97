package engine

import (
	"context"
	"sync"
)

// sealing lets one goroutine seal at a time: the background's, Sync's or Close's, or
// that of a writer who needs what is sealed. Who holds the writer lock may wait for
// it as well, so who seals says so while it wants that lock.
type sealing struct {
	mu     sync.Mutex
	change sync.Cond
	busy   bool
	wants  int // how many want the writer lock
}

func (s *sealing) init() { s.change.L = &s.mu }

func (s *sealing) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.busy {
		s.change.Wait()
	}
	s.busy = true
}

// beginLocked is begin for the holder of the writer lock. It is false where who seals
// waits for that.
func (s *sealing) beginLocked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.busy && s.wants == 0 {
		s.change.Wait()
	}
	if s.busy {
		return false
	}
	s.busy = true
	return true
}

func (s *sealing) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = false
	s.change.Broadcast()
}

// enter takes the writer lock of the directory for one who seals.
func (s *sealing) enter(ctx context.Context, e *Engine) error {
	if e.tryEnter() {
		return nil
	}
	s.want(1)
	defer s.want(-1)
	return e.enter(ctx)
}

// lock takes the writer lock of the process for one who seals.
func (s *sealing) lock(w *writer) {
	if w.mu.TryLock() {
		return
	}
	s.want(1)
	w.mu.Lock()
	s.want(-1)
}

func (s *sealing) want(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wants += n
	s.change.Broadcast()
}
