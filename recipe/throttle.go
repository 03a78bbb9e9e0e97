package recipe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-diskcache/diskcache"
)

// Clock is what a Throttle tells the time by.
type Clock interface {
	// Now returns the time. All who share a throttle need clocks that agree.
	Now() time.Time
	// Sleep returns nil after d, or the error of ctx when that ends.
	Sleep(ctx context.Context, d time.Duration) error
}

// Throttle lets calls through at a rate: a bucket of tokens that fills as time goes by. Each call
// takes one, and where there is none waits for the next that nobody before it waits for. All
// Throttles of a key in a store are the same.
type Throttle struct {
	store diskcache.Store
	key   string
	count int
	per   time.Duration
	clock Clock
}

// NewThrottle returns the throttle of a key of s that lets count calls through in a time, and as
// many at once after a time without any. A nil clock is that of the system.
func NewThrottle(s diskcache.Store, key string, count int, per time.Duration, clock Clock) *Throttle {
	if clock == nil {
		clock = systemClock{}
	}
	return &Throttle{store: s, key: key, count: count, per: per, clock: clock}
}

// Wait returns when the call may be made. When ctx ends it returns the error of that, and gives its
// token back. diskcache.ErrOption: the throttle lets nothing through. ErrForeign: see there.
func (t *Throttle) Wait(ctx context.Context) error {
	wait, _, err := t.take(ctx, 1, true)
	if err != nil || wait == 0 {
		return err
	}
	if err := t.clock.Sleep(ctx, wait); err != nil {
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), givingBack)
		defer cancel()
		_, _, failed := t.take(back, -1, true)
		return errors.Join(err, failed)
	}
	return nil
}

// givingBack bounds how long a call that has ended waits to give its token back.
const givingBack = 10 * time.Second

// Allow reports whether the call may be made now, and takes a token if so.
func (t *Throttle) Allow(ctx context.Context) (bool, error) {
	_, ok, err := t.take(ctx, 1, false)
	return ok, err
}

// bucket is what is stored, as JSON: how many tokens there were at a time; fewer than none are
// those that calls wait for.
type bucket struct {
	Tokens float64   `json:"tokens"`
	At     time.Time `json:"at"`
}

// take takes n tokens, as a debt if that is allowed, and returns how long to wait until they are
// there.
func (t *Throttle) take(ctx context.Context, n float64, debt bool) (wait time.Duration, ok bool, err error) {
	if t.count < 1 || t.per <= 0 {
		return 0, false, fmt.Errorf("%w: a throttle of %d in %v", diskcache.ErrOption, t.count, t.per)
	}
	err = diskcache.Transact(ctx, t.store, func(tx diskcache.Txn) error {
		b, err := t.read(tx)
		if err != nil || b.Tokens < n && !debt {
			return err
		}
		b.Tokens = min(b.Tokens-n, float64(t.count))
		wait, ok = t.time(-b.Tokens), true
		return t.write(tx, b)
	})
	return wait, ok && err == nil, err
}

// read returns the bucket as it is now. One that is not there is full.
func (t *Throttle) read(tx diskcache.Ops) (bucket, error) {
	now := t.clock.Now()
	full := float64(t.count)
	v, err := tx.Get(t.key)
	if errors.Is(err, diskcache.ErrNotFound) {
		return bucket{full, now}, nil
	}
	if err != nil {
		return bucket{}, err
	}
	var b bucket
	if err := json.Unmarshal(v, &b); err != nil {
		return bucket{}, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	gone := max(now.Sub(b.At), 0) // a clock that was set back takes nothing away
	b.Tokens = min(b.Tokens+full*float64(gone)/float64(t.per), full)
	b.At = now
	return b, nil
}

// write stores the bucket until it is full, which it is also when it is not there.
func (t *Throttle) write(tx diskcache.Ops, b bucket) error {
	v, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return tx.Set(t.key, v, diskcache.TTL(t.time(float64(t.count)-b.Tokens)))
}

// time is how long n tokens take, rounded up; none, or fewer, take no time. It is 292 years at most.
func (t *Throttle) time(n float64) time.Duration {
	if n <= 0 {
		return 0
	}
	d := n * float64(t.per) / float64(t.count)
	if d >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(d) + 1
}

// systemClock is the clock of the system.
type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
