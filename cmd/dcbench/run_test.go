package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runJSON runs workloads and returns the objects that are printed.
func runJSON(t *testing.T, args ...string) []map[string]any {
	t.Helper()
	dir := t.TempDir()
	code, stdout, stderr := dcbench(append([]string{"run", "--json", "--dir", dir, "--rounds", "3"}, args...)...)
	require.Equal(t, exitOK, code, stderr)
	assert.Empty(t, stderr)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "files of the benchmark are left")
	var objects []map[string]any
	for line := range strings.Lines(stdout) {
		var o map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &o), line)
		objects = append(objects, o)
	}
	return objects
}

// positive are fields that every workload has a figure over zero for.
var positive = []string{"n", "seconds", "ops_per_sec", "ns_per_op", "p50_ns", "p99_ns", "p999_ns", "rss_bytes", "disk_bytes", "record_size", "goroutines", "cpus"}

func TestEveryWorkload(t *testing.T) {
	for _, w := range workloads {
		if w.several { // procs_test.go
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			objects := runJSON(t, "-w", w.name, "-n", "200", "--limit", "8", "--settle", "0")
			for _, o := range objects {
				checkResult(t, w.name, o)
			}
			want, ok := map[string]int{"open": len(openings), "churn": len(churnKeys), "sweep": len(sweepings)}[w.name]
			if !ok {
				want = 1
			}
			assert.Len(t, objects, want)
		})
	}
}

func checkResult(t *testing.T, workload string, o map[string]any) {
	t.Helper()
	assert.Equal(t, workload, o["workload"])
	assert.EqualValues(t, 200, o["n"])
	assert.EqualValues(t, 128, o["value_size"])
	assert.EqualValues(t, 16, o["key_size"])
	assert.Equal(t, "never", o["sync"])
	assert.Equal(t, runtime.Version(), o["go_version"])
	assert.Equal(t, runtime.GOOS, o["os"])
	assert.Equal(t, runtime.GOARCH, o["arch"])
	for _, name := range positive {
		x, _ := o[name].(float64)
		assert.Positive(t, x, name)
	}
	for _, name := range []string{"written_bytes", "bytes_per_key"} {
		x, ok := o[name].(float64)
		assert.True(t, ok && x >= 0, name)
	}
	if workload == "readmissing" || workload == "churn" || workload == "sweep" {
		assert.Contains(t, o, "ratio")
		assert.Nil(t, o["ratio"])
		assert.Nil(t, o["limit_ops_per_sec"])
		return
	}
	limit, ok := o["limit_ops_per_sec"].(float64)
	require.True(t, ok)
	assert.InEpsilon(t, o["ops_per_sec"].(float64)/limit, o["ratio"], 1e-9)
}

// What a workload writes shows that it does what it is named after: a record for
// each operation, or for every tenth.
func TestWrittenBytes(t *testing.T) {
	for workload, records := range map[string]float64{"fillseq": 200, "fillrandom": 200, "overwrite": 200, "readwrite": 20, "delete": 200, "readrandom": 0, "readmissing": 0} {
		o := runJSON(t, "-w", workload, "-n", "200")[0]
		size := o["record_size"].(float64)
		if workload == "delete" {
			size = 80 // a tombstone's: a header of a frame, one of a record, and the key
		}
		assert.InDelta(t, records*size, o["written_bytes"], records*8+3*64, workload)
	}
}

func TestVariations(t *testing.T) {
	for name, args := range map[string][]string{
		"zipf":           {"-w", "readrandom,overwrite", "-n", "300", "--keys", "zipf:0.99"},
		"goroutines":     {"-w", "fillrandom,readrandom,readwrite,delete", "-n", "301", "-c", "3"},
		"more than keys": {"-w", "fillseq,readrandom", "-n", "2", "-c", "5"},
		"synced":         {"-w", "fillseq,overwrite", "-n", "20", "--sync", "always", "-c", "2"},
		"interval":       {"-w", "fillseq", "-n", "20", "--sync", "interval"},
		"network":        {"-w", "readrandom", "-n", "200", "--network", "--freshness", "-1ns"},
		"not mapped":     {"-w", "readrandom", "-n", "200", "--no-map"},
		"compressed":     {"-w", "fillseq,readrandom,open", "-n", "50", "--compression", "zstd", "--value-size", "4096"},
		"large":          {"-w", "fillseq,overwrite,readrandom,delete,open", "-n", "8", "--value-size", "300000"},
		"nothing":        {"-w", "fillseq,readrandom", "-n", "50", "--value-size", "0"},
		"long keys":      {"-w", "fillseq,readrandom,delete", "-n", "20", "--key-size", "65536"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.NotEmpty(t, runJSON(t, args...))
		})
	}
}

// A large value has a file of its own, which the limit must write, too.
func TestLargeValuesWeighOnTheLimit(t *testing.T) {
	o := runJSON(t, "-w", "fillseq", "-n", "3", "--value-size", "300000")[0]
	assert.Greater(t, o["record_size"], 300_000.0)
}

func TestSeveralPoints(t *testing.T) {
	objects := runJSON(t, "-w", "fillseq", "-n", "50", "-c", "1,4", "--value-size", "10,20")
	require.Len(t, objects, 4)
	for i, o := range objects {
		assert.EqualValues(t, []int{10, 10, 20, 20}[i], o["value_size"])
		assert.EqualValues(t, []int{1, 4, 1, 4}[i], o["goroutines"])
	}
	assert.InEpsilon(t, 1.0, objects[2]["speedup"], 1e-9)
	assert.InEpsilon(t, objects[3]["ops_per_sec"].(float64)/objects[2]["ops_per_sec"].(float64), objects[3]["speedup"], 1e-9)
}

func TestTable(t *testing.T) {
	code, stdout, _ := dcbench("run", "--w", "fillseq,readmissing,open", "-n", "50", "--dir", t.TempDir())
	require.Equal(t, exitOK, code)
	assert.True(t, strings.HasPrefix(stdout, runtime.Version()+" "+runtime.GOOS), stdout)
	for _, word := range []string{"ratio", "fillseq ", "readmissing ", "open clean ", "open hints ", "open killed ", "median over the rounds"} {
		assert.Contains(t, stdout, word)
	}
}

func TestProfile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "profile")
	runJSON(t, "-w", "readmissing", "-n", "10", "--cpuprofile", name)
	info, err := os.Stat(name)
	require.NoError(t, err)
	assert.Positive(t, info.Size())
}
