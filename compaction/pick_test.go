package compaction_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/go-diskcache/diskcache/compaction"
)

type segs = []compaction.Segment

const never = math.MaxInt64

// cost is what rewriting a segment costs besides the copies.
const cost = 256

// seg is a sealed segment of a million bytes whose items never expire. Live and tombs are
// in thousandths, and what is not live can all be gained.
func seg(live, tombs int64) compaction.Segment {
	return compaction.Segment{Bytes: 1e6, LiveBytes: max(0, live*1000-cost), TombBytes: tombs * 1000, Latest: never, Sealed: true}
}

func begun(s compaction.Segment, seq int64) compaction.Segment { s.Begun = seq; return s }

func oldest(s compaction.Segment) compaction.Segment { s.Oldest = true; return s }

func active(s compaction.Segment) compaction.Segment { s.Sealed = false; return s }

func until(s compaction.Segment, at int64) compaction.Segment { s.Latest = at; return s }

const none = -1

func TestEmpty(t *testing.T) {
	const now = 100
	for _, c := range []struct {
		name string
		segs segs
		want int
	}{
		{"no segments", nil, none},
		{"all live", segs{seg(900, 0), seg(1, 0)}, none},
		{"nothing live", segs{seg(900, 0), seg(0, 0)}, 1},
		{"the first of several", segs{seg(1, 0), seg(0, 0), seg(0, 0)}, 1},
		{"nothing live, still written to", segs{active(seg(0, 0))}, none},
		{"all expired", segs{until(seg(900, 0), now-1)}, 0},
		{"expires now", segs{until(seg(900, 0), now)}, 0},
		{"expires next", segs{until(seg(900, 0), now+1)}, none},
		{"expired, still written to", segs{active(until(seg(900, 0), now-1))}, none},
		{"half of it tombstones", segs{seg(0, 499)}, 0},
		{"most of it tombstones", segs{seg(0, 501)}, none},
		{"tombstones, and little else", segs{{Bytes: 450, TombBytes: 194, Latest: never, Sealed: true}}, none},
		{"most of it tombstones, and the oldest", segs{oldest(seg(0, 1000))}, 0},
		{"expired, most of it tombstones", segs{until(seg(400, 600), now)}, none},
		{"expired, most of it tombstones, and the oldest", segs{oldest(until(seg(400, 600), now))}, 0},
		{"less than nothing live", segs{{Bytes: 1000, LiveBytes: -5, Latest: never, Sealed: true}}, 0},
		{"dropped to its end", segs{{Sealed: true}}, 0},
		{"dropped to its end, still written to", segs{{}}, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, c.want)(compaction.Empty(c.segs, now))
		})
	}
}

func expect(t *testing.T, want int) func(int, bool) {
	return func(got int, ok bool) {
		t.Helper()
		switch {
		case want == none && ok:
			t.Errorf("picked %d, want none", got)
		case want != none && (!ok || got != want):
			t.Errorf("picked %d (%v), want %d", got, ok, want)
		}
	}
}

func TestPick(t *testing.T) {
	limits := compaction.Limits{Now: 100, Seq: 100, Share: 20, Least: 25}
	for _, c := range []struct {
		name   string
		limits compaction.Limits
		segs   segs
		want   int
	}{
		{"no segments", limits, nil, none},
		{"no garbage", limits, segs{seg(1000, 0), seg(1000, 0)}, none},
		{"no garbage, and none is bearable", compaction.Limits{Least: 1}, segs{seg(1000, 0)}, none},
		{"a little garbage, and none is bearable", compaction.Limits{Least: 1}, segs{seg(1000, 0), seg(990, 0)}, 1},
		{"all that is garbage is bearable", compaction.Limits{Share: 100, Least: 1}, segs{seg(1, 0)}, none},
		{"as much as is bearable", limits, segs{seg(1000, 0), seg(601, 0)}, none},
		{"more than is bearable", limits, segs{seg(1000, 0), seg(599, 0)}, 1},
		{"spread out", limits, segs{seg(760, 0), seg(760, 0), seg(760, 0)}, none},
		{"as much as is worth it", limits, segs{seg(760, 0), seg(750, 0)}, 1},
		{"most garbage", limits, segs{seg(500, 0), seg(300, 0), seg(400, 0)}, 1},
		{"largest part, not most bytes", limits, segs{{Bytes: 8e6, LiveBytes: 5e6, Latest: never, Sealed: true}, seg(500, 0)}, 1},
		{"the older of two alike", limits, segs{begun(seg(500, 0), 20), begun(seg(500, 0), 10)}, 1},
		{"old, with less garbage", limits, segs{begun(seg(600, 0), 99), begun(seg(700, 0), 10)}, 1},
		{"young, with much more", limits, segs{begun(seg(10, 0), 90), begun(seg(700, 0), 10)}, 0},
		{"old, with too little", limits, segs{begun(seg(600, 0), 99), begun(seg(760, 0), 1)}, 0},
		{"begun later than now", limits, segs{begun(seg(500, 0), 900), seg(1000, 0)}, 0},
		{"no more than its rewriting costs", compaction.Limits{Least: 1}, segs{{Bytes: 500, LiveBytes: 500 - cost, Latest: never, Sealed: true}}, none},
		{"a byte more", compaction.Limits{Least: 1}, segs{{Bytes: 600, LiveBytes: 600 - cost - 6, Latest: never, Sealed: true}}, 0},
		{"written to, with the most garbage", limits, segs{active(seg(1, 0)), seg(500, 0)}, 1},
		{"only what is written to", limits, segs{active(seg(1, 0)), active(seg(1, 0))}, none},
		{"what is written to counts as garbage", limits, segs{active(seg(0, 0)), seg(740, 0)}, 1},
		{"nothing live comes first", limits, segs{seg(1, 0), seg(0, 0)}, 1},
		{"nothing live, however little is bearable", compaction.Limits{Share: 100, Least: 100}, segs{seg(1000, 0), seg(0, 0)}, 1},
		{"expired comes first", limits, segs{seg(1, 0), until(seg(900, 0), 100)}, 1},
		{"tombstones are no garbage", limits, segs{seg(500, 0), seg(300, 400)}, 0},
		{"those of the oldest are", limits, segs{seg(500, 0), oldest(seg(300, 400))}, 1},
		{"tombstones weigh little: garbage first", limits, segs{oldest(seg(1000, 0)), seg(600, 80), seg(650, 0)}, 2},
		{"tombstones weigh much: the oldest first", limits, segs{oldest(seg(1000, 0)), seg(600, 200), seg(650, 0)}, 0},
		{"half of another is garbage: that first", limits, segs{oldest(seg(1000, 0)), seg(600, 200), seg(500, 0)}, 2},
		{"the oldest is written to", limits, segs{active(oldest(seg(1000, 0))), seg(600, 200), seg(650, 0)}, 2},
		{"nothing left of it", limits, segs{{Latest: never, LiveBytes: 1, Sealed: true}, seg(1000, 0)}, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, c.want)(compaction.Pick(c.segs, c.limits))
		})
	}
}

// drawSegs draws what may be known of a log: exactly one sealed or active segment is
// the oldest, or none is.
func drawSegs(t *rapid.T) segs {
	all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) compaction.Segment {
		s := compaction.Segment{
			Bytes:  rapid.OneOf(rapid.Int64Range(0, 2000), rapid.Int64Range(0, 1<<20)).Draw(t, "bytes"),
			Latest: rapid.SampledFrom([]int64{0, 50, 100, 101, never}).Draw(t, "latest"),
			Sealed: rapid.IntRange(0, 4).Draw(t, "sealed") > 0,
			Begun:  rapid.Int64Range(0, 100).Draw(t, "begun"),
		}
		s.LiveBytes = rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, s.Bytes)).Draw(t, "live")
		s.TombBytes = rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, s.Bytes-s.LiveBytes)).Draw(t, "tombstones")
		return s
	}), 0, 12).Draw(t, "segments")
	if i := rapid.IntRange(-1, len(all)-1).Draw(t, "oldest"); i >= 0 {
		all[i].Oldest = true
	}
	return all
}

func drawLimits(t *rapid.T) compaction.Limits {
	return compaction.Limits{
		Now:   100,
		Seq:   100,
		Share: rapid.Int64Range(0, 100).Draw(t, "share"),
		Least: rapid.Int64Range(1, 100).Draw(t, "least"),
	}
}

// frees returns what rewriting a segment gives back.
func frees(s compaction.Segment) int64 {
	n := s.Bytes - s.LiveBytes
	if !s.Oldest {
		n -= s.TombBytes
	}
	return max(0, n-cost)
}

// benefit is what is gained for each byte that is copied, weighted by age.
func benefit(s compaction.Segment, l compaction.Limits) float64 {
	return float64(frees(s)) / float64(s.LiveBytes+cost) * float64(max(1, l.Seq-s.Begun))
}

func worth(s compaction.Segment, l compaction.Limits) bool {
	return s.Sealed && frees(s) > 0 && frees(s)*100 >= s.Bytes*l.Least
}

// TestPickIsWorthIt: what is picked is sealed, and either costs nothing, or has its share
// of garbage, or is the oldest while tombstones weigh; and nothing changes by looking.
func TestPickIsWorthIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, l := drawSegs(t), drawLimits(t)
		before := slices.Clone(all)
		i, ok := compaction.Pick(all, l)
		if !slices.Equal(all, before) {
			t.Fatal("looking changed the segments")
		}
		if j, again := compaction.Pick(all, l); j != i || again != ok {
			t.Fatalf("picked %d, then %d", i, j)
		}
		empty, isEmpty := compaction.Empty(all, l.Now)
		if isEmpty && (!ok || i != empty) {
			t.Fatalf("segment %d costs nothing, and %d was picked", empty, i)
		}
		var bytes, garbage, tombs int64
		var most float64
		for _, s := range all {
			bytes, garbage, tombs = bytes+s.Bytes, garbage+s.Bytes-s.LiveBytes, tombs+s.TombBytes
			if worth(s, l) {
				most = max(most, benefit(s, l))
			}
		}
		bearable := garbage*100 <= bytes*l.Share
		if !ok {
			if !bearable && most > 0 {
				t.Fatalf("nothing was picked, and a segment has a benefit of %g", most)
			}
			return
		}
		s := all[i]
		switch {
		case !s.Sealed:
			t.Fatalf("segment %d is written to", i)
		case isEmpty:
			if s.LiveBytes > 0 && s.Latest > l.Now {
				t.Fatalf("segment %d is not empty", i)
			}
			if 2*s.TombBytes > s.Bytes && !s.Oldest {
				t.Fatalf("most of segment %d would be written again", i)
			}
		case bearable:
			t.Fatalf("%d of %d bytes are garbage, which is bearable", garbage, bytes)
		case worth(s, l):
			if benefit(s, l) < most && !s.Oldest {
				t.Fatalf("segment %d has less benefit than another", i)
			}
		case !s.Oldest || tombs*25 <= bytes:
			t.Fatalf("segment %d is not worth it", i)
		}
	})
}

// TestPickEnds: whoever rewrites what is picked comes to an end, though live records
// and tombstones that are still needed are written again, to segments that may be picked
// in their turn.
func TestPickEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, l := drawSegs(t), drawLimits(t)
		limit := rapid.Int64Range(512, 1<<20).Draw(t, "segment size")
		for i := range all {
			all[i].Oldest = i == 0 // they stand in the order of their first sequences
		}
		const most = 100
		for steps := 0; ; steps++ {
			i, ok := compaction.Pick(all, l)
			if !ok {
				break
			}
			if steps == most {
				t.Fatalf("no end after %d steps: %+v", most, all)
			}
			all = rewrite(all, i, l.Now, limit)
		}
		// What was to be taken back was, but for what no rewriting frees.
		var bytes, garbage int64
		for _, s := range all {
			if worth(s, l) {
				garbage += frees(s)
			}
			bytes += s.Bytes
		}
		if garbage*100 > bytes*l.Share {
			t.Fatalf("%d of %d bytes could still be given back: %+v", garbage, bytes, all)
		}
	})
}

// rewrite is what clearing segment i does. The copies go to the last segment while that
// is being written to, and has room.
func rewrite(all segs, i int, now, limit int64) segs {
	s := all[i]
	live, tombs := s.LiveBytes, s.TombBytes
	if s.Latest <= now {
		live = 0
	}
	if s.Oldest {
		tombs = 0
	}
	all = slices.Delete(all, i, i+1)
	if live+tombs > 0 {
		n := len(all) - 1
		if n < 0 || all[n].Sealed || all[n].Bytes+live+tombs > limit {
			if n >= 0 {
				all[n].Sealed = true
			}
			all = append(all, compaction.Segment{})
			n++
		}
		o := &all[n]
		if o.Bytes == 0 {
			o.Bytes = cost / 2 // its header; the rest is for each that is copied
		}
		o.Bytes, o.LiveBytes, o.TombBytes = o.Bytes+live+tombs+cost/2, o.LiveBytes+live, o.TombBytes+tombs
		if live > 0 {
			o.Latest = max(o.Latest, s.Latest)
		}
	}
	for i := range all {
		all[i].Oldest = i == 0
	}
	return all
}
