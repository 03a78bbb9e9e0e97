package sortset

import (
	"bytes"
	"slices"
	"unsafe"
)

const (
	mostStrings = 128  // of a chunk
	mostBytes   = 4096 // of a chunk that has more than one string
)

// chunk holds some strings, at least one. What all begin with is there once.
type chunk struct {
	buf    []byte   // the common beginning, then the rests of the strings one after the other
	common int      // length of that beginning
	ends   []uint16 // where the rests end in buf, but for the last
}

func newChunk(s []byte) *chunk { return &chunk{buf: bytes.Clone(s), common: len(s)} }

// memBytes returns how many bytes of memory the chunk takes.
func (c *chunk) memBytes() int { return int(unsafe.Sizeof(*c)) + cap(c.buf) + 2*cap(c.ends) }

func (c *chunk) len() int { return len(c.ends) + 1 }

// rest returns what string i has behind the common beginning.
func (c *chunk) rest(i int) []byte {
	from, to := c.common, len(c.buf)
	if i > 0 {
		from = int(c.ends[i-1])
	}
	if i < len(c.ends) {
		to = int(c.ends[i])
	}
	return c.buf[from:to]
}

// append appends string i to dst.
func (c *chunk) append(dst []byte, i int) []byte {
	return append(append(dst, c.buf[:c.common]...), c.rest(i)...)
}

// compare compares string i with s.
func (c *chunk) compare(i int, s []byte) int {
	n := min(c.common, len(s))
	if x := bytes.Compare(c.buf[:c.common], s[:n]); x != 0 {
		return x
	}
	return bytes.Compare(c.rest(i), s[n:])
}

// find returns the place of s, or where it would be.
func (c *chunk) find(s []byte) (int, bool) {
	n := min(c.common, len(s))
	switch x := bytes.Compare(c.buf[:c.common], s[:n]); {
	case x > 0:
		return 0, false
	case x < 0:
		return c.len(), false
	}
	i, j := 0, c.len()
	for i < j {
		m := int(uint(i+j) >> 1)
		switch x := bytes.Compare(c.rest(m), s[n:]); {
		case x == 0:
			return m, true
		case x < 0:
			i = m + 1
		default:
			j = m
		}
	}
	return i, false
}

// shared returns how many bytes s has in common with all strings.
func (c *chunk) shared(s []byte) int {
	n := min(c.common, len(s))
	for i := range n {
		if c.buf[i] != s[i] {
			return i
		}
	}
	return n
}

// takes reports whether there is room for s.
func (c *chunk) takes(s []byte) bool {
	shared := c.shared(s)
	return c.len() < mostStrings && len(c.buf)+(c.len()-1)*(c.common-shared)+len(s)-shared <= mostBytes
}

// insert makes s string i. There is room for it.
func (c *chunk) insert(i int, s []byte) {
	c.shorten(c.shared(s))
	s = s[c.common:]
	at := c.common
	switch {
	case i == c.len():
		at = len(c.buf)
	case i > 0:
		at = int(c.ends[i-1])
	}
	c.reserve(len(s))
	if i == c.len() {
		c.ends = append(c.ends, uint16(at))
	} else {
		for j := i; j < len(c.ends); j++ {
			c.ends[j] += uint16(len(s))
		}
		c.ends = slices.Insert(c.ends, i, uint16(at+len(s)))
	}
	c.buf = slices.Insert(c.buf, at, s...)
}

// reserve makes room for n bytes: a little more than is needed, for most chunks get full.
func (c *chunk) reserve(n int) {
	if len(c.buf)+n > cap(c.buf) {
		grown := make([]byte, len(c.buf), min(len(c.buf)+n+len(c.buf)/4+32, max(mostBytes, len(c.buf)+n)))
		copy(grown, c.buf)
		c.buf = grown
	}
	if len(c.ends) == cap(c.ends) {
		c.ends = slices.Grow(c.ends, min(1+len(c.ends)/4+4, mostStrings))
	}
}

// shorten leaves n bytes of the common beginning and gives the others to each string.
func (c *chunk) shorten(n int) {
	if n == c.common {
		return
	}
	more := c.buf[n:c.common]
	buf := make([]byte, 0, len(c.buf)+(c.len()-1)*len(more)+64)
	buf = append(buf, c.buf[:n]...)
	for i := range c.len() {
		rest := c.rest(i)
		if i > 0 {
			c.ends[i-1] = uint16(len(buf)) // the end of the one before; nothing reads it any more
		}
		buf = append(append(buf, more...), rest...)
	}
	c.buf, c.common = buf, n
}

// remove takes string i out. Another one is left.
func (c *chunk) remove(i int) {
	n := len(c.rest(i))
	if i == len(c.ends) {
		c.buf = c.buf[:len(c.buf)-n]
		c.ends = c.ends[:i-1]
		return
	}
	to := int(c.ends[i])
	c.buf = slices.Delete(c.buf, to-n, to)
	c.ends = slices.Delete(c.ends, i, i+1)
	for j := i; j < len(c.ends); j++ {
		c.ends[j] -= uint16(n)
	}
}

// split takes the strings from i on out, and returns them as a chunk. Neither part is empty.
func (c *chunk) split(i int) *chunk {
	right := c.part(i, c.len())
	*c = *c.part(0, i)
	return right
}

// part returns a chunk of the strings from i to j, with all that these have in common. They are
// in order, so that is what the first and the last have in common.
func (c *chunk) part(i, j int) *chunk {
	p := newChunk(c.append(nil, i))
	if j-i > 1 {
		p.common = p.shared(c.append(nil, j-1))
	}
	skip := p.common - c.common
	for ; i+1 < j; i++ {
		p.ends = append(p.ends, uint16(len(p.buf)))
		p.buf = append(p.buf, c.rest(i + 1)[skip:]...)
	}
	p.clip()
	return p
}

// clip gives back room that is not used.
func (c *chunk) clip() {
	c.buf, c.ends = clipped(c.buf), clipped(c.ends)
}

func clipped[E any](s []E) []E {
	if cap(s)-len(s) <= len(s)/16 {
		return s
	}
	return append(make([]E, 0, len(s)), s...)
}

// join adds the strings of the chunk behind this one, if there is room for all.
func (c *chunk) join(next *chunk) bool {
	shared := next.shared(c.buf[:c.common])
	size := shared + len(c.buf) - c.common + c.len()*(c.common-shared) + len(next.buf) - next.common + next.len()*(next.common-shared)
	if size > mostBytes/2 {
		return false
	}
	var s []byte
	for i := range next.len() {
		s = next.append(s[:0], i)
		c.insert(c.len(), s)
	}
	return true
}
