//go:build !linux

package vfs

import (
	"sync/atomic"
	"time"
)

// A word is looked at again after pauses that grow within these bounds: short
// for who is about to be woken, long for who waits for long.
const (
	minPoll = 50 * time.Microsecond
	maxPoll = time.Millisecond
)

func (p *osPage) Wait(i int, old uint64, d time.Duration) {
	end := time.Now().Add(d)
	for pause := minPoll; p.words[i].Load() == old; pause = min(2*pause, maxPoll) {
		left := time.Until(end)
		if left <= 0 {
			return
		}
		time.Sleep(min(pause, left))
	}
}

// wake has nothing to do: who waits looks by himself.
func wake(*atomic.Uint64) {}
