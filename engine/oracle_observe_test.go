package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"github.com/go-diskcache/diskcache/codec"
)

// observe reads what each of the keys shows, by Get and by a walk over all keys,
// which must agree. Whatever is there must be sound: a crash is no damage.
func observe(e *Engine, keys []string) (shown, error) {
	found := make(shown)
	for _, key := range keys {
		v, err := e.Get(key, nil)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("get %q: %w", key, err)
		}
		if found[key], err = oracleVersion(key, v); err != nil {
			return nil, err
		}
	}
	walked := make(shown)
	for key, err := range e.Keys() {
		if err != nil {
			return nil, fmt.Errorf("walk: %w", err)
		}
		if walked[key] != 0 {
			return nil, fmt.Errorf("walk: key %q twice", key)
		}
		if walked[key] = found[key]; found[key] == 0 {
			return nil, fmt.Errorf("walk: key %q is listed, and Get does not find it", key)
		}
	}
	if !maps.Equal(found, walked) {
		return nil, fmt.Errorf("walk: keys of %v, Get finds %v", walked, found)
	}
	return found, unharmed(e)
}

// unharmed checks that nothing is reported lost or wrong.
func unharmed(e *Engine) error {
	problems, err := e.Check(false)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	for _, p := range problems {
		kind, _, _ := codec.ParseName(p.File)
		if errors.Is(p.Err, ErrCorrupt) || kind == codec.NameHint && !errors.Is(p.Err, fs.ErrNotExist) {
			return fmt.Errorf("check: %v", p)
		}
	}
	s, err := e.Stats()
	if err != nil {
		return err
	}
	if s.Corrupt != 0 || s.BackgroundErrs != 0 {
		return fmt.Errorf("stats: %d corrupt, %d background errors: %w", s.Corrupt, s.BackgroundErrs, e.faults.take())
	}
	return nil
}
