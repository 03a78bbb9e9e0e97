package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

// smallTree makes a tree with an empty file, a large one, a link and a directory.
func smallTree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "a", "b"), 0o700))
	for name, content := range map[string]string{
		"empty": "", "a/one": "1", "a/b/text": strings.Repeat("compressible ", 1000), "large": strings.Repeat("large", fileThreshold/4),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), []byte(content), 0o600))
	}
	_ = os.Symlink("empty", filepath.Join(root, "link")) // where there are links
	return root
}

func TestDemo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	code, stdout, stderr := dcbench("demo", "--src", smallTree(t), "--dir", dir, "--rounds", "4", "--seed", "1")
	require.Equal(t, exitOK, code, stdout+stderr)
	assert.Empty(t, stderr)
	assert.Contains(t, stdout, "stored    4 files")
	assert.Contains(t, stdout, "killed 4 times")
	assert.Contains(t, stdout, "verdict: every file equal, nothing lost, no wrong value")

	code, _, stderr = dcbench("demo", "--src", smallTree(t), "--dir", dir)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, "is not empty")
}

func TestDemoRemovesItsFiles(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	code, stdout, stderr := dcbench("demo", "--src", smallTree(t), "--rounds", "1")
	require.Equal(t, exitOK, code, stdout+stderr)
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestDemoOfNothing(t *testing.T) {
	code, _, stderr := dcbench("demo", "--src", t.TempDir())
	assert.Equal(t, exitWrong, code)
	assert.Contains(t, stderr, "there are no files in")
}

// A value that changed, an item that is gone and one too many are each found.
func TestTreeFindsWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(c *diskcache.Cache) error
		says  string
	}{
		"changed": {func(c *diskcache.Cache) error { return c.Set("a/one", []byte("2")) }, "a/one: its 1 bytes are not the 1"},
		"gone":    {func(c *diskcache.Cache) error { _, err := c.Delete("empty"); return err }, "empty: "},
		"more":    {func(c *diskcache.Cache) error { return c.Set("other", nil) }, "there are 5 items for 4 files"},
	} {
		t.Run(name, func(t *testing.T) {
			tree, err := readTree(smallTree(t))
			require.NoError(t, err)
			dir, o := filepath.Join(t.TempDir(), "cache"), &treeOutcome{}
			require.NoError(t, tree.store(dir, o, progress{}))
			changeCache(t, dir, treeOptions(), test.spoil)
			require.NoError(t, tree.compare(dir, o, progress{}))
			require.NotEmpty(t, o.wrong)
			assert.Contains(t, o.wrong[0], test.says)
		})
	}
}

// changeCache opens the cache in dir and changes it.
func changeCache(t *testing.T, dir string, o *diskcache.Options, do func(c *diskcache.Cache) error) {
	t.Helper()
	c, err := diskcache.Open(dir, o)
	require.NoError(t, err)
	require.NoError(t, do(c))
	require.NoError(t, c.Close())
}
