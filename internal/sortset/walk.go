package sortset

import "iter"

// From returns the strings from s on, in their order. A string is good until the next one; the
// set must not be changed meanwhile.
func (t *Set) From(s []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		b, c := t.locate(s)
		if b < 0 {
			return
		}
		i, _ := t.blocks[b].chunks[c].find(s)
		var buf []byte
		for ok := true; ok; b, c, ok = t.after(b, c) {
			chunk := t.blocks[b].chunks[c]
			for ; i < chunk.len(); i++ {
				buf = chunk.append(buf[:0], i)
				if !yield(buf) {
					return
				}
			}
			i = 0
		}
	}
}

// Before returns the strings before s, the last one first. What is said of From holds here too.
func (t *Set) Before(s []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		b, c := t.locate(s)
		if b < 0 {
			return
		}
		i, _ := t.blocks[b].chunks[c].find(s)
		var buf []byte
		for {
			chunk := t.blocks[b].chunks[c]
			for i--; i >= 0; i-- {
				buf = chunk.append(buf[:0], i)
				if !yield(buf) {
					return
				}
			}
			if c--; c < 0 {
				if b--; b < 0 {
					return
				}
				c = len(t.blocks[b].chunks) - 1
			}
			i = t.blocks[b].chunks[c].len()
		}
	}
}
