package typed

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/go-diskcache/diskcache"
)

// FetchOptions say how Fetch stores what it has loaded. The zero value of each field is its
// default.
type FetchOptions struct {
	// TTL is how long a value is fresh. Default: for ever, as is what ends after 2262.
	TTL time.Duration
	// Stale is for how long after that it is still served, while one loads it anew in the
	// background. Default: not at all.
	Stale time.Duration
	// Missing is how long it is remembered that load returned an error that matches
	// diskcache.ErrNotFound; Fetch returns ErrMissing meanwhile
	// if the key has no value. Default: not at all.
	Missing time.Duration
	// Lease has one process at a time load a key: it holds an item of that much life, and the
	// others wait for it. Should loading take longer, another begins as well. Default: each
	// process loads by itself.
	Lease time.Duration
	// Early loads a value anew in the background before its time is over, by chance: the more
	// likely the sooner that is, and the longer loading took, so that it is rare that many find
	// it over at the same moment. 1 is best where loads take about the same time; more is
	// earlier. It is "XFetch" of Vattani, Chierichetti and Lowenstein, "Optimal Probabilistic
	// Cache Stampede Prevention", VLDB 2015. Default: 0, never.
	Early float64
	// Set is stored with the value, as Tag. TTL, ExpireAt and Kind have no effect there.
	Set []diskcache.SetOption
}

// Load returns the value of a key. Its context ends when nobody waits for the value any more.
type Load[V any] func(ctx context.Context) (V, error)

// Fetch returns the value of key; where there is none it calls load and stores what that
// returns.
//
// Who asks for a key while it is being loaded waits for the same load. One whose ctx ends leaves
// with its error; the load goes on while anyone waits, with the values of the context of who
// began it. If load panics, so does the Fetch that began it, with a *PanicError, which the
// others return. An error of load goes to all who wait, and is not stored (but see Missing).
//
// A value that was loaded and could not be stored is returned with the error that says why. A
// value that is there and cannot be decoded is a *DecodeError: it is not replaced, for what it
// is another program may know. One that the store cannot read, a *diskcache.CorruptError, nobody will
// know again: Fetch tells Options.Failed of it, calls load as if there were none, and stores
// what that returns in its place.
func (s *Store[K, V]) Fetch(ctx context.Context, key K, load Load[V], o *FetchOptions) (V, error) {
	l := &loading[K, V]{s: s, key: key, name: s.key(key), load: load}
	if o != nil {
		l.o = *o
	}
	v, t, version, err := l.look()
	l.seen = version
	switch {
	case isMiss(err) && err != ErrMissing:
		return l.wait(ctx)
	case err != nil:
		return v, err
	case l.due(t):
		l.refresh(ctx)
	}
	return v, nil
}

// loading is a call of Fetch.
type loading[K, V any] struct {
	s    *Store[K, V]
	key  K
	name string // the key in the store
	load Load[V]
	o    FetchOptions
	seen uint64 // version of what was found there at first; 0: nothing
	lost bool   // it was told that what is there is damaged
}

// What Fetch notes beside values.
const (
	aux        = "\x00typed\x00"
	auxLease   = aux + "lease\x00"
	auxMissing = aux + "missing\x00"
)

// isNote reports whether a key is of what Fetch notes. No number is such a key: it has eight bytes.
func isNote(key string) bool {
	return strings.HasPrefix(key, auxLease) || strings.HasPrefix(key, auxMissing)
}

func isMiss(err error) bool { return errors.Is(err, diskcache.ErrNotFound) }

// look returns what is stored: a value that may be served, ErrMissing, or another miss.
func (l *loading[K, V]) look() (v V, t trailer, version uint64, err error) {
	it, err := l.s.s.Item(l.name)
	if err == nil {
		v, t, err = l.s.decode(it)
		return v, t, it.Version, err
	}
	if errors.Is(err, diskcache.ErrCorrupt) {
		l.tellLost(err)
		return v, t, 0, diskcache.ErrNotFound
	}
	if isMiss(err) && l.o.Missing > 0 {
		ok, failed := l.s.s.Has(auxMissing + l.name)
		if failed != nil && !errors.Is(failed, diskcache.ErrCorrupt) { // such a note is as good as none
			return v, t, 0, failed
		}
		if ok {
			return v, t, 0, ErrMissing
		}
	}
	return v, t, 0, err
}

// tellLost tells of what is there and cannot be read, once for each call of Fetch.
func (l *loading[K, V]) tellLost(err error) {
	if !l.lost && l.s.failed != nil {
		l.s.failed(l.key, err)
	}
	l.lost = true
}

// due reports whether a value that may be served is to be loaded anew.
func (l *loading[K, V]) due(t trailer) bool {
	if t.fresh.IsZero() {
		return false
	}
	now := l.s.now()
	if l.o.Early > 0 && t.cost > 0 {
		// -ln of what is even between 0 and 1 is exponential with mean 1.
		ahead := float64(t.cost) * l.o.Early * -math.Log(1-l.s.random())
		now = now.Add(time.Duration(min(ahead, math.MaxInt64/2)))
	}
	return !now.Before(t.fresh)
}

// store stores what was loaded.
func (l *loading[K, V]) store(v V, cost time.Duration) error {
	_, b, err := l.s.encode(l.key, v)
	if err != nil {
		return err
	}
	t := trailer{cost: cost}
	opts := append(l.o.Set[:len(l.o.Set):len(l.o.Set)], diskcache.Kind(KindFetched))
	if fresh := l.s.now().Add(l.o.TTL); l.o.TTL > 0 && fresh.Before(never) {
		t.fresh = fresh
		opts = append(opts, diskcache.ExpireAt(t.fresh.Add(max(l.o.Stale, 0))))
	} else {
		opts = append(opts, diskcache.ExpireAt(never))
	}
	return l.s.s.Set(l.name, t.append(b), opts...)
}

// never is beyond what the store can express: the item does not expire.
var never = time.Unix(math.MaxInt64/1_000_000_000, 0)

// storeMissing stores that there is nothing.
func (l *loading[K, V]) storeMissing() error {
	return l.s.s.Set(auxMissing+l.name, nil, diskcache.TTL(l.o.Missing))
}
