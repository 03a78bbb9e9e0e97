package fanout

import (
	"iter"
	"slices"

	"github.com/go-diskcache/diskcache"
)

// head is the next thing of a walk.
type head[T any] struct {
	v    T
	err  error
	next func() (T, error, bool)
}

// merged makes one walk of those of the shards, which are in order. All begin at the same
// time. Errors come as soon as they are met.
func merged[T any](s *Store, walk func(diskcache.Store) iter.Seq2[T, error], compare func(a, b T) int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var heads []*head[T]
		for _, c := range s.shards {
			next, stop := iter.Pull2(walk(c))
			defer stop()
			heads = append(heads, &head[T]{next: next})
		}
		heads = slices.DeleteFunc(heads, func(h *head[T]) bool { return !h.advance() })
		for len(heads) > 0 {
			first := heads[0]
			for _, h := range heads[1:] {
				if first.err == nil && (h.err != nil || compare(h.v, first.v) < 0) {
					first = h
				}
			}
			if !yield(first.v, first.err) {
				return
			}
			if !first.advance() {
				heads = slices.DeleteFunc(heads, func(h *head[T]) bool { return h == first })
			}
		}
	}
}

func (h *head[T]) advance() (ok bool) {
	h.v, h.err, ok = h.next()
	return ok
}
