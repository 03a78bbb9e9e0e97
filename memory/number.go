package memory

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/go-diskcache/diskcache"
)

// Incr adds delta to the number that key has.
func (o ops) Incr(key string, delta int64, opts ...diskcache.SetOption) (int64, error) {
	return o.count(key, opts, func(n int64) (int64, bool) {
		sum := n + delta
		return sum, (sum > n) == (delta > 0)
	})
}

// Decr subtracts delta from the number that key has.
func (o ops) Decr(key string, delta int64, opts ...diskcache.SetOption) (int64, error) {
	return o.count(key, opts, func(n int64) (int64, bool) {
		sum := n - delta
		return sum, (sum < n) == (delta > 0)
	})
}

// count stores what add returns in place of the number that key has, unless it does not fit.
func (o ops) count(key string, opts []diskcache.SetOption, add func(int64) (int64, bool)) (sum int64, err error) {
	err = o.number(key, opts, func(text string) (string, error) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return "", numberError(key, err)
		}
		var fits bool
		if sum, fits = add(n); !fits {
			return "", numberError(key, strconv.ErrRange)
		}
		return strconv.FormatInt(sum, 10), nil
	})
	if err != nil {
		return 0, err
	}
	return sum, nil
}

// IncrFloat adds delta to the number that key has.
func (o ops) IncrFloat(key string, delta float64, opts ...diskcache.SetOption) (sum float64, err error) {
	err = o.number(key, opts, func(text string) (string, error) {
		n, err := strconv.ParseFloat(text, 64)
		switch {
		case err != nil:
			return "", numberError(key, err)
		case !finite(n):
			return "", numberError(key, strconv.ErrSyntax)
		}
		if sum = n + delta; !finite(sum) {
			return "", numberError(key, strconv.ErrRange)
		}
		return strconv.FormatFloat(sum, 'g', -1, 64), nil
	})
	if err != nil {
		return 0, err
	}
	return sum, nil
}

// number replaces the text of a number, which is "0" where there is none, and keeps what else
// the item has.
func (o ops) number(key string, opts []diskcache.SetOption, next func(text string) (string, error)) error {
	a, err := o.attrs(opts)
	if err != nil {
		return err
	}
	return o.write(func(b *batch) error {
		s, _ := b.find(key)
		text := "0"
		if s != nil {
			text = string(s.value)
		}
		text, err := next(text)
		if err != nil {
			return err
		}
		if s == nil {
			return b.put(key, []byte(text), a)
		}
		e := *s.entry
		e.version = b.s.nextVersion()
		e.value, e.stored = []byte(text), e.version
		b.putEntry(key, &e)
		return nil
	})
}

func finite(n float64) bool { return !math.IsInf(n, 0) && !math.IsNaN(n) }

func numberError(key string, err error) error {
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%w: key %q", diskcache.ErrOverflow, key)
	}
	return fmt.Errorf("%w: key %q", diskcache.ErrNotNumber, key)
}
