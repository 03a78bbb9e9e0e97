package diskcache

import (
	"fmt"
	"math"
	"time"

	"github.com/go-diskcache/diskcache/engine"
)

// SetOption is something that is stored with a value.
type SetOption func(*setting) error

type setting struct {
	engine.Attrs
	now func() time.Time
}

// TTL makes the item expire d from now. A d of zero or less makes it expire at
// once: the key has no item then.
func TTL(d time.Duration) SetOption {
	return func(s *setting) error {
		return expireAt(s, s.now().Add(d))
	}
}

// ExpireAt makes the item expire at t: it is not served at t or later.
func ExpireAt(t time.Time) SetOption {
	return func(s *setting) error { return expireAt(s, t) }
}

// expireAt stores t in nanoseconds since 1970. What these cannot express (about
// 292 years) is cut: later is never, earlier has long been over.
func expireAt(s *setting, t time.Time) error {
	switch {
	case t.Unix() >= math.MaxInt64/1_000_000_000:
		s.Expires = 0
	case t.UnixNano() <= 0 || t.Unix() < 0:
		s.Expires = 1
	default:
		s.Expires = t.UnixNano()
	}
	return nil
}

// Tag marks the item, for items that are to be found or removed together. At most
// 65,535 bytes; the empty tag is no tag.
func Tag(tag string) SetOption {
	return func(s *setting) error {
		s.Tag = tag
		return nil
	}
}

// Kind stores a number with the value that says what kind of value it is. What it
// means is the caller's.
func Kind(kind uint16) SetOption {
	return func(s *setting) error {
		s.User = kind
		return nil
	}
}

// Compress stores the value with c in place of Options.Compression.
func Compress(c Compression) SetOption {
	return func(s *setting) error {
		if c < NoCompression || c > Zstd {
			return fmt.Errorf("%w: unknown compression %d", ErrOption, c)
		}
		s.Compression, s.HasCompression = engine.Compression(c), true
		return nil
	}
}

func (c *Cache) attrs(opts []SetOption) (engine.Attrs, error) {
	if len(opts) == 0 {
		return engine.Attrs{}, nil
	}
	s := setting{now: c.now}
	for _, o := range opts {
		if err := o(&s); err != nil {
			return s.Attrs, err
		}
	}
	return s.Attrs, nil
}

// Attrs are what SetOptions say of an item, for who implements a Store.
type Attrs struct {
	Expires time.Time // zero: never
	Tag     string
	Kind    uint16
}

// AttrsOf returns what opts say, where TTL counts from what now returns. Errors: those of the
// options, and ErrTooLarge for a tag of more than MaxTagSize bytes.
func AttrsOf(now func() time.Time, opts ...SetOption) (Attrs, error) {
	s := setting{now: now}
	for _, o := range opts {
		if err := o(&s); err != nil {
			return Attrs{}, err
		}
	}
	a := Attrs{Tag: s.Tag, Kind: s.User}
	if s.Expires != 0 {
		a.Expires = time.Unix(0, s.Expires)
	}
	if len(a.Tag) > MaxTagSize {
		return Attrs{}, fmt.Errorf("%w: a tag of %d bytes, the limit is %d", ErrTooLarge, len(a.Tag), MaxTagSize)
	}
	return a, nil
}

// Item is what is known of an item.
type Item struct {
	Key     string
	Value   []byte    // the caller's
	Stored  time.Time // when it was stored
	Created time.Time // when its key was first stored, since it was last absent
	Expires time.Time // zero: never
	Tag     string
	Kind    uint16
	Size    int64  // of the value in bytes
	OnDisk  int64  // bytes that it takes on the disk
	Version uint64 // differs between any two items ever stored in the directory, and grows
}

// Item returns the value of key and what is known of it. Errors are those of Get.
func (c *Cache) Item(key string) (Item, error) { return made(c.e.Load().GetItem(key)) }

// made makes an Item of what the engine says.
func made(it engine.Item, value []byte, err error) (Item, error) {
	if err != nil {
		return Item{}, err
	}
	return newItem(it, value), nil
}

func newItem(it engine.Item, value []byte) Item {
	return Item{
		Key: it.Key, Value: value, Stored: timeOf(it.Stored), Created: timeOf(it.First),
		Expires: it.Expires, Tag: it.Tag, Kind: it.User, Size: it.Size, OnDisk: it.OnDisk, Version: it.Stored,
	}
}

// timeOf returns when a commit was made; the zero time for one that is still to come.
func timeOf(seq uint64) time.Time {
	if seq == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(seq))
}
