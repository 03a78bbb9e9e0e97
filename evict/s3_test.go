package evict

import (
	"testing"

	"pgregory.net/rapid"
)

func TestFromProbation(t *testing.T) {
	const limit = 1000_000
	for _, c := range []struct {
		name            string
		probation, main int64
		items           int
		want            bool
	}{
		{"main empty", 1, 0, 1, true},
		{"probation empty", 0, 1, 1, false},
		{"probation below its tenth", 99_999, 900_000, 10_000, false},
		{"probation at its tenth", 100_000, 900_000, 10_000, true},
		{"few items: fewer than 32 of the average", 100_000, 900_000, 160, false}, // 6250 each
		{"few items: 32 of the average", 200_000, 800_000, 160, true},
		{"very few items: below half", 499_999, 500_000, 10, false},
		{"very few items: half", 500_000, 500_000, 10, true},
		{"number not known", 100_000, 900_000, 0, true},
	} {
		if got := FromProbation(c.probation, c.main, limit, c.items); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestPromote(t *testing.T) {
	for _, c := range []struct {
		hits uint8
		main int64
		want bool
	}{
		{0, 0, false}, {0, 90, false},
		{1, 49, true}, {1, 50, false}, // half of the limit
		{2, 49, true}, {2, 90, true}, {3, 90, true},
	} {
		if got := Promote(c.hits, c.main, 100); got != c.want {
			t.Errorf("%d hits, main %d %%: %v", c.hits, c.main, got)
		}
	}
}

func TestKeep(t *testing.T) {
	const size, limit = 1000, 1 << 30
	var c Copies
	for range 100 { // save up
		c.Keep(0, size, limit)
	}
	for hits, want := range []bool{false, false, true, true} {
		if got := c.Keep(uint8(hits), size, limit); got != want {
			t.Errorf("%d hits: %v", hits, got)
		}
	}
}

// TestKeepIsBounded frees bytes from a main of which all is hit as often as can
// be, always: each time it must end, and within the promise.
func TestKeepIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(1, 100_000).Draw(t, "limit")
		size := rapid.Int64Range(4, 2000)
		var c Copies
		for range rapid.IntRange(0, 100).Draw(t, "cold") { // saved up before
			c.Keep(0, size.Draw(t, "size"), limit)
		}
		want := rapid.Int64Range(1, 10_000).Draw(t, "bytes to free")
		freed, seen, largest := int64(0), int64(0), int64(0)
		for freed < want {
			s := size.Draw(t, "size")
			seen += s
			largest = max(largest, s)
			if !c.Keep(MaxHits, s, limit) {
				freed += s
			}
			// size/4*3 rounds 3 bytes down at most, of 4 and more.
			if bound := 4 * (want + limit/16 + 2*largest); seen > bound {
				t.Fatalf("looked at %d bytes to free %d of %d, bound %d", seen, freed, want, bound)
			}
		}
	})
}

// TestKeepsLargeItems: an item above the credit's bound is not shut out.
func TestKeepsLargeItems(t *testing.T) {
	const limit = 1000
	var c Copies
	kept := 0
	for range 100 {
		if c.Keep(MaxHits, 300, limit) {
			kept++
		}
	}
	if kept < 15 {
		t.Errorf("%d of 100 kept", kept)
	}
}
