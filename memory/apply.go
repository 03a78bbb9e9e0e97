package memory

import (
	"fmt"

	"github.com/go-diskcache/diskcache"
)

// lazily is how many items whose time is over a write takes with it.
const lazily = 16

// apply makes the changes of a batch, all at one moment, and gives up what the limits ask for
// at that moment too. The caller has the writer lock.
func (s *Store) apply(b *batch) error {
	if err := s.closed(); err != nil {
		return err
	}
	if len(b.changes) == 0 {
		return nil
	}
	gone, err := s.makeRoom(b)
	if err != nil {
		s.remove(gone)
		return err
	}
	var l locks
	for _, x := range gone {
		l.add(s.table.number(x.key))
	}
	for _, c := range b.changes {
		l.add(s.table.number(c.key))
	}
	s.mu.Lock()
	s.table.lock(l)
	for _, x := range gone {
		s.drop(x)
	}
	for _, c := range b.changes {
		s.makeChange(c)
	}
	s.table.unlock(l)
	s.mu.Unlock()
	for _, x := range gone {
		s.waiters.wake(x.key)
	}
	for _, c := range b.changes {
		s.waiters.wake(c.key)
	}
	return nil
}

// remove drops slots, all at one moment.
func (s *Store) remove(gone []*slot) {
	if len(gone) == 0 {
		return
	}
	var l locks
	for _, x := range gone {
		l.add(s.table.number(x.key))
	}
	s.mu.Lock()
	s.table.lock(l)
	for _, x := range gone {
		s.drop(x)
	}
	s.table.unlock(l)
	s.mu.Unlock()
	for _, x := range gone {
		s.waiters.wake(x.key)
	}
}

// makeChange and drop are for who has the writer lock, mu and the shard.
func (s *Store) makeChange(c change) {
	old := s.table.get(c.key)
	switch {
	case c.slot == nil:
		if old != nil {
			s.drop(old)
			s.stats.deletes.Add(1)
		}
		return
	case old != nil && old.first == c.first:
		s.replace(old, c.entry)
	default:
		if old != nil {
			s.drop(old)
		}
		s.insert(c.slot)
	}
	if c.stored == c.version {
		s.stats.sets.Add(1)
		s.stats.setBytes.Add(sizeOf(c.key, c.entry))
	}
}

func (s *Store) insert(x *slot) {
	s.table.put(x)
	s.index.add(x)
	s.newest = max(s.newest, x.first)
	s.n++
	s.volume += x.size()
	if x.expires != 0 {
		s.expiring.push(x)
	}
	s.policy.add(x)
}

func (s *Store) replace(x *slot, e *entry) {
	s.volume += sizeOf(x.key, e) - x.size()
	if x.expiryAt >= 0 {
		s.expiring.remove(x)
	}
	s.index.change(x, e)
	if x.expires != 0 {
		s.expiring.push(x)
	}
	s.policy.replaced(x)
}

func (s *Store) drop(x *slot) {
	s.table.remove(x)
	s.index.remove(x)
	s.n--
	s.volume -= x.size()
	if x.expiryAt >= 0 {
		s.expiring.remove(x)
	}
	s.policy.remove(x)
}

// growth returns by how much a batch makes the store larger, and how much it is itself.
func (s *Store) growth(b *batch) (growth, whole extent) {
	for _, c := range b.changes {
		if c.slot != nil {
			growth.add(c.size(), 1)
			whole.add(c.size(), 1)
		}
		if old := s.table.get(c.key); old != nil {
			growth.add(-old.size(), -1)
		}
	}
	return growth, whole
}

// extent is so many bytes in so many items.
type extent struct{ bytes, items int64 }

func (e *extent) add(bytes, items int64) {
	e.bytes += bytes
	e.items += items
}

func (e extent) fits(o *Options) bool {
	return (o.SizeLimit <= 0 || e.bytes <= o.SizeLimit) && (o.CountLimit <= 0 || e.items <= o.CountLimit)
}

// makeRoom returns the slots that go when a batch comes. Also with an error, some have expired.
func (s *Store) makeRoom(b *batch) ([]*slot, error) {
	growth, whole := s.growth(b)
	if !whole.fits(&s.opt) {
		return nil, fmt.Errorf("%w: %d bytes in %d items", diskcache.ErrFull, whole.bytes, whole.items)
	}
	size := extent{s.volume + growth.bytes, int64(s.n) + growth.items}
	gone := s.takeExpired(b, func(taken int) bool { return taken < lazily || !size.fits(&s.opt) }, &size)
	for !size.fits(&s.opt) {
		x := s.policy.victim(b.isOwn)
		if x == nil {
			return gone, fmt.Errorf("%w: the limit is %d bytes, %d items", diskcache.ErrFull, s.opt.SizeLimit, s.opt.CountLimit)
		}
		size.add(-x.size(), -1)
		s.stats.evicted.Add(1)
		s.stats.evictedBytes.Add(x.size())
		gone = append(gone, x)
	}
	return gone, nil
}

// takeExpired takes slots whose time is over out of the heap, while more returns true, but
// for those that b changes.
func (s *Store) takeExpired(b *batch, more func(taken int) bool, size *extent) (gone []*slot) {
	var kept []*slot
	var now int64
	for s.expiring.len() > 0 && more(len(gone)) {
		if now == 0 {
			now = s.wall()
		}
		x := s.expiring.top()
		if !x.over(now) {
			break
		}
		s.expiring.remove(x)
		if b.isOwn(x.key) {
			kept = append(kept, x)
			continue
		}
		s.stats.expired.Add(1)
		s.stats.expiredBytes.Add(x.size())
		size.add(-x.size(), -1)
		s.policy.remove(x) // or it would be a victim, too
		gone = append(gone, x)
	}
	for _, x := range kept {
		s.expiring.push(x)
	}
	return gone
}
