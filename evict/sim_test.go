package evict

import (
	"bufio"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-diskcache/diskcache/internal/trace"
)

// The simulation replays traces of requests: each is a get, and a set when that
// found nothing. Objects are of one size and the cache has room for so many.

const (
	sampleTrace = "../internal/trace/testdata/web07-20k.octr.gz"
	// tracesVar names a directory with a collection of traces in OCTR1, and a
	// REFERENCE.md that tells the hit ratios they must give.
	tracesVar = "DISKCACHE_TRACES"
)

type requests struct {
	ids     []int32
	objects int
}

func loadTrace(t *testing.T, path string) requests {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := trace.NewReader(f)
	if err != nil {
		t.Fatal(path, err)
	}
	ids := make([]int32, 0, r.Requests())
	for id, err := range r.All() {
		if err != nil {
			t.Fatal(path, err)
		}
		ids = append(ids, int32(id))
	}
	return requests{ids, r.Objects()}
}

// replay returns the number of hits.
func replay(c cache, r requests) int {
	hits := 0
	for _, id := range r.ids {
		if c.get(int(id)) {
			hits++
		} else {
			c.set(int(id))
		}
	}
	return hits
}

// TestSimExact compares the ranked policies with textbook lists, request by request.
func TestSimExact(t *testing.T) {
	r := loadTrace(t, sampleTrace)
	for _, p := range []Policy{FIFO, LRU, LFU} {
		for _, capacity := range []int{1, 10, 300, 1500, 4000} {
			got, want := newRankCache(p, r.objects, capacity), newListCache(p, capacity)
			for i, id := range r.ids {
				g, w := got.get(int(id)), want.get(int(id))
				if g != w {
					t.Fatalf("%v, %d objects, request %d: hit %v, want %v", p, capacity, i, g, w)
				}
				if !g {
					got.set(int(id))
					want.set(int(id))
				}
			}
			// From 1500 on the queue does not hold all, so that is a test of scans too.
			if capacity >= 1500 && got.scans < 2 {
				t.Errorf("%v, %d objects: only %d scans", p, capacity, got.scans)
			}
		}
	}
}

// TestSimS3 pins what the default policy gives for the trace in the repository.
// These are not goals: who changes a decision sees what it does here, and looks
// at all traces.
func TestSimS3(t *testing.T) {
	r := loadTrace(t, sampleTrace)
	for _, c := range []struct {
		capacity      int
		hits, over    int // over: more than LRU has
		amplification float64
	}{
		{50, 4963, 557, 1.061},
		{300, 6743, 440, 1.063},
		{1000, 7642, 241, 1.080},
		{3000, 8848, 222, 1.132},
	} {
		s3 := newS3Cache(r.objects, c.capacity)
		hits, lru := replay(s3, r), replay(newListCache(LRU, c.capacity), r)
		if hits != c.hits || hits-lru != c.over || math.Abs(s3.amplification()-c.amplification) > 0.001 {
			t.Errorf("%d objects: %d hits, %d more than LRU, amplification %.3f; want %d, %d, %.3f",
				c.capacity, hits, hits-lru, s3.amplification(), c.hits, c.over, c.amplification)
		}
	}
}

// Goals of the default policy, over all rows of the reference.
const (
	goalSaved         = 0.12  // of FIFO's misses, mean
	goalAmplification = 1.30  // mean
	goalWorst         = -0.05 // hit ratio against LRU's, in any row of goalObjects and more
	goalObjects       = 1000
	exactWithin       = 0.0005 // of the reference, for exact policies
)

// TestSimReference replays the collection at the sizes of the reference's table.
func TestSimReference(t *testing.T) {
	dir := os.Getenv(tracesVar)
	if dir == "" {
		t.Skip("needs a collection of traces in $" + tracesVar)
	}
	rows := readReference(t, filepath.Join(dir, "REFERENCE.md"))
	t.Logf("%-13s %7s %7s %7s %7s %7s %6s", "trace", "objects", "FIFO", "LRU", "LFU", "S3FIFO", "writes")
	var r requests
	var loaded string
	var saved, writes, worst float64
	for _, row := range rows {
		if row.trace != loaded {
			r, loaded = loadTrace(t, filepath.Join(dir, row.trace+".octr.gz")), row.trace
		}
		ratio := func(c cache) float64 { return float64(replay(c, r)) / float64(len(r.ids)) }
		for _, p := range []Policy{FIFO, LRU, LFU} {
			if got := ratio(newRankCache(p, r.objects, row.objects)); math.Abs(got-row.want[p]) > exactWithin {
				t.Errorf("%s, %d objects, %v: %.4f, want %.4f", row.trace, row.objects, p, got, row.want[p])
			}
		}
		c := newS3Cache(r.objects, row.objects)
		got := ratio(c)
		t.Logf("%-13s %7d %7.4f %7.4f %7.4f %7.4f %6.2f", row.trace, row.objects,
			row.want[FIFO], row.want[LRU], row.want[LFU], got, c.amplification())
		saved += (got - row.want[FIFO]) / (1 - row.want[FIFO])
		writes += c.amplification()
		if row.objects >= goalObjects {
			worst = min(worst, got-row.want[LRU])
		}
	}
	n := float64(len(rows))
	t.Logf("%d rows: %.1f %% of FIFO's misses saved, amplification %.3f, at worst %.4f against LRU from %d objects on",
		len(rows), 100*saved/n, writes/n, worst, goalObjects)
	if saved/n < goalSaved || writes/n > goalAmplification || worst < goalWorst {
		t.Error("a goal is missed")
	}
}

type referenceRow struct {
	trace   string
	objects int
	want    map[Policy]float64
}

// readReference reads the first table of the file: the one with a column LFU.
func readReference(t *testing.T, path string) []referenceRow {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []referenceRow
	var columns map[string]int
	for s := bufio.NewScanner(f); s.Scan(); {
		cells := strings.Split(s.Text(), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if columns == nil {
			if strings.Contains(s.Text(), "| LFU |") {
				columns = map[string]int{}
				for i, c := range cells {
					columns[c] = i
				}
			}
			continue
		}
		if len(cells) <= columns["LFU"] {
			break
		}
		objects, err := strconv.Atoi(cells[columns["objects kept"]])
		if err != nil {
			continue // the line under the head
		}
		row := referenceRow{cells[columns["trace"]], objects, map[Policy]float64{}}
		for p, name := range map[Policy]string{FIFO: "FIFO", LRU: "LRU", LFU: "LFU"} {
			if row.want[p], err = strconv.ParseFloat(cells[columns[name]], 64); err != nil {
				t.Fatal(path, err)
			}
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		t.Fatal(path, "has no table of hit ratios")
	}
	return rows
}
