// Package prefetch tells the processor of memory that is about to be used, so that it comes while
// other work is done: one that is not in any cache takes as long as a few hundred instructions.
// A lock, which all loads before it have to wait for, does not wait for a prefetch. An address need
// not be valid. On processors other than amd64 and arm64 nothing happens.
package prefetch

// line is the length of a cache line, or a part of it.
const line = 64
