package fanout

// What follows decides, and touches no disk: balance.go does what it says.

// amounts are numbers of what limits are of: bytes and items.
type amounts [2]int64

const (
	bytes = iota
	items
	kinds
)

const (
	leastPart  = 16        // the part of an equal share that a shard keeps, whatever the others need
	leastBytes = 256 << 10 // and what it keeps of bytes, or it could not store a thing
	mostBytes  = 128 << 30 // the index of a directory that is open has room for so many, or an equal share
	worthPart  = 64        // the part of an equal share that is worth the writing of settings
	stepPart   = 4         // the part of the way to its due that a share goes at once
)

// pool is what shards divide among them, of one kind.
type pool struct {
	whole int64
	kind  int
	of    []holding
}

// holding is what one shard has of a pool.
type holding struct {
	share  int64
	used   int64
	demand float64
}

func (p *pool) equal() int64 { return max(1, p.whole/int64(len(p.of))) }

// least is the smallest share.
func (p *pool) least() int64 {
	least := p.equal() / leastPart
	if p.kind == bytes {
		least = max(least, leastBytes)
	}
	return min(max(least, 1), p.equal())
}

// most is the largest share.
func (p *pool) most() int64 {
	most := p.whole - int64(len(p.of)-1)*p.least()
	if p.kind == bytes {
		most = min(most, max(mostBytes, p.equal()))
	}
	return max(most, p.equal())
}

// byWeights divides the whole: each gets the least, and of the rest by its weight. Without
// weights all get the same.
func (p *pool) byWeights(weight func(h *holding) float64) []int64 {
	total, least := 0.0, p.least()
	for i := range p.of {
		total += weight(&p.of[i])
	}
	rest := float64(p.whole-int64(len(p.of))*least) * (1 - 1e-12) // or rounding might make the sum more than the whole
	shares := make([]int64, len(p.of))
	for i := range p.of {
		if total == 0 {
			shares[i] = p.equal()
			continue
		}
		shares[i] = min(least+int64(rest*(weight(&p.of[i])/total)), p.most())
	}
	return shares
}

// fitted returns the shares as they are, or, where they are more than the whole or one has no
// limit, what makes them fit.
func (p *pool) fitted() []int64 {
	sum, limited := int64(0), true
	shares := make([]int64, len(p.of))
	for i, h := range p.of {
		shares[i] = h.share
		sum += min(h.share, p.whole+1)
		limited = limited && h.share > 0
	}
	switch {
	case !limited:
		return p.byWeights(func(*holding) float64 { return 0 })
	case sum > p.whole:
		return p.byWeights(func(h *holding) float64 { return float64(h.share) })
	}
	return shares
}

// free is what no shard may take and none has: what a share may grow by, now. What a shard has
// beyond its share, which was lowered, has still to go.
func (p *pool) free() int64 {
	free := p.whole
	for _, h := range p.of {
		free -= max(h.share, h.used)
	}
	return max(free, 0)
}

// lowered returns the shares that are to get lower, so that others can get what is due to them:
// by a part of the way, and together by no more than was given up since the last time, for
// that is what one cache would have taken from some keys for others.
func (p *pool) lowered(turned int64) []int64 {
	due := p.due()
	shares, gives := p.shares(), make([]int64, len(p.of))
	wanted, given := -p.free(), int64(0)
	for i, h := range p.of {
		if gives[i] = (h.share - due[i]) / stepPart; gives[i] < 0 {
			wanted += due[i] - h.share
			gives[i] = 0
		}
		given += gives[i]
	}
	part := 1.0
	if most := max(min(turned, wanted), 0); given > most {
		part = float64(most) / float64(given)
	}
	for i := range shares {
		if give := int64(float64(gives[i]) * part); p.worth(give) {
			shares[i] -= give
		}
	}
	return shares
}

// raised returns the shares after what is free has gone to those to whom it is due.
func (p *pool) raised() []int64 {
	due, shares, free := p.due(), p.shares(), p.free()
	gaps := 0.0
	for i, h := range p.of {
		gaps += float64(max(due[i]-h.share, 0))
	}
	for i, h := range p.of {
		gap := max(due[i]-h.share, 0)
		if get := min(gap, int64(float64(free)*(float64(gap)/max(gaps, 1)))); p.worth(get) {
			shares[i] += get
		}
	}
	return shares
}

// scaled returns the shares of another whole: each keeps its part, if all have one.
func (p *pool) scaled() []int64 {
	for _, h := range p.of {
		if h.share == 0 {
			return p.byWeights(func(*holding) float64 { return 0 })
		}
	}
	return p.byWeights(func(h *holding) float64 { return float64(h.share) })
}

// goal is what the share of a shard is to be that has refused a write: an equal share, if it was too
// large for less. What one refuses because it is full, and gives up nothing, it can take of what
// others do not use.
func (p *pool) goal(shard int, tooLarge bool) int64 {
	share := p.of[shard].share
	if tooLarge {
		return max(share, p.equal())
	}
	return min(share+max(p.equal()/stepPart, 1), max(p.most(), share))
}

// madeWay returns the shares that are to get lower so that one can get to its goal.
func (p *pool) madeWay(shard int, tooLarge bool) []int64 {
	shares, gives := p.shares(), make([]int64, len(p.of))
	need, given := p.goal(shard, tooLarge)-p.of[shard].share-p.free(), int64(0)
	for i, h := range p.of {
		if i == shard {
			continue
		}
		gives[i] = max(h.share-max(h.used+h.used/8, p.least()), 0)
		if tooLarge {
			gives[i] = max(gives[i], h.share-p.equal())
		}
		given += gives[i]
	}
	for i := range shares {
		if need > 0 && given > 0 {
			part := min(float64(need)/float64(given), 1)
			shares[i] -= min(int64(float64(gives[i])*part)+1, gives[i])
		}
	}
	return shares
}

// wayTaken returns the shares after one has got what is free of the way to its goal.
func (p *pool) wayTaken(shard int, tooLarge bool) []int64 {
	shares := p.shares()
	shares[shard] += min(max(p.goal(shard, tooLarge)-shares[shard], 0), p.free())
	return shares
}

// due is what each shard would have by demand alone; what it has, where there is none.
func (p *pool) due() []int64 {
	for _, h := range p.of {
		if h.demand > 0 {
			return p.byWeights(func(h *holding) float64 { return h.demand })
		}
	}
	return p.shares()
}

func (p *pool) shares() []int64 {
	shares := make([]int64, len(p.of))
	for i, h := range p.of {
		shares[i] = h.share
	}
	return shares
}

// worth reports whether a change of a share is worth it.
func (p *pool) worth(change int64) bool { return change > 0 && change >= p.equal()/worthPart }
