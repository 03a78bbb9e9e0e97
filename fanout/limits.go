package fanout

import (
	"context"

	"github.com/go-diskcache/diskcache"
)

// limits are the limits among settings.
func limits(s *diskcache.Settings) (l [kinds]*int64) {
	l[bytes], l[items] = &s.SizeLimit, &s.CountLimit
	return l
}

// plan says what the limits of shards are to be; 0: as they are.
type plan []amounts

// take adds what is planned for one kind.
func (p plan) take(kind int, shares []int64) {
	for i, share := range shares {
		p[i][kind] = share
	}
}

// settings returns those of the shards. They are asked for under the writer lock of each, since
// others may have changed them just now.
func (b *balancer) settings(ctx context.Context) ([]diskcache.Settings, error) {
	now := make([]diskcache.Settings, len(b.shards))
	for i, s := range b.shards {
		if err := s.ConfigureContext(ctx, func(s *diskcache.Settings) { now[i] = *s }); err != nil {
			return nil, err
		}
	}
	return now, nil
}

// pools returns what there is to divide, and what each shard has of it.
func (b *balancer) pools(k *notes, now []diskcache.Settings) (pools []*pool, err error) {
	for kind, whole := range k.Whole {
		if whole == 0 {
			continue
		}
		p := &pool{whole: whole, kind: kind}
		for i := range now {
			p.of = append(p.of, holding{share: *limits(&now[i])[kind]})
		}
		pools = append(pools, p)
	}
	if err := b.usage(pools); err != nil {
		return nil, err
	}
	for _, p := range pools {
		for i := range p.of {
			if h := &p.of[i]; h.used >= h.share/2 { // else it is for another limit that it gives up anything
				h.demand = k.Demand[i].weight(p.kind)
			}
		}
	}
	return pools, nil
}

// usage looks how much of the pools the shards use.
func (b *balancer) usage(pools []*pool) error {
	for i, s := range b.shards {
		st, err := s.Stats()
		if err != nil {
			return err
		}
		used := amounts{st.DiskBytes, st.Items}
		for _, p := range pools {
			p.of[i].used = used[p.kind]
		}
	}
	return nil
}

// set makes limits what is planned, and keeps pools up to date: first those that get lower,
// then those that get higher.
func (b *balancer) set(ctx context.Context, pools []*pool, to plan) error {
	for _, higher := range []bool{false, true} {
		for i := range b.shards {
			if err := b.setOne(ctx, i, pools, to[i], higher); err != nil {
				return err
			}
		}
	}
	return nil
}

// setOne sets those limits of a shard that get higher, or those that get lower.
func (b *balancer) setOne(ctx context.Context, i int, pools []*pool, to amounts, higher bool) error {
	var change []*pool
	for _, p := range pools {
		if is := p.of[i].share; to[p.kind] > 0 && to[p.kind] != is && (is > 0 && to[p.kind] > is) == higher {
			change = append(change, p)
		}
	}
	if len(change) == 0 {
		return nil
	}
	return b.shards[i].ConfigureContext(ctx, func(s *diskcache.Settings) {
		for _, p := range change {
			if now := limits(s)[p.kind]; *now == p.of[i].share { // or somebody has set it past us
				*now = to[p.kind]
			}
			p.of[i].share = *limits(s)[p.kind]
		}
	})
}

// cull has shards give up what they have beyond their shares, and looks what they use then.
func (b *balancer) cull(pools []*pool) error {
	for i, s := range b.shards {
		for _, p := range pools {
			if p.of[i].used <= p.of[i].share {
				continue
			}
			if _, err := s.Cull(); err != nil {
				return err
			}
			break
		}
	}
	return b.usage(pools)
}
