package fanout

import (
	"context"
	"errors"
	"slices"

	"github.com/go-diskcache/diskcache"
)

// isRefused reports whether an error may be one of the share of a shard.
func isRefused(err error) bool {
	return errors.Is(err, diskcache.ErrTooLarge) || errors.Is(err, diskcache.ErrFull)
}

// makeWay has the share of a shard raised that has refused a write with an error, and reports
// whether it got any higher: then the write may be tried again. The caller has no lock of any shard.
func (s *Store) makeWay(shard int, why error) bool {
	if s.balancer == nil || !isRefused(why) {
		return false
	}
	made, err := s.balancer.makeWay(s.balancer.life, shard, errors.Is(why, diskcache.ErrTooLarge))
	s.balancer.fault(err)
	return made
}

func (b *balancer) makeWay(ctx context.Context, shard int, tooLarge bool) (made bool, err error) {
	k, err := readNotes(b.notes, len(b.shards))
	if err != nil {
		return false, err
	}
	if can, err := b.canMakeWay(k, shard, tooLarge); err != nil || !can {
		return false, err
	}
	err = b.notes.UpdateContext(ctx, func(tx *diskcache.Tx) error {
		k, err := readNotes(tx, len(b.shards))
		if err != nil {
			return err
		}
		made, err = b.takeWay(ctx, k, shard, tooLarge)
		return err
	})
	return made, err
}

// tooSmall reports whether the share of a shard may be too small for what is to be stored, and can be
// had larger.
func (b *balancer) tooSmall(shard int, size amounts) (bool, error) {
	set, err := b.shards[shard].Settings()
	if err != nil {
		return false, err
	}
	small := false
	for kind, limit := range limits(&set) {
		small = small || *limit > 0 && size[kind] > *limit/2 // a cache has some other use for the rest
	}
	if !small {
		return false, nil
	}
	k, err := readNotes(b.notes, len(b.shards))
	if err != nil {
		return false, err
	}
	return b.canMakeWay(k, shard, true)
}

// canMakeWay looks, without a lock, whether there is anything to be had. What no share will do for
// is often asked for again.
func (b *balancer) canMakeWay(k *notes, shard int, tooLarge bool) (bool, error) {
	now := make([]diskcache.Settings, len(b.shards))
	for i, s := range b.shards {
		var err error
		if now[i], err = s.Settings(); err != nil {
			return false, err
		}
	}
	pools, err := b.pools(k, now)
	return slices.ContainsFunc(pools, func(p *pool) bool {
		more := p.goal(shard, tooLarge) > p.of[shard].share
		return more && (p.free() > 0 || !slices.Equal(p.madeWay(shard, tooLarge), p.shares()))
	}), err
}

// takeWay moves what a shard can have to it. The caller has the lock of the notes.
func (b *balancer) takeWay(ctx context.Context, k *notes, shard int, tooLarge bool) (bool, error) {
	now, err := b.settings(ctx)
	if err != nil {
		return false, err
	}
	pools, err := b.pools(k, now)
	if err != nil {
		return false, err
	}
	lower := make(plan, len(b.shards))
	for _, p := range pools {
		lower.take(p.kind, p.madeWay(shard, tooLarge))
	}
	if err := b.set(ctx, pools, lower); err != nil {
		return false, err
	}
	if err := b.cull(pools); err != nil {
		return false, err
	}
	raise, made := make(plan, len(b.shards)), false
	for _, p := range pools {
		raise.take(p.kind, p.wayTaken(shard, tooLarge))
		made = made || raise[shard][p.kind] > p.of[shard].share
	}
	return made, b.set(ctx, pools, raise)
}
