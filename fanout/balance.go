package fanout

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/go-diskcache/diskcache"
)

// limited is a shard whose limits can be changed: a Cache.
type limited interface {
	diskcache.Store
	Settings() (diskcache.Settings, error)
	ConfigureContext(ctx context.Context, fn func(*diskcache.Settings)) error
}

// balancer moves the limits of shards to where they are needed. Any number of them may be at
// work on a directory: who holds the writer lock of the notes moves, from what it reads under it.
//
// The sum of the shares is at no moment more than the whole. A share is lowered first, on the
// disk, and only what is free by then is given to another. So what dies between the two leaves less
// in shares than there is, and the next one gives it to whom it is due.
type balancer struct {
	shards []limited
	notes  *diskcache.Cache
	log    *slog.Logger

	life context.Context // ends with Close
	end  context.CancelFunc
	work sync.WaitGroup // the goroutine

	mu   sync.Mutex
	seen []demand // of this process, as far as it is noted; guarded by mu
	errs []error  // of the background, the first of each kind; guarded by mu
}

func newBalancer(shards []limited, notes *diskcache.Cache, log *slog.Logger) *balancer {
	b := &balancer{shards: shards, notes: notes, log: log, seen: make([]demand, len(shards))}
	b.life, b.end = context.WithCancel(context.Background())
	return b
}

// start has shares moved now and then, until stop.
func (b *balancer) start() {
	b.work.Go(func() {
		t := time.NewTicker(interval)
		defer t.Stop()
		b.run(t.C)
	})
}

func (b *balancer) run(ticks <-chan time.Time) {
	for {
		select {
		case <-b.life.Done():
			return
		case <-ticks:
			b.fault(b.pass(b.life, time.Now(), false))
		}
	}
}

// stop ends what is under way where it is.
func (b *balancer) stop() { b.end() }

// wait waits for what stop has ended, closes the notes, and returns what went wrong.
func (b *balancer) wait() error {
	b.work.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return errors.Join(append(b.errs, b.notes.Close())...)
}

// fault keeps an error of the background. That others were busy, or that it was ended, is none.
func (b *balancer) fault(err error) {
	if err == nil || errors.Is(err, diskcache.ErrTimeout) || errors.Is(err, diskcache.ErrClosed) || b.life.Err() != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.errs {
		if e.Error() == err.Error() {
			return
		}
	}
	b.errs = append(b.errs, err)
	if b.log != nil {
		b.log.Warn("fanout: move shares", "err", err)
	}
}

// atOnce does what is done in the background else.
func (b *balancer) atOnce(ctx context.Context) error {
	if b.life.Err() != nil {
		return diskcache.ErrClosed
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(b.life, func() { cancel(diskcache.ErrClosed) })()
	return b.pass(ctx, time.Now(), true)
}

// pass notes what has happened in the shards and moves shares if it is time to. At once: it does not
// wait for that time, and has shards give up what they have beyond their share, which else is left
// to their background.
func (b *balancer) pass(ctx context.Context, now time.Time, atOnce bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen, news, err := b.news()
	if err != nil || news == nil && !atOnce {
		return err
	}
	err = b.notes.UpdateContext(ctx, func(tx *diskcache.Tx) error {
		k, err := readNotes(tx, len(b.shards))
		if err != nil {
			return err
		}
		if news != nil {
			k.add(news, now)
		}
		if atOnce || k.due(now) {
			k.Moved = now
			if err := b.move(ctx, k, atOnce); err != nil {
				return err
			}
		}
		return k.write(tx)
	})
	if err == nil && news != nil {
		b.seen = seen
	}
	return err
}

// news returns what has happened in the shards since it was last noted, nil for nothing that
// shares would be moved for.
func (b *balancer) news() (seen, news []demand, err error) {
	any := false
	for i, s := range b.shards {
		st, err := s.Stats()
		if err != nil {
			return nil, nil, err
		}
		is, was := demand{amounts{st.EvictedBytes, st.Evicted}, st.Hits, st.Misses}, b.seen[i]
		seen = append(seen, is)
		news = append(news, demand{
			amounts{is.GivenUp[bytes] - was.GivenUp[bytes], is.GivenUp[items] - was.GivenUp[items]}, is.Hits - was.Hits, is.Misses - was.Misses,
		})
		any = any || is.GivenUp != was.GivenUp
	}
	if !any {
		return nil, nil, nil
	}
	return seen, news, nil
}

// forget takes what has happened so far for noted: this process may have the shards open elsewhere.
func (b *balancer) forget() error {
	seen, news, err := b.news()
	if news != nil {
		b.seen = seen
	}
	return err
}

// move lowers the shares of those that are in want of less, and raises those of others by what
// is free. The caller has the lock of the notes.
func (b *balancer) move(ctx context.Context, k *notes, atOnce bool) error {
	now, err := b.settings(ctx)
	if err != nil {
		return err
	}
	pools, err := b.pools(k, now)
	if err != nil {
		return err
	}
	fitted := make(plan, len(b.shards))
	for _, p := range pools {
		fitted.take(p.kind, p.fitted())
	}
	if err := b.set(ctx, pools, fitted); err != nil {
		return err
	}
	lower := make(plan, len(b.shards))
	for _, p := range pools {
		turned := k.Turned[p.kind]
		if turned < max(p.whole/worthPart, 1) {
			continue
		}
		k.Turned[p.kind] = 0
		lower.take(p.kind, p.lowered(turned))
		for i, h := range p.of {
			if to := lower[i][p.kind]; to < h.share {
				k.forced(i, p.kind, max(h.used-to, 0))
			}
		}
	}
	if err := b.set(ctx, pools, lower); err != nil {
		return err
	}
	if atOnce {
		if err := b.cull(pools); err != nil {
			return err
		}
	}
	raise := make(plan, len(b.shards))
	for _, p := range pools {
		raise.take(p.kind, p.raised())
	}
	return b.set(ctx, pools, raise)
}
