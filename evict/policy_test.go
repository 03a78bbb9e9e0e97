package evict

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var ranked = []Policy{FIFO, LRU, LFU, TTL, LRUTTL}

func TestParse(t *testing.T) {
	for p := range policies {
		if got, err := Parse(p.String()); got != p || err != nil {
			t.Errorf("Parse(%q) = %v, %v", p.String(), got, err)
		}
	}
	for name, want := range map[string]Policy{
		"s3fifo": S3FIFO, "fifo": FIFO, "lru": LRU, "lfu": LFU, "ttl": TTL, "lru-ttl": LRUTTL, "none": None,
		"least-recently-stored": FIFO, "least-recently-used": LRU, "least-frequently-used": LFU,
	} {
		if got, err := Parse(name); got != want || err != nil {
			t.Errorf("Parse(%q) = %v, %v, want %v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "LRU", "policy(9)", "lru "} {
		if got, err := Parse(name); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", name, got)
		}
	}
	if got := Policy(9).String(); got != "policy(9)" {
		t.Errorf("got %q", got)
	}
}

func TestRanked(t *testing.T) {
	for p := range Policy(10) {
		if want := slices.Contains(ranked, p); p.Ranked() != want {
			t.Errorf("%v: ranked %v", p, p.Ranked())
		}
	}
}

// TestOrder stores and reads items, and looks in which order they go.
func TestOrder(t *testing.T) {
	type use struct {
		item    int
		expires int64 // of a store
		read    bool
	}
	store := func(item int, expires int64) use { return use{item, expires, false} }
	read := func(item int) use { return use{item, 0, true} }
	for _, c := range []struct {
		name   string
		policy Policy
		uses   []use
		want   []int
	}{
		{"by store", FIFO, []use{store(1, 9), store(2, 0), store(3, 1), read(1), read(2)}, []int{1, 2, 3}},
		{"stored again", FIFO, []use{store(1, 0), store(2, 0), store(1, 0)}, []int{2, 1}},
		{"by use", LRU, []use{store(1, 9), store(2, 0), store(3, 1), read(2), read(1)}, []int{3, 2, 1}},
		{"by count", LFU, []use{store(1, 0), read(1), read(1), store(2, 0), read(2), store(3, 0)}, []int{3, 2, 1}},
		{"same count: raised to it first", LFU, []use{store(1, 0), store(2, 0), read(2), read(1)}, []int{2, 1}},
		{"stored again counts from one", LFU, []use{store(1, 0), read(1), read(1), store(2, 0), read(2), store(1, 0)}, []int{1, 2}},
		{"by expiry, then by store", TTL, []use{store(1, 0), store(2, 50), store(3, 0), store(4, 40), read(1), read(4)}, []int{4, 2, 1, 3}},
		{"far expiry before never", TTL, []use{store(1, 0), store(2, math.MaxInt64)}, []int{2, 1}},
		{"with a lifetime first", LRUTTL, []use{store(1, 0), store(2, 50), store(3, 0), store(4, 40), read(1), read(2)}, []int{4, 2, 3, 1}},
		{"lifetime taken away", LRUTTL, []use{store(1, 50), store(2, 50), store(1, 0), read(2)}, []int{2, 1}},
	} {
		ranks := map[int]uint64{}
		for i, u := range c.uses {
			if tick := uint64(i + 1); u.read {
				ranks[u.item] = c.policy.Access(ranks[u.item], tick)
			} else {
				ranks[u.item] = c.policy.Insert(tick, u.expires)
			}
		}
		got := make([]int, 0, len(ranks))
		for item := range ranks {
			got = append(got, item)
		}
		slices.SortFunc(got, func(a, b int) int {
			if ranks[a] < ranks[b] {
				return -1
			}
			return 1
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%v, %s: %v, want %v", c.policy, c.name, got, c.want)
		}
	}
}

// TestRanksGrow: a Queue rests on it. Ticks at and above what LFU has bits for
// are among them: it may not tell them apart, but must not go back.
func TestRanksGrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(ranked).Draw(t, "policy")
		tick := rapid.OneOf(rapid.Uint64Range(1, 100), rapid.Uint64Range(maxTick-100, maxTick+100)).Draw(t, "tick")
		rank := p.Insert(tick, rapid.Int64Range(0, 3).Draw(t, "expires"))
		for _, step := range rapid.SliceOf(rapid.Uint64Range(1, 50)).Draw(t, "steps") {
			tick += step
			next := p.Access(rank, tick)
			if next < rank {
				t.Fatalf("%v: rank %#x, after it %#x", p, rank, next)
			}
			rank = next
		}
	})
}

func TestLFUSaturates(t *testing.T) {
	rank := LFU.Insert(1, 0)
	for tick := uint64(2); tick <= maxCount/countOne+10; tick++ {
		rank = LFU.Access(rank, tick)
	}
	if rank&^maxTick != maxCount {
		t.Fatalf("rank %#x after so many uses", rank)
	}
	if next := LFU.Access(rank, 1<<30); next <= rank || next&maxTick != 1<<30 {
		t.Errorf("rank %#x, then %#x: among the most used the last use counts", rank, next)
	}
}
