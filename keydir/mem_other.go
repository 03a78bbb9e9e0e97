//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly) || race

package keydir

// A memory hands out zeroed tables. Here they come from the Go heap, and one
// that was taken back is left to the collector, which sees to it that readers
// have gone. The race detector watches only such memory, so its builds use it.
type memory struct{}

func (m *memory) alloc(n int) []bucket { return make([]bucket, n) }

func (m *memory) release([]bucket) {}

func (m *memory) close() {}
