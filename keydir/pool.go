package keydir

// A pool makes tables. Slots and ranks never get each other's memory: a reader
// that is still in a table that was given back may set a rank there.
type pool struct {
	slots, ranks memory
	ranked       bool
}

// table returns an empty table of n buckets, or nil if there is no memory.
func (m *pool) table(n uint64) *table {
	buckets := m.slots.alloc(int(n))
	if buckets == nil {
		return nil
	}
	var ranks []bucket
	if m.ranked {
		if ranks = m.ranks.alloc(int(n)); ranks == nil {
			m.slots.release(buckets)
			return nil
		}
	}
	return newTable(buckets, ranks)
}

func (m *pool) release(t *table) {
	m.slots.release(t.buckets)
	if t.ranks != nil {
		m.ranks.release(t.ranks)
	}
}

func (m *pool) close() {
	m.slots.close()
	m.ranks.close()
}
