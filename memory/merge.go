package memory

// walk yields the slots of a group in order, or backwards from its end, those that were changed
// here as they are now, until yield returns false. Those that have expired are among them.
func (b *batch) walk(o order, name string, back bool, yield func(*slot) bool) {
	defer b.hold(o)()
	theirs := b.s.index.of(o, name)
	ours := &sorted{}
	if len(b.changes) > 0 {
		if !b.own.built[o].Load() {
			b.own.build(o, b.slots)
		}
		ours = b.own.of(o, name)
	}
	less := o.less()
	p, q := b.unchanged(theirs, end{o, name, back}), ours.end(back)
	for {
		x, y := theirs.at(p), ours.at(q)
		switch {
		case x == nil && y == nil:
			return
		case y == nil || x != nil && less(x, y) != back:
			p = theirs.step(p, back)
			if b.isOwn(x.key) {
				continue
			}
		default:
			q, x = ours.step(q, back), y
		}
		if !yield(x) {
			return
		}
	}
}

// hold keeps an order of the store as it is until the function that it returns is called.
func (b *batch) hold(o order) (release func()) {
	if b.reads {
		return func() {}
	}
	b.s.build(o)
	b.s.mu.RLock()
	return b.s.mu.RUnlock
}

// unchanged returns the place at an end of a list where the first slot is that was not changed
// here. What was changed stays so, and nobody else changes the list while there is a batch that
// writes: so each slot is passed over once, however often a transaction pulls.
func (b *batch) unchanged(list *sorted, e end) place {
	if len(b.changes) == 0 {
		return list.end(e.back)
	}
	p, ok := b.skipped[e]
	if !ok {
		p = list.end(e.back)
	}
	for s := list.at(p); s != nil && b.isOwn(s.key); s = list.at(p) {
		p = list.step(p, e.back)
	}
	if b.skipped == nil {
		b.skipped = make(map[end]place)
	}
	b.skipped[e] = p
	return p
}

// nth returns the slot at a place of a queue, or nil; a negative one is counted from the back.
func (b *batch) nth(queue string, i int) (found *slot) {
	back := i < 0
	if back {
		i = -1 - i
	}
	if len(b.changes) == 0 {
		return b.nthStored(queue, i, back)
	}
	b.walk(queueByKey, queue, back, func(s *slot) bool {
		found = s
		i--
		return i >= 0
	})
	if i >= 0 {
		return nil
	}
	return found
}

func (b *batch) nthStored(queue string, i int, back bool) *slot {
	defer b.hold(queueByKey)()
	q := b.s.index.of(queueByKey, queue)
	if back {
		i = q.n - 1 - i
	}
	return q.nth(i)
}

// queueLen returns how many slots a queue has.
func (b *batch) queueLen(queue string) int {
	defer b.hold(queueByKey)()
	n := b.s.index.of(queueByKey, queue).n
	for _, c := range b.changes {
		if q, ok := queueOf(c.key); !ok || q != queue {
			continue
		}
		if b.s.table.get(c.key) != nil {
			n--
		}
		if c.slot != nil {
			n++
		}
	}
	return n
}
