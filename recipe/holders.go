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

// holder is one of them. Its id and its lease are of this holding: an owner that holds several has as
// many, of which those end by themselves whose process has died.
type holder struct {
	Owner string    `json:"owner"`
	ID    string    `json:"id"`
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

// room reports whether owner may enter: where it is already it may, as often as it likes.
func (hs holders) room(limit int, owner string) bool { return len(hs) < limit || hs.has(owner) }

// has reports whether an owner is there. The empty owner is nobody.
func (hs holders) has(owner string) bool {
	return owner != "" && slices.ContainsFunc(hs, func(h holder) bool { return h.Owner == owner })
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

// leave removes a holder, and reports whether it was there.
func (hs holders) leave(id string) (holders, bool) {
	i := hs.find(id)
	if i < 0 {
		return hs, false
	}
	return slices.Delete(hs, i, i+1), true
}

func (hs holders) find(id string) int {
	return slices.IndexFunc(hs, func(h holder) bool { return h.ID == id })
}

// first is when the first of the leases is over.
func (hs holders) first() time.Time {
	return slices.MinFunc(hs, func(a, b holder) int { return a.Until.Compare(b.Until) }).Until
}
