package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

const (
	sampleTrace     = "../../internal/trace/testdata/web07-20k.octr.gz"
	sampleReference = "testdata/reference.md"
)

// replayJSON plays and returns what is printed, as values and as they stand.
func replayJSON(t *testing.T, args ...string) (results []replayResult, lines []string) {
	t.Helper()
	dir := t.TempDir()
	code, stdout, stderr := dcbench(append([]string{"replay", "--json", "--dir", dir}, args...)...)
	require.Equal(t, exitOK, code, stderr)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "files of the cache are left")
	for line := range strings.Lines(stdout) {
		var r replayResult
		require.NoError(t, json.Unmarshal([]byte(line), &r), line)
		results, lines = append(results, r), append(lines, line)
	}
	return results, lines
}

// What each policy must come to: the exact ones to what is rounded, S3FIFO to what
// segments, which are cleared in batches, make of it.
const (
	exactWithin  = 0.0005
	s3fifoWithin = 0.01
)

func TestReplayIsAsTheReference(t *testing.T) {
	for _, policy := range []string{"s3fifo", "fifo", "lru", "lfu", "ttl", "lru-ttl"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			ref, err := readReference(sampleReference)
			require.NoError(t, err)
			results, _ := replayJSON(t, "--policy", policy, "--reference", sampleReference, sampleTrace)
			require.Len(t, results, 2)
			for i, r := range results {
				assert.Equal(t, "web07-20k", r.Trace)
				assert.Equal(t, policy, r.Policy)
				assert.Equal(t, []int{1000, 3000}[i], r.Capacity)
				want, ok := ref.ratio(r.Trace, policy, r.Capacity)
				require.True(t, ok)
				within := exactWithin
				if policy == "s3fifo" {
					within = s3fifoWithin
				}
				assert.InDelta(t, want, r.HitRatio, within, "%d objects", r.Capacity)
				assert.InDelta(t, r.HitRatio, r.ByteHitRatio, 1e-9, "objects are all alike")
				assert.Greater(t, r.WriteAmplification, 1.0)
			}
		})
	}
}

// Without eviction what came first stays: these are the objects with the smallest
// numbers.
func TestReplayWithoutEviction(t *testing.T) {
	const capacity = 500
	rec, err := readRecording(sampleTrace)
	require.NoError(t, err)
	kept, first := 0, 0
	for _, id := range rec.ids {
		if id < capacity {
			kept++
		}
		first = max(first, int(id)+1)
	}
	require.Greater(t, first, capacity)
	results, _ := replayJSON(t, "--policy", "none", "--capacity", "500", sampleTrace)
	assert.InDelta(t, float64(kept-capacity)/float64(len(rec.ids)), results[0].HitRatio, 1e-9)
}

func TestReplayKeys(t *testing.T) {
	name := writeTrace(t, false, nil, 0, 1, 0, 1)
	results, lines := replayJSON(t, "--policy", "all", "--capacity", "2,3", name)
	require.Len(t, results, 2*len(allPolicies()))
	for i, line := range lines {
		var o map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &o))
		var keys []string
		for k := range o {
			keys = append(keys, k)
		}
		assert.ElementsMatch(t, []string{"trace", "policy", "capacity", "hit_ratio", "byte_hit_ratio", "write_amplification"}, keys)
		assert.Equal(t, diskcache.Policy(i%len(allPolicies())).String(), o["policy"])
		assert.InDelta(t, 0.5, o["hit_ratio"], 1e-9)
	}
}

// writeTrace writes a trace of requests and returns its name. Object numbers are in order
// of first use.
func writeTrace(t *testing.T, plain bool, sizes []uint64, ids ...int) string {
	t.Helper()
	b := []byte("OCTR1\n")
	objects, flags := 0, uint64(0)
	for _, id := range ids {
		objects = max(objects, id+1)
	}
	if sizes != nil {
		flags = 1
	}
	for _, n := range append([]uint64{flags, uint64(len(ids)), uint64(objects)}, sizes...) {
		b = binary.AppendUvarint(b, n)
	}
	last := 0
	for _, id := range ids {
		b = binary.AppendVarint(b, int64(id-last))
		last = id
	}
	name := filepath.Join(t.TempDir(), "made.octr")
	if !plain {
		name += ".gz"
		var z bytes.Buffer
		zw := gzip.NewWriter(&z)
		_, err := zw.Write(b)
		require.NoError(t, err)
		require.NoError(t, zw.Close())
		b = z.Bytes()
	}
	require.NoError(t, os.WriteFile(name, b, 0o600))
	return name
}

// A trace may have been unpacked, and flags may stand behind it.
func TestReplayPlain(t *testing.T) {
	results, _ := replayJSON(t, writeTrace(t, true, nil, 0, 0, 0, 1), "--capacity", "1")
	assert.Equal(t, "made", results[0].Trace)
	assert.InDelta(t, 0.5, results[0].HitRatio, 1e-9)
}

// With --bytes values are as long as the trace says, and what is larger than the cache
// is missed each time.
func TestReplayBytes(t *testing.T) {
	name := writeTrace(t, false, []uint64{0, 3000, 500_000}, 0, 1, 2, 1, 2, 0, 1, 2)
	results, _ := replayJSON(t, "--bytes", "--policy", "all", "--capacity", "300000", name)
	require.Len(t, results, len(allPolicies()))
	for _, r := range results {
		assert.InDelta(t, 3.0/8, r.HitRatio, 1e-9, r.Policy)
		assert.InDelta(t, 6000.0/(9000+1_500_000), r.ByteHitRatio, 1e-9, r.Policy)
	}
}

func TestReplayTable(t *testing.T) {
	long(t)
	code, stdout, stderr := dcbench("replay", "--dir", t.TempDir(), "--policy", "s3fifo,fifo", "--capacity", "3000,7000", "--reference", sampleReference, sampleTrace)
	require.Equal(t, exitOK, code, stderr)
	for _, word := range []string{"trace ", "web07-20k ", "0.4218", "0.4424", "exact policies, 1 rows", "s3fifo, 1 rows"} {
		assert.Contains(t, stdout, word)
	}
	assert.Regexp(t, `fifo +7000 .* - +-\n`, stdout, "the reference has no such row")
}

func TestReplayBadInput(t *testing.T) {
	good := writeTrace(t, false, nil, 0, 1, 0, 1)
	whole, err := os.ReadFile(sampleTrace)
	require.NoError(t, err)
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, content, 0o600))
		return name
	}
	cut, noTrace, empty := file("cut.octr.gz", whole[:len(whole)/2]), file("no.octr.gz", []byte("no trace at all")), file("empty.octr.gz", nil)
	plain, err := os.ReadFile(writeTrace(t, true, nil, 0, 1, 0, 1))
	require.NoError(t, err)
	plainCut := file("plain.octr", plain[:len(plain)-1])
	noTable, badTable := file("none.md", []byte("# Nothing\n")), file("bad.md", []byte("| trace | objects kept | FIFO |\n|---|--:|--:|\n| a | 1 | x |\n"))
	for _, test := range []struct {
		args []string
		code int
		says []string
	}{
		{nil, exitUsage, []string{"there is no trace"}},
		{[]string{"--policy", "lru,best", "--capacity", "1", good}, exitUsage, []string{`unknown --policy "best"`, "lru-ttl"}},
		{[]string{"--capacity", "10,0", good}, exitUsage, []string{"--capacity 0 is not from 1"}},
		{[]string{"--capacity", "many", good}, exitUsage, []string{`--capacity "many" is not a number`}},
		{[]string{"--capacity", "99999999999", good}, exitUsage, []string{"--capacity", "99999999999"}},
		{[]string{good}, exitUsage, []string{"--capacity is missing"}},
		{[]string{"--bytes", "--reference", sampleReference, good}, exitUsage, []string{"--capacity is missing"}},
		{[]string{"--capacity", "1", good, cut}, exitWrong, []string{cut, "ends early", "request"}},
		{[]string{"--capacity", "1", noTrace}, exitWrong, []string{noTrace, "gzip: invalid header"}},
		{[]string{"--capacity", "1", empty}, exitWrong, []string{empty, "ends early"}},
		{[]string{"--capacity", "1", plainCut}, exitWrong, []string{plainCut, "ends early", "request 3"}},
		{[]string{"--capacity", "1", dir + "/missing"}, exitWrong, []string{dir + "/missing"}},
		{[]string{"--capacity", "1", dir}, exitWrong, []string{dir}},
		{[]string{"--capacity", "1", "--bytes", good}, exitWrong, []string{good, "no sizes"}},
		{[]string{"--reference", sampleReference, good}, exitWrong, []string{good, "reference does not have"}},
		{[]string{"--reference", noTable, good}, exitWrong, []string{noTable, "no table"}},
		{[]string{"--reference", badTable, good}, exitWrong, []string{badTable + ":3", `"x"`}},
		{[]string{"--reference", dir + "/missing", good}, exitWrong, []string{dir + "/missing"}},
		{[]string{"--capacity", "1", "--dir", dir + "/missing", good}, exitWrong, []string{dir + "/missing"}},
	} {
		code, stdout, stderr := dcbench(append([]string{"replay"}, test.args...)...)
		assert.Equal(t, test.code, code, test.args)
		assert.Empty(t, stdout, test.args)
		for _, says := range test.says {
			assert.Contains(t, stderr, says, test.args)
		}
	}
}

// What a cache returns is compared with what was stored.
func TestReplayNoticesWrongValues(t *testing.T) {
	c, err := diskcache.Open(t.TempDir(), nil)
	require.NoError(t, err)
	defer c.Close()
	p := &player{replaySetup: &replaySetup{value: replayValue}, trace: &recording{ids: []int32{7}}, cache: c, value: make([]byte, replayValue)}
	require.NoError(t, c.Set(objectKey(7), p.valueOf(8)))
	require.ErrorContains(t, p.request(7), "wrong value for object 7")
	require.NoError(t, c.Set(objectKey(7), p.valueOf(7)[:9]))
	require.ErrorContains(t, p.request(7), "wrong value for object 7")
}

func TestUnpacked(t *testing.T) {
	r, err := gzipped(strings.NewReader("OCTR1"))
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, "OCTR1", string(b), "nothing else is touched")
}
