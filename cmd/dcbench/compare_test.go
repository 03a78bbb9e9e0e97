package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// compared runs "dcbench compare" with little to do, and the test binary as the peers.
func compared(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	code, stdout, stderr = dcbench(append([]string{"compare", "--peers", self, "--python", "no-such-python", "--dir", dir,
		"-n", "200", "--rounds", "2", "--time", "2ms", "--bytes", "1048576"}, args...)...)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "files of the benchmark are left")
	return code, stdout, stderr
}

// rowsOf reads what --format json prints.
func rowsOf(t *testing.T, stdout string) (rows []*row) {
	t.Helper()
	for line := range strings.Lines(stdout) {
		r := &row{}
		require.NoError(t, json.Unmarshal([]byte(line), r), line)
		rows = append(rows, r)
	}
	return rows
}

// storesOf returns the rows of one store.
func storesOf(rows []*row, store string) []*row {
	return slices.DeleteFunc(slices.Clone(rows), func(r *row) bool { return r.Store != store })
}

func TestCompareRows(t *testing.T) {
	code, stdout, stderr := compared(t, "--with", "honest,files", "--format", "json", "--workload", "set,get,miss,mixed,delete,batch10,set-durable")
	require.Equal(t, exitOK, code, stderr)
	rows := rowsOf(t, stdout)
	for _, r := range rows {
		assert.Positive(t, r.OpsPerSec, r.Workload)
		assert.LessOrEqual(t, r.Slowest, r.OpsPerSec)
		assert.GreaterOrEqual(t, r.Fastest, r.OpsPerSec)
		assert.True(t, r.Verified, "%s %s", r.Store, r.Workload)
		assert.Len(t, r.Rounds, 2)
		assert.Positive(t, *r.Longest)
		assert.Equal(t, len(contest.Quantiles), len(r.CDF))
		if r.Store == "limit" && r.Workload != "miss" {
			assert.InDelta(t, 1, *r.RatioLimit, 1e-9)
		}
	}
	own, peer := storesOf(rows, ownName), storesOf(rows, "honest")
	require.Len(t, own, (3+3+3+2+1)+(1+2+1)+(1+1)+(1+1)+2) // of 128 B, 1 KiB, 16 KiB, 1 MiB, durable
	assert.Equal(t, len(own), len(peer))
	for i, r := range own {
		assert.Contains(t, []string{"honest", "files"}, r.BestPeer)
		assert.InEpsilon(t, r.OpsPerSec/max(peer[i].OpsPerSec, storesOf(rows, "files")[i].OpsPerSec), *r.RatioPeer, 1e-9)
		assert.Equal(t, r.Workload == "miss", r.RatioLimit == nil, "nothing is read where nothing is there")
	}
}

// All workloads run, with all that need no module but this.
func TestCompareEveryWorkload(t *testing.T) {
	long(t)
	code, stdout, stderr := compared(t, "--with", "files", "--format", "json")
	require.Equal(t, exitOK, code, stderr)
	rows := rowsOf(t, stdout)
	for _, name := range compareWorkloads() {
		found := slices.ContainsFunc(rows, func(r *row) bool { return r.Workload == name && r.Store == ownName && r.Verified })
		assert.True(t, found, name)
	}
	for _, r := range rows {
		switch r.Workload {
		case "space":
			assert.Positive(t, *r.Overwritten)
		case "compact":
			assert.Positive(t, *r.Compacted)
			assert.Zero(t, r.FailedGets)
		case "scale-get":
			assert.NotNil(t, r.BytesPerKey)
			assert.NotNil(t, r.DiskPerItem)
		}
	}
}

// What a store answers must be right, or the exit status says so, and the others go on.
func TestCompareNoticesFaults(t *testing.T) {
	for name, test := range map[string]struct {
		code int
		says string
	}{
		"liar":      {exitFalse, "2 of"},
		"mixer":     {exitFalse, "keys are wrong"},
		"forgetful": {exitFalse, "key 5 is lost"},
		"dying":     {exitWrong, "these are my last words"},
		"refusing":  {exitWrong, "short write"},
	} {
		code, stdout, stderr := compared(t, "--with", name, "--format", "json", "--workload", "mixed")
		assert.Equal(t, test.code, code, name)
		assert.Contains(t, stderr, test.says, name)
		rows := rowsOf(t, stdout)
		for _, r := range storesOf(rows, name) {
			assert.NotEmpty(t, r.Error)
			assert.False(t, r.Verified)
			assert.Nil(t, r.RatioLimit)
		}
		for _, r := range storesOf(rows, ownName) {
			assert.True(t, r.Verified, "beside %s", name)
			assert.Positive(t, *r.RatioLimit)
		}
	}
}

// Who hangs is killed.
func TestHangingProcess(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	p, err := startProcess("hanging", exec.Command(self, "store", "hanging"), patience)
	require.NoError(t, err)
	for _, o := range []contest.Order{beginning("10", 10, 1), {Do: "open", Sync: "never", Compression: "none"}} {
		_, err := p.ask(o)
		require.NoError(t, err)
	}
	p.patience = time.Millisecond // it will never answer
	_, err = p.ask(contest.Order{Do: "set", To: 10})
	require.ErrorIs(t, err, errHangs)
	assert.NotNil(t, p.cmd.ProcessState, "it is dead, and was waited for")
	_, err = p.ask(contest.Order{Do: "close"})
	require.ErrorIs(t, err, os.ErrProcessDone)
	require.NoError(t, p.end())
}

func TestProcessThatIsNone(t *testing.T) {
	_, err := startProcess("nothing", exec.Command(filepath.Join(t.TempDir(), "nothing")), patience)
	assert.ErrorIs(t, err, os.ErrNotExist)
	self, err := os.Executable()
	require.NoError(t, err)
	_, err = startProcess("silent", exec.Command(self, "list"), patience) // which says what is no JSON
	assert.ErrorContains(t, err, "silent: it ended")
}

func TestCompareWithout(t *testing.T) {
	code, _, stderr := compared(t, "--with", "nobody")
	assert.Equal(t, exitWrong, code)
	assert.Contains(t, stderr, `there is no "nobody"`)
	code, stdout, stderr := compared(t, "--with", "honest", "-q", "--workload", "rs-loop10")
	assert.Equal(t, exitOK, code)
	assert.Empty(t, stderr)
	assert.NotContains(t, stdout, "\x1b")
}

func TestCompareFormats(t *testing.T) {
	long(t)
	args := []string{"--with", "honest", "--workload", "rs-loop10,miss", "--format"}
	_, table, _ := compared(t, args[:4]...)
	for _, word := range []string{"miss, 128 values", "honest", "no verified reads", "/limit"} {
		assert.Contains(t, table, word)
	}
	code, text, stderr := compared(t, append(args, "csv")...)
	require.Equal(t, exitOK, code, stderr)
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	assert.Equal(t, csvHead, records[0])
	assert.Greater(t, len(records), 10)

	_, text, _ = compared(t, append(args, "benchfmt")...)
	line := regexp.MustCompile(`^(goos: |goarch: |pkg: |Benchmark\S+ 1 [0-9.e+]+ ns/op$)`)
	for text := range strings.Lines(text) {
		assert.Regexp(t, line, strings.TrimSuffix(text, "\n"))
	}
	assert.Contains(t, text, "BenchmarkCompare/workload=miss/size=128/c=8/n=200/store=honest 1 ")
}

func TestReport(t *testing.T) {
	long(t)
	_, text, _ := compared(t, "--with", "liar,honest", "--workload", "get,scale-get,rs-loop10", "--format", "json")
	name := filepath.Join(t.TempDir(), "figures.json")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	code, stdout, stderr := dcbench("report", name)
	require.Equal(t, exitOK, code, stderr)
	assert.Equal(t, strings.TrimSuffix(name, "json")+"html\n", stdout)
	b, err := os.ReadFile(strings.TrimSpace(stdout))
	require.NoError(t, err)
	html := string(b)
	for _, word := range []string{"<svg", "<polyline", "rs-loop10", "memory: bytes a key", "honest", "What failed", "liar: verify"} {
		assert.Contains(t, html, word)
	}
	for _, word := range []string{"http", "ZgotmplZ", "NaN", "Inf", "<script"} {
		assert.NotContains(t, html, word)
	}
	assert.Equal(t, strings.Count(html, "<svg"), strings.Count(html, "</svg>"))

	require.NoError(t, os.WriteFile(name, []byte(`{"workload":"get"}`), 0o600))
	_, _, stderr = dcbench("report", name)
	assert.Contains(t, stderr, "row 1 is none of dcbench compare")
}

// The peers of the nested module, where it can be built.
func TestComparePeers(t *testing.T) {
	long(t)
	program := filepath.Join(t.TempDir(), "peers")
	if err := buildPeers(program); err != nil {
		t.Skip("the module of the peers cannot be built here: ", err)
	}
	args := []string{"--peers", program, "--format", "json", "--workload", "mixed,delete,batch10,set-durable,open-killed,space,compact"}
	code, stdout, stderr := compared(t, args...)
	require.Equal(t, exitOK, code, stderr)
	for _, r := range rowsOf(t, stdout) {
		assert.True(t, r.Verified, "%s %s", r.Store, r.Workload)
	}
}

func TestMayColor(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	assert.False(t, mayColor(f), "a file is no terminal")
	assert.False(t, mayColor(&strings.Builder{}))
}

func TestAnswerErrors(t *testing.T) {
	assert.NoError(t, answerError("a", "get", &contest.Answer{}))
	err := answerError("a", "get", &contest.Answer{Error: "x", Wrong: true})
	assert.True(t, errors.As(err, new(wrongError)))
	assert.ErrorIs(t, answerError("a", "open", &contest.Answer{Error: "x", Unsupported: true}), errors.ErrUnsupported)
}

func TestCopyTree(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	require.NoError(t, os.MkdirAll(filepath.Join(from, "sub"), 0o700))
	content := append(append([]byte("head"), make([]byte, 300<<10)...), "tail"...)
	for _, name := range []string{"a", "sub/b"} {
		require.NoError(t, os.WriteFile(filepath.Join(from, name), content, 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(from, "zeros"), make([]byte, 200<<10), 0o600))
	require.NoError(t, copyTree(from, to))
	for _, name := range []string{"a", "sub/b", "zeros"} {
		want, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(to, name))
		require.NoError(t, err)
		assert.Equal(t, want, got, name)
	}
	used, err := spaceUsed(to)
	require.NoError(t, err)
	assert.Positive(t, used)
}
