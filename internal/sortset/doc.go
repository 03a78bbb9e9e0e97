// Package sortset keeps byte strings in order, in little more memory than they take, and with
// few pointers for the collector to follow.
//
//	Set     blocks, in order
//	block   up to 128 chunks, in order, and how many strings these hold
//	chunk   up to 128 strings or 4 KiB: what all of them begin with, once, then the rest of each
//
// To find a string is a binary search over blocks, chunks and strings. Blocks and chunks know how
// many strings they have, so that the place of a string, and the string at a place, are found as
// well. Strings that are added in order, from either end of wherever they belong, fill chunks whole.
//
// Nothing here is safe for use by several goroutines at once.
//
// Files, in reading order: chunk.go, set.go, change.go, walk.go.
package sortset
