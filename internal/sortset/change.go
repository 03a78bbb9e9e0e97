package sortset

import "slices"

// Add adds s, and reports whether it was not there. It does not keep s.
func (t *Set) Add(s []byte) bool {
	for {
		b, c := t.locate(s)
		if b < 0 {
			t.insertChunk(0, 0, newChunk(s))
			return true
		}
		chunk := t.blocks[b].chunks[c]
		i, found := chunk.find(s)
		switch {
		case found:
			return false
		case t.put(b, c, i, s):
			return true
		case i > 0 && i < chunk.len(): // then there is room or, if s is long, there will be
			t.bytes -= chunk.memBytes()
			right := chunk.split(chunk.len() / 2)
			t.bytes += chunk.memBytes()
			t.count(b, -right.len())
			t.insertChunk(b, c+1, right)
			continue
		case i == 0: // before all that there are
			t.insertChunk(b, c, newChunk(s))
			return true
		}
		// Between this chunk, which stays full, and the next.
		t.resize(chunk, chunk.clip)
		if nb, nc, ok := t.after(b, c); !ok || !t.put(nb, nc, 0, s) {
			t.insertChunk(b, c+1, newChunk(s))
		}
		return true
	}
}

// put makes s string i of a chunk, if there is room.
func (t *Set) put(b, c, i int, s []byte) bool {
	chunk := t.blocks[b].chunks[c]
	if !chunk.takes(s) {
		return false
	}
	before := chunk.memBytes()
	chunk.insert(i, s)
	t.bytes += chunk.memBytes() - before
	t.count(b, 1)
	return true
}

// resize calls fn, which changes how much memory a chunk takes.
func (t *Set) resize(c *chunk, fn func()) {
	t.bytes -= c.memBytes()
	fn()
	t.bytes += c.memBytes()
}

// count notes that a block has n more strings.
func (t *Set) count(b, n int) {
	t.blocks[b].n += n
	t.n += n
}

// after returns the chunk behind one.
func (t *Set) after(b, c int) (int, int, bool) {
	if c+1 < len(t.blocks[b].chunks) {
		return b, c + 1, true
	}
	return b + 1, 0, b+1 < len(t.blocks)
}

// insertChunk makes x chunk c of block b.
func (t *Set) insertChunk(b, c int, x *chunk) {
	if len(t.blocks) == 0 {
		t.blocks = append(t.blocks, &block{})
	}
	to := t.blocks[b]
	t.bytes += x.memBytes()
	to.chunks = slices.Insert(to.chunks, c, x)
	t.count(b, x.len())
	if len(to.chunks) <= mostChunks {
		return
	}
	keep := len(to.chunks) / 2
	if c == len(to.chunks)-1 { // they come in order
		keep = c
	}
	right := &block{chunks: slices.Clone(to.chunks[keep:])}
	for _, x := range right.chunks {
		right.n += x.len()
	}
	clear(to.chunks[keep:])
	to.chunks = to.chunks[:keep]
	to.n -= right.n
	t.blocks = slices.Insert(t.blocks, b+1, right)
}

// Remove removes s, and reports whether it was there.
func (t *Set) Remove(s []byte) bool {
	b, c := t.locate(s)
	if b < 0 {
		return false
	}
	chunk := t.blocks[b].chunks[c]
	i, found := chunk.find(s)
	if !found {
		return false
	}
	t.count(b, -1)
	if chunk.len() == 1 {
		t.removeChunk(b, c)
		return true
	}
	chunk.remove(i)
	if chunk.len() < mostStrings/8 || len(chunk.buf) < cap(chunk.buf)/4 {
		t.shrink(b, c)
	}
	return true
}

// removeChunk takes a chunk out whose strings do not count any more.
func (t *Set) removeChunk(b, c int) {
	block := t.blocks[b]
	t.bytes -= block.chunks[c].memBytes()
	if block.chunks = slices.Delete(block.chunks, c, c+1); len(block.chunks) == 0 {
		t.blocks = slices.Delete(t.blocks, b, b+1)
	}
}

// shrink joins a chunk that has few strings with one beside it in its block, if that leaves
// room for more, and gives back room.
func (t *Set) shrink(b, c int) {
	if c > 0 && t.join(b, c-1) {
		c--
	} else {
		t.join(b, c)
	}
	left := t.blocks[b].chunks[c]
	t.resize(left, left.clip)
}

// join moves the strings of the chunk behind one to that, if they are few together.
func (t *Set) join(b, c int) bool {
	chunks := t.blocks[b].chunks
	if c+1 == len(chunks) || chunks[c].len()+chunks[c+1].len() > mostStrings/2 {
		return false
	}
	joined := false
	t.resize(chunks[c], func() { joined = chunks[c].join(chunks[c+1]) })
	if joined {
		t.removeChunk(b, c+1)
	}
	return joined
}
