package fanout

import (
	"sync"

	"github.com/cespare/xxhash/v2"
)

// gate keeps readers of this process from seeing a transaction in a part of its shards. It is
// in stripes, so that readers of different keys do not meet; who commits closes all.
type gate struct {
	stripes [64]struct {
		sync.RWMutex
		_ [64]byte
	}
}

// enter lets a reader in. The caller unlocks what it returns.
func (g *gate) enter(home string) *sync.RWMutex {
	s := &g.stripes[xxhash.Sum64String(home)%uint64(len(g.stripes))].RWMutex
	s.RLock()
	return s
}

// close waits until no reader is in, and keeps others out until open.
func (g *gate) close() {
	for i := range g.stripes {
		g.stripes[i].Lock()
	}
}

func (g *gate) open() {
	for i := range g.stripes {
		g.stripes[i].Unlock()
	}
}
