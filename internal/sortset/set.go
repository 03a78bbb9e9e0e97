package sortset

import (
	"sort"
	"unsafe"
)

// Set is a set of byte strings, in their order. The zero value is empty.
type Set struct {
	blocks []*block
	n      int
	bytes  int // of chunks
}

const mostChunks = 128 // of a block

type block struct {
	chunks []*chunk
	n      int // strings
}

// Len returns the number of strings.
func (t *Set) Len() int { return t.n }

// Has reports whether s is there.
func (t *Set) Has(s []byte) bool {
	b, c := t.locate(s)
	if b < 0 {
		return false
	}
	_, ok := t.blocks[b].chunks[c].find(s)
	return ok
}

// Rank returns how many strings come before s.
func (t *Set) Rank(s []byte) int {
	b, c := t.locate(s)
	if b < 0 {
		return 0
	}
	n := 0
	for _, x := range t.blocks[:b] {
		n += x.n
	}
	for _, x := range t.blocks[b].chunks[:c] {
		n += x.len()
	}
	i, _ := t.blocks[b].chunks[c].find(s)
	return n + i
}

// AppendAt appends to dst the string before which there are i others. There are more than i.
func (t *Set) AppendAt(dst []byte, i int) []byte {
	b := 0
	for ; i >= t.blocks[b].n; b++ {
		i -= t.blocks[b].n
	}
	c := 0
	chunks := t.blocks[b].chunks
	for ; i >= chunks[c].len(); c++ {
		i -= chunks[c].len()
	}
	return chunks[c].append(dst, i)
}

// locate returns the block and the chunk in which s is, or would be: the last one that does not begin
// behind it. The block is -1 if the set is empty.
func (t *Set) locate(s []byte) (b, c int) {
	if n := len(t.blocks); n > 0 { // mostly strings come at the end
		last := t.blocks[n-1]
		if m := len(last.chunks) - 1; last.chunks[m].compare(0, s) <= 0 {
			return n - 1, m
		}
	}
	b = sort.Search(len(t.blocks), func(i int) bool { return t.blocks[i].chunks[0].compare(0, s) > 0 }) - 1
	if b < 0 {
		return min(0, len(t.blocks)-1), 0
	}
	chunks := t.blocks[b].chunks
	return b, sort.Search(len(chunks), func(i int) bool { return chunks[i].compare(0, s) > 0 }) - 1
}

// MemBytes returns how many bytes of memory the set takes. It looks at the blocks only.
func (t *Set) MemBytes() int {
	n := int(unsafe.Sizeof(*t)) + cap(t.blocks)*pointerBytes + t.bytes
	for _, b := range t.blocks {
		n += int(unsafe.Sizeof(*b)) + cap(b.chunks)*pointerBytes
	}
	return n
}

const pointerBytes = int(unsafe.Sizeof(uintptr(0)))
