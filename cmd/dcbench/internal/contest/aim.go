package contest

import (
	"math/rand/v2"
	"strings"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/draw"
)

// aim says which keys operations are for. They are drawn in advance, for to draw is measured
// otherwise, and begin again at their end.
type aim struct {
	keys   string
	n      int
	drawn  []uint32
	latest bool // they count back from the key that was set last
}

// mostDrawn is enough for hardly any key to be in the CPU's caches when it comes again.
const mostDrawn = 1 << 20

// aimAt draws from the keys below n: "uniform", "zipf:θ", or "latest:θ" for those that were set last.
func (p *player) aimAt(keys string, n int) error {
	if p.aim.keys == keys && p.aim.n == n {
		return nil
	}
	name, latest := strings.CutPrefix(keys, "latest:")
	if latest {
		name = "zipf:" + name
	}
	d, err := draw.Parse(name)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(p.shared.seed(p.seed), 1))
	p.aim = aim{keys: keys, n: n, latest: latest}
	if latest {
		p.aim.drawn = d.Ranks(r, mostDrawn, n)
	} else {
		p.aim.drawn = d.Draw(r, mostDrawn, n)
	}
	return nil
}

// at returns the number of the key that the i-th operation is for.
func (p *player) at(i int) uint64 {
	n := uint64(p.aim.drawn[i%len(p.aim.drawn)])
	if !p.aim.latest {
		return n
	}
	n = uint64(p.high.Load()) - 1 - n
	for n > 0 && !p.there(n) { // others are about to set it
		n--
	}
	return n
}

// there reports whether a key was set and not deleted.
func (p *player) there(n uint64) bool {
	v := p.versions[n].Load()
	return v != 0 && v&deleted == 0
}

// own returns a key near n that no other goroutine sets, nor another process: of one key that two of them set nobody
// would know the version.
func (p *player) own(w *worker, n uint64) uint64 {
	of, place := uint64(w.of), uint64(w.place)
	if p.shared.of > 0 {
		of, place = p.shared.of, p.shared.place
	}
	n = n - n%of + place
	if n >= uint64(p.aim.n) {
		n -= of
	}
	return n
}
