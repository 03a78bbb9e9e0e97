package vfs

// ForkGuard tells whether this process is a forked child of the one that made
// the guard. Such a child has a copy of the memory, with none of the goroutines
// and none of the locks that the memory speaks of.
type ForkGuard struct{ mark forkMark }

// NewForkGuard makes a guard for this process.
func NewForkGuard() *ForkGuard {
	g := new(ForkGuard)
	g.mark.set()
	return g
}

// Forked is true in a forked child. It is cheap enough for every operation:
// one load on Linux, one system call on other systems that fork.
func (g *ForkGuard) Forked() bool { return g.mark.gone() }
