package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDefectsCanBeMade: what a defect replaces stands once in its file, and names are
// given once. A defect that is out of date would prove nothing.
func TestDefectsCanBeMade(t *testing.T) {
	names := make(map[string]bool)
	for _, m := range all {
		assert.False(t, names[m.name], "%s: twice", m.name)
		names[m.name] = true
		b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(m.file)))
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(string(b), m.old), "%s: %q in %s", m.name, m.old, m.file)
		assert.NotEqual(t, m.old, m.new, m.name)
	}
}
