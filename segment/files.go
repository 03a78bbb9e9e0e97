package segment

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Files bounds the open handles of a log: a directory may have more segments
// than the process may have descriptors. Mapped segments need none.
type Files struct {
	Map    bool        // sealed segments are mapped where the system can
	Window int64       // new segments are written through memory, of this size; 0: not
	Tight  atomic.Bool // new segments are not, for want of room to reserve
	Reopen bool        // files of others are opened anew when they have grown
	// Removed is told of each segment whose files were removed, and of how many
	// bytes these had. all: none is left. nil: nobody.
	Removed func(s *Segment, bytes int64, all bool)
	// Settle puts on the disk what the records of a segment name, before the segment is
	// synced. nil: they name nothing.
	Settle func(s *Segment) error

	max  int
	mu   sync.Mutex
	open []*Segment // in the order of opening
}

// NewFiles returns a bound of max open handles, writers not counted.
func NewFiles(max int, mapped bool) *Files { return &Files{Map: mapped, max: max} }

// opened notes that s has a handle, and closes the oldest beyond the bound.
func (f *Files) opened(s *Segment) {
	var victim *Segment
	f.mu.Lock()
	if slices.Contains(f.open, s) { // two readers opened it at once
		f.mu.Unlock()
		return
	}
	f.open = append(f.open, s)
	if len(f.open) > f.max {
		victim = f.open[0]
		f.open = append(f.open[:0], f.open[1:]...)
	}
	f.mu.Unlock()
	if victim != nil && victim != s {
		// A read in flight keeps the descriptor until it is done; the next one
		// opens the file again. A read-only handle has nothing to lose at close.
		_ = victim.closeHandle()
	}
}

func (f *Files) forget(s *Segment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, o := range f.open {
		if o == s {
			f.open = append(f.open[:i], f.open[i+1:]...)
			return
		}
	}
}
