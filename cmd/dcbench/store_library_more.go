package main

import (
	"errors"
	"iter"
	"strconv"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// What the library has that not every store has.

func (l library) Add(key, value []byte) (bool, error) { return l.c.Add(text(key), value) }

func (l library) Incr(key []byte) (int64, error) { return l.c.Incr(text(key), 1) }

func (l library) Number(key []byte) (int64, error) {
	v, err := l.c.Get(text(key))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(v), 10, 64)
}

func (l library) Push(value []byte) error {
	_, err := l.c.Push("", value, diskcache.Back)
	return err
}

func (l library) Pull() ([]byte, error) {
	it, err := l.c.Pull("", diskcache.Front)
	if errors.Is(err, diskcache.ErrNotFound) {
		return nil, contest.ErrMissing
	}
	return it.Value, err
}

func (l library) PeekItem(last bool) (key, value []byte, err error) {
	side := diskcache.Front
	if last {
		side = diskcache.Back
	}
	it, err := l.c.PeekItem(side)
	return bytesOf(it.Key), it.Value, err
}

func (l library) Keys() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for key, err := range l.c.Scan(diskcache.Range{}) {
			if !yield(bytesOf(key), err) {
				return
			}
		}
	}
}

func (l library) SetTagged(key, value []byte, tag string) error {
	return l.c.Set(text(key), value, diskcache.Tag(tag))
}

func (l library) SetUntil(key, value []byte, end time.Time) error {
	return l.c.Set(text(key), value, diskcache.ExpireAt(end))
}

func (l library) EvictTag(tag string) (int, error) { return l.c.EvictTag(tag) }

func (l library) Expire(time.Time) (int, error) { return l.c.Expire() } // by the clock that it was opened with

func (l library) Clear() (int, error) { return l.c.Clear() }

func (l library) Len() (int, error) { return l.c.Len() }
