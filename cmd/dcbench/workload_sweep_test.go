package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSweep(t *testing.T) {
	objects := runJSON(t, "-w", "sweep", "-n", "1005", "-c", "2")
	require.Len(t, objects, len(sweepings))
	for i, o := range objects {
		assert.Equal(t, sweepings[i].name, o["variant"])
		left := sweepings[i].left(1005)
		assert.InDelta(t, 1005-left, o["removed"], sweepKeys, "what is set meanwhile may count")
		assert.Nil(t, o["ratio"])
		for _, name := range []string{"get", "set", "get_computing", "set_computing"} {
			w := o[name].(map[string]any)
			assert.Positive(t, w["n"], name)
			assert.GreaterOrEqual(t, w["max_ns"], w["p999_ns"], name)
		}
	}
}

func TestSweepTable(t *testing.T) {
	code, stdout, stderr := dcbench("run", "-w", "sweep", "-n", "100", "--dir", t.TempDir())
	require.Equal(t, exitOK, code, stderr)
	for _, word := range []string{"sweep tag ", "sweep cull ", "10 items removed in ", "Get meanwhile ", "Set, computing "} {
		assert.Contains(t, stdout, word)
	}
}
