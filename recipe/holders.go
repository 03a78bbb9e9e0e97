package recipe

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-diskcache/diskcache"
)

// holders is what is stored under the key of a lease: who holds it, as JSON.
type holders []holder

// holder is one of them. Its id is of this holding: an owner that has left, or was too late, and
// comes again has another.
type holder struct {
	Owner string    `json:"owner"`
	ID    string    `json:"id"`
	Count int       `json:"count"` // how often it has entered
	Until time.Time `json:"until"` // when its lease is over
}

// readHolders returns those whose lease is not over, and the version of the item.
func readHolders(ops diskcache.Ops, key string, now time.Time) (holders, uint64, error) {
	it, err := ops.Item(key)
	if errors.Is(err, diskcache.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	var hs holders
	if err := json.Unmarshal(it.Value, &hs); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	hs = slices.DeleteFunc(hs, func(h holder) bool { return !now.Before(h.Until) })
	return hs, it.Version, nil
}

// write stores the holders until the last of their leases is over.
func (hs holders) write(tx diskcache.Ops, key string, now time.Time) error {
	if len(hs) == 0 {
		_, err := tx.Delete(key)
		return err
	}
	last := slices.MaxFunc(hs, func(a, b holder) int { return a.Until.Compare(b.Until) })
	value, err := json.Marshal(hs)
	if err != nil {
		return err
	}
	return tx.Set(key, value, diskcache.TTL(last.Until.Sub(now)))
}

// room reports whether owner may enter.
func (hs holders) room(limit int, owner string) bool { return len(hs) < limit || hs.of(owner) >= 0 }

// of is where an owner is, -1 if it is not there. The empty owner is nobody.
func (hs holders) of(owner string) int {
	if owner == "" {
		return -1
	}
	return slices.IndexFunc(hs, func(h holder) bool { return h.Owner == owner })
}

// enter adds a holder with a fresh id, or has an owner that is there enter once more, and returns
// its id.
func (hs holders) enter(owner, fresh string, until time.Time) (holders, string) {
	i := hs.of(owner)
	if i < 0 {
		return append(hs, holder{Owner: owner, ID: fresh, Count: 1, Until: until}), fresh
	}
	hs[i].Count++
	hs[i].Until = until
	return hs, hs[i].ID
}

// renew changes when a lease is over, and reports whether its holder is there.
func (hs holders) renew(id string, until time.Time) (holders, bool) {
	i := hs.find(id)
	if i < 0 {
		return hs, false
	}
	hs[i].Until = until
	return hs, true
}

// leave has a holder leave as often as it has been called, and reports whether it is there.
func (hs holders) leave(id string) (holders, bool) {
	i := hs.find(id)
	if i < 0 {
		return hs, false
	}
	if hs[i].Count--; hs[i].Count <= 0 {
		hs = slices.Delete(hs, i, i+1)
	}
	return hs, true
}

func (hs holders) find(id string) int {
	return slices.IndexFunc(hs, func(h holder) bool { return h.ID == id })
}

// first is when the first of the leases is over.
func (hs holders) first() time.Time {
	return slices.MinFunc(hs, func(a, b holder) int { return a.Until.Compare(b.Until) }).Until
}
