package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runChurn churns in a small cache, with space enough for what is small and of fixed
// size in a directory.
func runChurn(t *testing.T, args ...string) []map[string]any {
	t.Helper()
	return runJSON(t, append([]string{"-w", "churn", "-n", "1000", "--value-size", "512", "--settle", "0"}, args...)...)
}

func TestChurn(t *testing.T) {
	objects := runChurn(t, "--limit", "3")
	require.Len(t, objects, 2)
	for i, o := range objects {
		assert.Equal(t, []string{"uniform", "zipf:0.99"}[i], o["keys"])
		assert.Equal(t, o["keys"], o["variant"])
		assert.InDelta(t, 3, o["space_limit"], 0)
		// A record for each Set and what compaction copied: never less, and a cache of
		// three times the space has to copy less than each item twice.
		assert.Greater(t, o["write_amplification"], 1.0)
		assert.Less(t, o["write_amplification"], 3.0)
		assert.Positive(t, o["compactions"])
		assert.Nil(t, o["ratio"])
		for _, name := range []string{"space_amplification", "space_amplification_max", "space_overwritten", "space_settled"} {
			assert.Greater(t, o[name], 1.0, name)
			assert.LessOrEqual(t, o[name], 3*1.1, name)
		}
		assert.GreaterOrEqual(t, o["space_amplification_max"], 2.0, "there was garbage")
		for _, name := range []string{"get_idle", "get_writing", "get_compacting", "set_not_full", "set_full"} {
			l := o[name].(map[string]any)
			assert.Positive(t, l["p50_ns"], name)
			assert.GreaterOrEqual(t, l["p99_ns"], l["p50_ns"], name)
			assert.GreaterOrEqual(t, l["p999_ns"], l["p99_ns"], name)
		}
	}
}

func TestChurnOfChosenKeys(t *testing.T) {
	objects := runChurn(t, "--keys", "zipf:0.5", "-c", "2", "--limit", "4")
	require.Len(t, objects, 1)
	assert.Equal(t, "zipf:0.5", objects[0]["keys"])
}

func TestChurnTable(t *testing.T) {
	code, stdout, stderr := dcbench("run", "-w", "churn", "-n", "1000", "--keys", "uniform", "--limit", "4", "--settle", "0", "--dir", t.TempDir())
	require.Equal(t, exitOK, code, stderr)
	for _, word := range []string{"churn uniform ", "written for each byte set", "of 4.00 times", "Get compacting ", "Set not full ", "p99.9 of Get "} {
		assert.Contains(t, stdout, word)
	}
}
