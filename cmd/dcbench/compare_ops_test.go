package main

import (
	"encoding/csv"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const python = "python-diskcache"

// besidePython compares with the fake of python-diskcache.
func besidePython(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return compared(t, append([]string{"--python", self, "--peers", "no-such-program", "--with", python, "--workload", "op-*"}, args...)...)
}

// Everything that is done with python-diskcache has a row of each side, and one beside the other.
func TestCompareOps(t *testing.T) {
	code, stdout, stderr := besidePython(t, "--format", "json", "--rounds", "3")
	require.Equal(t, exitOK, code, stderr)
	rows := rowsOf(t, stdout)
	own, peer := storesOf(rows, ownName), storesOf(rows, python)
	var names []string
	for i, r := range own {
		names = append(names, r.Workload)
		theirs := peer[i]
		require.Equal(t, r.Workload, theirs.Workload)
		assert.Equal(t, python, r.BestPeer)
		assert.InEpsilon(t, theirs.OpsPerSec, *r.PeerPerSec, 1e-9)
		assert.InEpsilon(t, r.OpsPerSec/theirs.OpsPerSec, *r.RatioPeer, 1e-9)
		for _, r := range []*row{r, theirs} {
			assert.True(t, r.Verified, r.Workload)
			assert.Len(t, r.Rounds, 3, r.Workload)
			assert.Equal(t, minCompared, r.N)
			assert.Equal(t, r.Workload == "op-4-processes", r.Procs == crewSize)
		}
	}
	assert.Equal(t, []string{
		"op-set", "op-get", "op-transact10", "op-delete", "op-add", "op-incr", "op-push-pull", "op-peekitem", "op-iterate",
		"op-evict-tag", "op-expire", "op-clear", "op-4-processes",
	}, names)
	assert.Len(t, peer, len(own))
}

func TestCompareOpsFormats(t *testing.T) {
	code, table, stderr := besidePython(t, "--workload", "op-clear,op-4-*")
	require.Equal(t, exitOK, code, stderr)
	assert.Contains(t, table, "op-4-processes, 128 values, 100 keys, 4 processes, uniform")
	_, beside, found := strings.Cut(table, "\nbeside "+python+"\n")
	require.True(t, found)
	assert.Regexp(t, `(?m)^ +workload +values +at once +diskcache/s +spread +python-diskcache/s +spread +ratio$`, beside)
	assert.Regexp(t, `(?m)^ +op-clear +128 +1 +\S+ +\d+% +\S+ +\d+% +[0-9.]+$`, beside)
	assert.Regexp(t, `(?m)^ +op-4-processes +128 +4p +\S+ +\d+% +\S+ +\d+% +[0-9.]+$`, beside)

	_, text, _ := besidePython(t, "--workload", "op-4-processes", "--format", "csv")
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 3)
	for _, name := range []string{"procs", "best_peer"} {
		i := slices.Index(csvHead, name)
		assert.Equal(t, map[string]string{"procs": "4", "best_peer": python}[name], records[1][i])
	}
	_, text, _ = besidePython(t, "--workload", "op-4-processes", "--format", "benchfmt")
	assert.Contains(t, text, "/workload=op-4-processes/size=128/c=1/procs=4/n=100/store=python-diskcache 1 ")

	_, table, _ = compared(t, "--with", "honest,files", "--workload", "op-set")
	assert.NotContains(t, table, "\nbeside ", "there is more than one")
}

// What python-diskcache gets wrong is noticed, and the others go on.
func TestCompareOpsNoticesFaults(t *testing.T) {
	for fault, test := range map[string]struct {
		workload, says string
		code           int
	}{
		"miscounts": {"op-incr", "is 1 after 2 times", exitFalse},
		"keeps":     {"op-clear", "clear has removed 0 of 100, and left 100 of 0", exitFalse},
		"undead":    {"op-delete", "was deleted, or never set, and is there", exitFalse},
		"dying":     {"op-4-processes", "these are my last words", exitWrong},
	} {
		t.Setenv(pythonFault, fault)
		code, stdout, stderr := besidePython(t, "--workload", test.workload)
		assert.Equal(t, test.code, code, fault)
		assert.Contains(t, stderr, test.says, fault)
		assert.Regexp(t, `(?m)^ +`+test.workload+` .* failed$`, stdout, fault)
	}
}

// A store that one process has for itself is left out where several are asked for.
func TestCompareCrewOfOne(t *testing.T) {
	t.Setenv(pythonFault, "alone")
	code, stdout, stderr := besidePython(t, "--workload", "op-4-processes", "--format", "json")
	require.Equal(t, exitOK, code)
	assert.Contains(t, stderr, "processes: python-diskcache is not measured: it has no such thing")
	rows := rowsOf(t, stdout)
	require.Len(t, rows, 1)
	assert.Equal(t, ownName, rows[0].Store)
	assert.Nil(t, rows[0].RatioPeer)
}

// Without Python, or the package, it says so in a line, and measures the others.
func TestCompareWithoutPython(t *testing.T) {
	for _, command := range []string{"no-such-python", "false"} {
		code, stdout, stderr := besidePython(t, "--python", command, "--workload", "op-get", "--format", "json")
		require.Equal(t, exitOK, code, stderr)
		assert.Regexp(t, `(?m)^python-diskcache is not measured \(pip install diskcache, and --python, may help\): `+command+` -c "import diskcache": .+$`, stderr)
		assert.Len(t, storesOf(rowsOf(t, stdout), ownName), 1)
	}
}
