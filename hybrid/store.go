package hybrid

import (
	"errors"
	"math"

	"github.com/go-diskcache/diskcache"
	"github.com/maypok86/otter/v2"
)

// Store is a [diskcache.Cache] with copies of its items in memory. It is a diskcache.Store, and
// its methods may be called by any number of goroutines at once.
type Store struct {
	*diskcache.Cache // all that is not about the memory
	opt              Options
	memory           *otter.Cache[string, *copied]
	door             *doorkeeper
}

var _ diskcache.Store = (*Store)(nil)

// copied is an item and where it lies. It does not change.
type copied struct {
	item  diskcache.Item
	place diskcache.Place
}

// overhead is what a copy takes beside the bytes of its item.
const overhead = 320

func (c *copied) weight() uint32 {
	n := int64(len(c.item.Key)+len(c.item.Value)+len(c.item.Tag)) + overhead
	return uint32(min(n, math.MaxUint32))
}

// New returns a store of c with a memory before it. It is c's owner from then on: Close closes
// it. c may be used beside it all the same. A nil o is all defaults. Errors: ErrOption.
func New(c *diskcache.Cache, o *Options) (*Store, error) {
	s := &Store{Cache: c}
	if o != nil {
		s.opt = *o
	}
	if err := s.opt.fill(); err != nil {
		return nil, err
	}
	memory, err := otter.New(&otter.Options[string, *copied]{
		MaximumWeight: uint64(s.opt.MemoryLimit),
		Weigher:       func(_ string, c *copied) uint32 { return c.weight() },
	})
	if err != nil {
		return nil, errors.Join(diskcache.ErrOption, err)
	}
	s.memory, s.door = memory, newDoorkeeper(s.opt.MemoryLimit)
	return s, nil
}

// Close closes the cache, and gives the memory back.
func (s *Store) Close() error {
	err := s.Cache.Close()
	s.memory.InvalidateAll()
	s.memory.CleanUp()
	s.memory.StopAllGoroutines()
	return err
}

// find returns a copy of the newest item of key. It is not the caller's.
func (s *Store) find(key string) (*diskcache.Item, error) {
	if c, ok := s.memory.GetIfPresent(key); ok {
		held, err := s.Cache.Holds(&c.item, c.place)
		if err != nil {
			return nil, err
		}
		if held {
			return &c.item, nil
		}
	}
	return s.load(key, s.opt.AdmitFirst)
}

// load reads an item from the cache, and keeps it if it is to be kept.
func (s *Store) load(key string, admit bool) (*diskcache.Item, error) {
	it, place, err := s.Cache.ItemPlace(key)
	if err != nil {
		s.memory.Invalidate(key)
		return nil, err
	}
	_, known := s.memory.GetEntryQuietly(key) // an older copy, or the same that was moved
	switch {
	case place == diskcache.Place{} || it.Size > s.opt.MaxValue:
		s.memory.Invalidate(key)
	case known || admit || s.door.knows(key):
		s.memory.Set(key, &copied{it, place})
	}
	return &it, nil
}

// Get returns the value of key, which is the caller's. Errors are those of Cache.Get.
func (s *Store) Get(key string) ([]byte, error) {
	it, err := s.find(key)
	if err != nil {
		return nil, err
	}
	return own(it.Value), nil
}

// GetAppend appends the value of key to buf. After an error it returns buf.
func (s *Store) GetAppend(key string, buf []byte) ([]byte, error) {
	it, err := s.find(key)
	if err != nil {
		return buf, err
	}
	return append(buf, it.Value...), nil
}

// Item returns the value of key and what is known of it.
func (s *Store) Item(key string) (diskcache.Item, error) {
	found, err := s.find(key)
	if err != nil {
		return diskcache.Item{}, err
	}
	it := *found
	it.Value = own(it.Value)
	return it, nil
}

// own returns a copy that is never nil.
func own(b []byte) []byte { return append(make([]byte, 0, len(b)), b...) }

// Set stores value under key in the cache. Errors are those of Cache.Set. With WriteThrough what
// was stored is kept in memory as well; where that cannot be read back, a later read says so.
func (s *Store) Set(key string, value []byte, opts ...diskcache.SetOption) error {
	if err := s.Cache.Set(key, value, opts...); err != nil {
		return err
	}
	if s.opt.WriteThrough && int64(len(value)) <= s.opt.MaxValue {
		_, _ = s.load(key, true)
	}
	return nil
}

// Memory returns how many items have a copy in memory, about, and how many bytes these take.
func (s *Store) Memory() (items int, bytes int64) {
	return s.memory.EstimatedSize(), int64(s.memory.WeightedSize())
}
