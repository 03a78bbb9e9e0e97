package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/internal/history"
)

// tortureJSON runs scenarios and returns what is printed of each.
func tortureJSON(t *testing.T, args ...string) (results []tortureResult) {
	t.Helper()
	long(t)
	needClock(t)
	dir := t.TempDir()
	code, stdout, stderr := dcbench(append([]string{"torture", "--json", "--seed", "3", "--dir", dir}, args...)...)
	require.Equal(t, exitOK, code, "%s%.2000s", stdout, stderr)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
	for line := range strings.Lines(stdout) {
		var r tortureResult
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		results = append(results, r)
	}
	return results
}

// long skips a test in the short form: of real processes, and of what is calculated. With
// the race detector these take minutes, and what it can see the engine's tests do.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("short")
	}
}

// needClock skips a test of histories where processes have no clock in common.
func needClock(t *testing.T) {
	t.Helper()
	if !canTorture {
		t.Skip("this system has no clock that processes share, as far as dcbench knows")
	}
}

// One process with several clients, killed and stopped: histories of the cache as it is.
func TestTortureHistories(t *testing.T) {
	long(t)
	r := tortureJSON(t, "--procs", "1", "-c", "4", "--histories", "2", "--ops", "800", "--kills", "3", "--stops", "1")[0]
	assert.Equal(t, 2, r.Histories)
	assert.GreaterOrEqual(t, r.Operations, 1600)
	assert.Positive(t, r.Kills)
	assert.Positive(t, r.Stops)
	assert.Positive(t, r.Compactions)
	assert.Positive(t, r.Evictions)
	assert.Zero(t, r.Violations)
}

func TestTortureCounts(t *testing.T) {
	long(t)
	rs := tortureJSON(t, "--scenario", "incr,add", "--procs", "1", "-c", "3", "--ops", "20000", "--keys", "2000", "--kills", "2")
	require.Len(t, rs, 2)
	assert.InDelta(t, 20000, rs[0].Acked, 30)
	assert.InDelta(t, 2000, rs[1].Acked, 6)
	assert.Positive(t, rs[0].Kills)
}

func TestTortureKills(t *testing.T) {
	long(t)
	r := tortureJSON(t, "--scenario", "kill", "--procs", "1", "-c", "3", "--kills", "60")[0]
	assert.Equal(t, 60, r.Kills)
	assert.Positive(t, r.Acked)
	assert.Nil(t, r.Gap)
}

// The same with several processes.
func TestTortureProcesses(t *testing.T) {
	rs := tortureJSON(t, "--scenario", "histories,incr,add,poll,kill", "--procs", "3", "--histories", "2", "--ops", "600", "--keys", "30", "--kills", "3")
	require.Len(t, rs, len(scenarios))
	for _, r := range rs {
		assert.Equal(t, 3, r.Procs)
		assert.Zero(t, r.Violations)
	}
	require.NotNil(t, rs[4].Gap)
	assert.NotNil(t, rs[4].WriteGap)
}

// A second process that is refused is told of by name.
func TestTortureIsRefused(t *testing.T) {
	needClock(t)
	dir := t.TempDir()
	alone := tortureOptions(0)
	alone.Network = diskcache.NetworkYes
	s, err := openStore(dir, alone, 0)
	require.NoError(t, err)
	defer s.Close()
	c := &crew{tasks: []task{{mix: "poll", clients: 1, parts: 1, ops: 1, keys: 1, sizes: inline}}, dir: dir}
	assert.ErrorContains(t, c.run(), "has the directory for itself")
}

// A process that ends by itself is no success.
func TestTortureOfTheBroken(t *testing.T) {
	c := &crew{tasks: []task{{mix: "random", clients: 1, parts: 1, ops: 1, keys: 1}}, dir: filepath.Join(t.TempDir(), "no", "such", "directory")}
	require.NoError(t, os.WriteFile(filepath.Dir(filepath.Dir(c.dir)), nil, 0o600))
	assert.ErrorContains(t, c.run(), "process 0 ended by itself")
	for _, m := range c.members {
		assert.Nil(t, m)
	}
}

// What is wrong is left in files that say what was done.
func TestViolationsAreKept(t *testing.T) {
	dir := t.TempDir()
	tt := &torturing{p: &tortureParams{dir: dir, seed: 9}}
	ops := []history.Op{
		{Client: 1, Kind: history.Set, Writes: []history.Cell{{Key: 4, Is: history.Value, Value: 1}}, Call: 1, Return: 2},
		{Client: 2, Kind: history.Get, Reads: []history.Cell{{Key: 4, Is: history.Absent}}, Call: 3, Return: 4},
	}
	found := history.Check(ops, history.Options{Timeout: time.Minute})
	require.Len(t, found, 1)
	require.NoError(t, tt.keep(7, &found[0]))
	require.Len(t, tt.wrong, 1)
	base := filepath.Join(dir, "dcbench-violation-9-7-key4")
	assert.Contains(t, tt.wrong[0], base)
	lines, err := os.ReadFile(base + ".jsonl")
	require.NoError(t, err)
	var back []history.Op
	for line := range strings.Lines(string(lines)) {
		var o history.Op
		require.NoError(t, json.Unmarshal([]byte(line), &o))
		back = append(back, o)
	}
	assert.Equal(t, ops, back)
	_, err = os.Stat(base + ".html")
	assert.NoError(t, err)
}

func TestLongestGap(t *testing.T) {
	var done []history.Op
	for _, at := range []int64{1, 5, 6, 20, 22, goOnWithin + 100, 3 * goOnWithin} {
		done = append(done, history.Op{Return: at, Client: int(at % 2)})
	}
	all := func(*history.Op) bool { return true }
	assert.EqualValues(t, goOnWithin+78, longestGap(done, 6, all))
	assert.EqualValues(t, 14, longestGap(done[:5], 6, all))
	assert.EqualValues(t, 1, longestGap(done[:3], 4, all))
	assert.EqualValues(t, 17, longestGap(done[:5], 5, func(o *history.Op) bool { return o.Client == 0 && o.Return != 6 && o.Return != 20 }))
	assert.Zero(t, longestGap(done[:5], 30, all))
}

func TestValuesAreWhole(t *testing.T) {
	for _, size := range []int{0, 30, 5000} {
		b := encodeValue(3, -17, size)
		v, err := decodeValue(3, b)
		require.NoError(t, err)
		assert.EqualValues(t, -17, v)
		_, err = decodeValue(4, b)
		assert.ErrorContains(t, err, "a wrong value")
		for _, spoilt := range [][]byte{nil, b[:len(b)-1], append(b[:len(b):len(b)], 0)} {
			_, err = decodeValue(3, spoilt)
			assert.ErrorContains(t, err, "a wrong value", "%d", len(spoilt))
		}
	}
}
