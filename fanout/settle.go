package fanout

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-diskcache/diskcache"
)

// whole returns the limits that options give to all shards together: the notes take some.
func (o *Options) whole() amounts {
	return amounts{o.SizeLimit - min(o.SizeLimit/notesPart, notesBytes), o.CountLimit}
}

// or returns a where it says something, and else b.
func (a amounts) or(b amounts) amounts {
	for kind, n := range a {
		if n > 0 {
			b[kind] = n
		}
	}
	return b
}

// larger returns the larger of each kind.
func (a amounts) larger(b amounts) amounts {
	for kind, n := range a {
		b[kind] = max(b[kind], n)
	}
	return b
}

// openBalanced opens the shards of a directory whose limits go where they are needed.
func openBalanced(dir string, n int, o *Options) (*Store, error) {
	if o.SizeLimit < 0 || o.CountLimit < 0 {
		return nil, fmt.Errorf("%w: a limit is negative", diskcache.ErrOption)
	}
	c, err := openNotes(dir, &o.Options)
	if err != nil {
		return nil, err
	}
	shards, err := openNoted(c, dir, n, o)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	s := newStore(nil)
	var moved []limited
	for _, shard := range shards {
		s.shards, moved = append(s.shards, shard), append(moved, shard)
	}
	s.balancer = newBalancer(moved, c, o.Logger)
	if err := errors.Join(s.balancer.settle(s.balancer.life, o.whole()), s.balancer.forget()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if !o.ManualCompaction {
		s.balancer.start()
	}
	return s, nil
}

// openNoted opens the shards. Who comes first gives each an equal share, and notes that these are
// there; later they have the shares that they have.
func openNoted(c *diskcache.Cache, dir string, n int, o *Options) (shards []*diskcache.Cache, err error) {
	err = c.Update(func(tx *diskcache.Tx) error {
		k, err := readNotes(tx, n)
		if err != nil || k.Whole != (amounts{}) {
			return err
		}
		if shards, err = openShards(dir, n, o.share(n)); err != nil {
			return err
		}
		k.Whole = o.whole()
		return k.write(tx)
	})
	if err != nil {
		return nil, errors.Join(err, closeAll(shards))
	}
	if shards != nil {
		return shards, c.Sync()
	}
	later := o.Options
	later.SizeLimit, later.CountLimit = 0, 0
	return openShards(dir, n, &later)
}

func openShards(dir string, n int, o *diskcache.Options) (shards []*diskcache.Cache, err error) {
	for i := range n {
		c, err := diskcache.Open(shardDir(dir, i), o)
		if err != nil {
			return nil, errors.Join(err, closeAll(shards))
		}
		shards = append(shards, c)
	}
	return shards, nil
}

func closeAll[S diskcache.Store](shards []S) error {
	var errs []error
	for _, c := range shards {
		errs = append(errs, c.Close())
	}
	return joined(errs)
}

// settle makes whole the limits of all shards together, of those kinds that it says. Of another
// whole each keeps the part that it has.
func (b *balancer) settle(ctx context.Context, whole amounts) error {
	now, err := readNotes(b.notes, len(b.shards))
	if err != nil || whole.or(now.Whole) == now.Whole {
		return err
	}
	for done := false; !done; {
		if err := b.notes.UpdateContext(ctx, func(tx *diskcache.Tx) (err error) {
			done, err = b.settleSome(ctx, tx, whole)
			return err
		}); err != nil {
			return err
		}
		if err := b.notes.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// settleSome does a step of settle, and reports whether it was the last. A whole that gets larger
// is noted before the shares do, and one that gets smaller after them, so that they are never more
// than what is noted.
func (b *balancer) settleSome(ctx context.Context, tx *diskcache.Tx, whole amounts) (done bool, err error) {
	k, err := readNotes(tx, len(b.shards))
	if err != nil {
		return false, err
	}
	if larger := k.Whole.larger(whole); larger != k.Whole {
		k.Whole = larger
		return false, k.write(tx)
	}
	k.Whole = whole.or(k.Whole)
	now, err := b.settings(ctx)
	if err != nil {
		return false, err
	}
	pools, err := b.pools(k, now)
	if err != nil {
		return false, err
	}
	next := make(plan, len(b.shards))
	for _, p := range pools {
		if whole[p.kind] > 0 {
			next.take(p.kind, p.scaled())
		}
	}
	if err := b.set(ctx, pools, next); err != nil {
		return false, err
	}
	return true, k.write(tx)
}
