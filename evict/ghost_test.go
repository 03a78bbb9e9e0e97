package evict

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestGhostRemembers(t *testing.T) {
	g := NewGhost(1 << 16)
	const keys = 1000 // few enough to be remembered nearly all
	for id := range keys {
		g.Add(hashOf(id))
	}
	if g.Len() < keys*95/100 || g.Len() > keys || g.MemBytes() != 1<<16 {
		t.Errorf("%d of %d keys in %d bytes", g.Len(), keys, g.MemBytes())
	}
	found := 0
	for id := range keys {
		if g.Take(hashOf(id)) {
			found++
			if g.Take(hashOf(id)) {
				t.Fatal("found a second time")
			}
		}
	}
	if found < keys*95/100 || g.Len() > keys-found {
		t.Errorf("%d of %d keys found, %d left", found, keys, g.Len())
	}
}

// TestGhostForgets: after a whole content of the cache a third is left, after
// five next to nothing, and no more than one in 255 is taken for another.
func TestGhostForgets(t *testing.T) {
	const n = 1 << 16
	g := NewGhost(n)
	for id := range 6 * n {
		g.Add(hashOf(id))
	}
	share := func(from int) float64 {
		found := 0
		for id := from; id < from+n; id++ {
			h := hashOf(id)
			if g.table[g.place(h)] == fingerprint(h) { // Take would change what comes next
				found++
			}
		}
		return float64(found) / n
	}
	if last := share(5 * n); last < 0.6 || last > 0.66 { // 1 - 1/e
		t.Errorf("%.3f of the last content", last)
	}
	if before := share(4 * n); before < 0.21 || before > 0.26 {
		t.Errorf("%.3f of that before", before)
	}
	if never := share(10 * n); never > 1./255*1.15 {
		t.Errorf("%.4f of what was never there", never)
	}
}

// TestGhostTruncatedHash: an index that keeps 33 bits of a hash is enough.
func TestGhostTruncatedHash(t *testing.T) {
	const n = 1 << 16
	g := NewGhost(n)
	found, wrong := 0, 0
	for id := range n {
		g.Add(hashOf(id) &^ (1<<31 - 1))
	}
	for id := range n {
		if g.Take(hashOf(n+id) &^ (1<<31 - 1)) {
			wrong++
		}
	}
	for id := range n {
		if g.Take(hashOf(id) &^ (1<<31 - 1)) {
			found++
		}
	}
	if found < n*60/100 || wrong > n/255 {
		t.Errorf("%d of %d found, %d wrong", found, n, wrong)
	}
}

func TestGhostResize(t *testing.T) {
	for _, c := range []struct{ from, to, least int }{
		{1000, 1000, 100}, {1000, 2000, 100}, {1000, 5000, 100}, // multiples lose nothing
		{1000, 1250, 75}, {1000, 500, 70}, {1000, 700, 60}, {0, 1000, 0}, {1000, 0, 0}, {1000, -1, 0},
	} {
		g := NewGhost(c.from)
		var kept []int
		for id := range c.from / 2 {
			g.Add(hashOf(id))
		}
		for id := range c.from / 2 {
			if h := hashOf(id); g.table[g.place(h)] == fingerprint(h) {
				kept = append(kept, id)
			}
		}
		g.Resize(c.to)
		if g.MemBytes() != max(c.to, 0) || g.Len() != count(g.table) {
			t.Errorf("%d to %d: %d bytes, %d used, counted %d", c.from, c.to, g.MemBytes(), g.Len(), count(g.table))
		}
		found := 0
		for _, id := range kept {
			if g.Take(hashOf(id)) {
				found++
			}
		}
		if found*100 < len(kept)*c.least {
			t.Errorf("%d to %d: %d of %d left, want %d %%", c.from, c.to, found, len(kept), c.least)
		}
	}
}

func TestGhostOfNothing(t *testing.T) {
	for _, g := range []*Ghost{{}, NewGhost(0), NewGhost(-5)} {
		g.Add(1)
		if g.Take(1) || g.Len() != 0 || g.MemBytes() != 0 {
			t.Errorf("%+v", g)
		}
		g.Resize(10)
		g.Add(1)
		if !g.Take(1) {
			t.Error("forgotten after it got places")
		}
	}
}

func TestGhostLen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := NewGhost(rapid.IntRange(0, 8).Draw(t, "items"))
		hash := rapid.Map(rapid.IntRange(0, 20), hashOf)
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				if g.Len() != count(g.table) {
					t.Fatalf("%d, want %d", g.Len(), count(g.table))
				}
			},
			"add": func(t *rapid.T) {
				h := hash.Draw(t, "hash")
				g.Add(h)
				if c := (Ghost{append([]byte(nil), g.table...), g.used}); len(g.table) > 0 && !c.Take(h) {
					t.Fatal("forgotten at once")
				}
			},
			"take": func(t *rapid.T) {
				h := hash.Draw(t, "hash")
				g.Take(h)
				if g.Take(h) {
					t.Fatal("taken twice")
				}
			},
			"resize": func(t *rapid.T) { g.Resize(rapid.IntRange(0, 20).Draw(t, "items")) },
		})
	})
}

func TestGhostBytes(t *testing.T) {
	g := NewGhost(100)
	for id := range 80 {
		g.Add(hashOf(id))
	}
	b := g.Append([]byte("before"))
	got, n, err := ParseGhost(append(b, "after"...)[len("before"):])
	if err != nil || n != len(b)-len("before") || !bytes.Equal(got.table, g.table) || got.Len() != g.Len() {
		t.Errorf("%+v, %d bytes, %v", got, n, err)
	}
	b[20] ^= 0xFF
	if bytes.Equal(got.table, b[14:]) {
		t.Error("shares memory with what it was parsed from")
	}
	for _, bad := range [][]byte{
		nil,
		b[6:13],
		b[6 : len(b)-1],
		binary.LittleEndian.AppendUint64(nil, 1),
		binary.LittleEndian.AppendUint64(nil, 1<<63),
		append(binary.LittleEndian.AppendUint64(nil, maxGhost+1), b...),
	} {
		if _, _, err := ParseGhost(bad); !errors.Is(err, ErrGhost) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

func FuzzParseGhost(f *testing.F) {
	f.Add(NewGhost(20).Append(nil), uint64(1))
	f.Add(binary.LittleEndian.AppendUint64(nil, 1<<40), uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, hash uint64) {
		g, n, err := ParseGhost(b)
		if err != nil {
			return
		}
		if again := g.Append(nil); !bytes.Equal(again, b[:n]) {
			t.Fatalf("%x became %x", b[:n], again)
		}
		g.Take(hash)
		g.Add(hash)
		g.Resize(g.MemBytes() + int(hash%7))
		if g.Len() != count(g.table) {
			t.Fatalf("%d, want %d", g.Len(), count(g.table))
		}
	})
}
