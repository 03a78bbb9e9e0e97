package recipe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/go-diskcache/diskcache"
)

// Averager keeps the mean of numbers under a key of a store. All Averagers of a key are the same.
type Averager struct {
	store diskcache.Store
	key   string
	opts  []diskcache.SetOption
}

// NewAverager returns the averager of a key of s. opts are stored with it by each Add: a TTL counts
// from the last number.
func NewAverager(s diskcache.Store, key string, opts ...diskcache.SetOption) *Averager {
	return &Averager{store: s, key: key, opts: opts}
}

// sum is what is stored, as JSON.
type sum struct {
	Total float64 `json:"total"`
	Count int64   `json:"count"`
}

// Add adds a number. diskcache.ErrOverflow: the number, or the sum of all, is not finite; ErrForeign:
// see there. Nothing is changed then.
func (a *Averager) Add(x float64) error {
	return diskcache.Transact(context.Background(), a.store, func(tx diskcache.Txn) error {
		v, err := tx.Get(a.key)
		s := sum{}
		if !errors.Is(err, diskcache.ErrNotFound) {
			s, err = parseSum(v, err)
			if err != nil {
				return err
			}
		}
		s.Total += x
		s.Count++
		if math.IsInf(s.Total, 0) || math.IsNaN(s.Total) {
			return diskcache.ErrOverflow
		}
		b, err := json.Marshal(s)
		if err != nil {
			return err
		}
		return tx.Set(a.key, b, a.opts...)
	})
}

// Mean returns the mean of the numbers added. diskcache.ErrNotFound: there are none.
func (a *Averager) Mean() (float64, error) {
	s, err := parseSum(a.store.Get(a.key))
	return s.mean(), err
}

// Pop returns the mean and begins anew.
func (a *Averager) Pop() (mean float64, err error) {
	err = diskcache.Transact(context.Background(), a.store, func(tx diskcache.Txn) error {
		s, err := parseSum(tx.Get(a.key))
		if err != nil {
			return err
		}
		mean = s.mean()
		_, err = tx.Delete(a.key)
		return err
	})
	return mean, err
}

func parseSum(v []byte, err error) (sum, error) {
	if err != nil {
		return sum{}, err
	}
	var s sum
	if err := json.Unmarshal(v, &s); err != nil {
		return sum{}, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	return s, nil
}

func (s sum) mean() float64 {
	if s.Count == 0 {
		return 0
	}
	return s.Total / float64(s.Count)
}
