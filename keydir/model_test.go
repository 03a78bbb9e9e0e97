package keydir

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestModel does random operations on an index and on a map, for every kind of hash.
func TestModel(t *testing.T) {
	for name, hash := range hashes {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { runModel(t, hash) })
		})
	}
}

func runModel(t *rapid.T, hash func(string) uint64) {
	bits := rapid.SampledFrom([]uint8{34, 37, 40, 44}).Draw(t, "place bits")
	w := newRankedWorld(t, bits, rapid.Bool().Draw(t, "ranks"), hash)
	defer func() { w.x.Close() }()
	// Few keys that come again and again; ranges make tables grow and shrink.
	key := rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprint("key ", rapid.IntRange(0, 40).Draw(t, "key"))
	})
	many := rapid.IntRange(1, 150)
	t.Repeat(map[string]func(*rapid.T){
		"put":    func(t *rapid.T) { w.put(key.Draw(t, "key")) },
		"delete": func(t *rapid.T) { w.delete(key.Draw(t, "key")) },
		"move":   func(t *rapid.T) { w.move(key.Draw(t, "key")) },
		"touch":  func(t *rapid.T) { w.touch(key.Draw(t, "key")) },
		"rank":   func(t *rapid.T) { w.setRank(key.Draw(t, "key")) },
		"get":    func(t *rapid.T) { w.requireGet(key.Draw(t, "key")) },
		"put many": func(t *rapid.T) {
			from := rapid.IntRange(0, 2000).Draw(t, "from")
			for i := range many.Draw(t, "n") {
				w.put(fmt.Sprint("key ", from+i))
			}
		},
		"delete many": func(t *rapid.T) {
			keys := make([]string, 0, len(w.model))
			for k := range w.model {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			for i, k := range keys {
				if i%4 != 0 {
					w.delete(k)
				}
			}
		},
		"reload": func(t *rapid.T) { w.reload() },
		"":       func(t *rapid.T) {},
	})
	w.requireAll()
}
