package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest/contesttest"
)

// fakePeer takes as long as it is told by what the others do, and knows what may come
// after what.
type fakePeer struct {
	orders *[]string
	place  int
	others *string // what they do
	fails  string
}

func (p *fakePeer) ask(o contest.Order) (*contest.Answer, error) {
	*p.orders = append(*p.orders, fmt.Sprintf("%d %s", p.place, o.Do))
	if o.Do == p.fails {
		return nil, errors.New("it cannot")
	}
	if p.place > 0 {
		*p.others = o.Do
	}
	ms := map[string]int64{"set close": 10, "set open": 11, "set write": 20, "get close": 100, "get open": 110, "get write": 130}[o.Do+" "+*p.others]
	return &contest.Answer{Nanos: ms * 1e6}, nil
}

func (p *fakePeer) end() error {
	*p.orders = append(*p.orders, fmt.Sprintf("%d end", p.place))
	return nil
}

func fakePeers(orders *[]string, fails string) func(place int) (peer, error) {
	others := "close"
	return func(place int) (peer, error) { return &fakePeer{orders, place, &others, fails}, nil }
}

func procsBench(t *testing.T, args ...string) *bench {
	t.Helper()
	p, err := parseParams(append([]string{"-w", "procs", "--procs", "2", "-n", "100", "--rounds", "3"}, args...), nil)
	require.NoError(t, err)
	return newBench(p, p.workloads[0], 128, 1, t.TempDir())
}

func TestProcsMeasuresCosts(t *testing.T) {
	var orders []string
	results, err := procsBench(t).measureProcs("", "", fakePeers(&orders, ""))
	require.NoError(t, err)
	require.Len(t, results, 2)
	assert.Equal(t, "set", results[0].Variant)
	assert.InDelta(t, 10_000, results[0].OpsPerSec, 1e-3)
	assert.InDelta(t, 1.1, results[0].IdleCost, 1e-9)
	assert.InDelta(t, 2.0, results[0].WritingCost, 1e-9)
	assert.InDelta(t, 1.1, results[1].IdleCost, 1e-9)
	assert.InDelta(t, 1.3, results[1].WritingCost, 1e-9)
	assert.Equal(t, 3, strings.Count(strings.Join(orders, "\n"), "1 write"), "in each round")
	assert.Equal(t, []string{"0 close", "0 end", "1 end"}, orders[len(orders)-3:])
}

func TestProcsEndsWhatItStarted(t *testing.T) {
	var orders []string
	_, err := procsBench(t).measureProcs("", "", fakePeers(&orders, "write"))
	require.ErrorContains(t, err, "it cannot")
	assert.Equal(t, []string{"0 end", "1 end"}, orders[len(orders)-2:])
}

// obeys has a process do everything once.
func obeys(t *testing.T, p *process, err error) {
	t.Helper()
	require.NoError(t, err)
	base := peerBase(3)
	if p.promises.Limit { // whose array begins with key 0
		base = 0
	}
	contesttest.Obeys(t, p.promises, base, p.ask)
	require.NoError(t, p.end())
}

func TestOwnStores(t *testing.T) {
	for _, k := range stores {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			p, err := startOwn(k.Name, patience)
			obeys(t, p, err)
		})
	}
}

func TestPythonStores(t *testing.T) {
	for _, s := range pythonStores {
		t.Run(s.name, func(t *testing.T) {
			if err := hasPython("python3", s.module); err != nil {
				t.Skip("it is not here: ", err)
			}
			p, err := startPython("python3", s.name, patience)
			obeys(t, p, err)
		})
	}
}

func TestNoPython(t *testing.T) {
	assert.ErrorContains(t, hasPython("no-such-python", "diskcache"), "no-such-python")
	assert.Error(t, hasPython("false", "diskcache"))
}

func TestProcsOfTwo(t *testing.T) {
	long(t)
	var notes bytes.Buffer
	b := procsBench(t, "--python", "no-such-python")
	b.stderr = &notes
	results, err := procs(b)
	require.NoError(t, err)
	require.Len(t, results, 2)
	assert.Contains(t, notes.String(), "python-diskcache was not measured")
	for _, r := range results {
		assert.Positive(t, r.IdleCost)
		assert.Positive(t, r.WritingCost)
	}
}

// One process of a shared workload does what the workload does by itself.
func TestShareOfOne(t *testing.T) {
	for _, name := range []string{"fillrandom", "overwrite", "readrandom", "delete"} {
		p, err := parseParams([]string{"-w", name, "-n", "200", "--rounds", "2"}, nil)
		require.NoError(t, err)
		results, err := runShared(p, p.workloads[0], 128, 1, t.TempDir(), progress{})
		require.NoError(t, err, name)
		require.Len(t, results, 1)
		assert.Equal(t, name, results[0].Workload)
		assert.Equal(t, []float64{results[0].OpsPerSec}, results[0].PerProcess)
		assert.Positive(t, *results[0].Limit)
	}
}

func TestShareOfTwo(t *testing.T) {
	long(t)
	for _, w := range workloads {
		if w.alone || w.several {
			continue
		}
		o := runJSON(t, "-w", w.name, "--procs", "2", "-n", "300")[0]
		assert.Len(t, o["per_process_ops_per_sec"], 2, w.name)
	}
}

// A process that another keeps from opening the directory says so, and none is left.
func TestShareIsRefused(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(filepath.Join(dir, "cache"), tortureOptions(0), 0)
	require.NoError(t, err)
	defer s.Close()
	p, err := parseParams([]string{"-w", "overwrite", "-n", "20", "--rounds", "1"}, nil)
	require.NoError(t, err)
	_, err = runShared(p, p.workloads[0], 128, 1, dir, progress{})
	assert.ErrorContains(t, err, "SegmentSize", "who has it open states another")
}

func TestSumUp(t *testing.T) {
	one := result{OpsPerSec: 100, Limit: new(200.0), RSS: 5, Written: 7, latencies: latencies{1, 20, 3}}
	two := result{OpsPerSec: 300, Limit: new(600.0), RSS: 6, Written: 8, latencies: latencies{2, 10, 4}}
	sum := sumUp([]*sharer{{results: []result{one}}, {results: []result{two}}})[0]
	assert.Equal(t, []float64{100, 300}, sum.PerProcess)
	assert.InDelta(t, 400, sum.OpsPerSec, 1e-9)
	assert.InDelta(t, 0.5, *sum.Ratio, 1e-9)
	assert.EqualValues(t, 11, sum.RSS)
	assert.EqualValues(t, 15, sum.Written)
	assert.Equal(t, latencies{2, 20, 4}, sum.latencies)
}

func TestKeysOfProcesses(t *testing.T) {
	a, b := newWorker(16, nil), newWorker(16, nil)
	b.base = 1 << 48
	assert.NotEqual(t, a.keyOf(5), b.keyOf(5))
	assert.NotEqual(t, a.keyOf(missing), b.keyOf(missing))
}
