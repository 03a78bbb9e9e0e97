package vfs_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The rules of this repository that no compiler knows. Only vfs speaks to the
// operating system, or else what the tests show of crashes and faults is not
// all that happens; and packages import downwards only.

const module = "github.com/go-diskcache/diskcache"

// system are the packages that speak to the operating system.
var system = []string{"os", "os/exec", "os/signal", "os/user", "io/ioutil", "syscall", "path/filepath", "golang.org/x/sys"}

// core are the packages that the first rule is for; "" is the root.
var core = []string{"", "codec", "segment", "lease", "keydir", "evict", "compaction", "engine"}

// mayImport says what of ours a package may import. One that is not here is a
// convenience over the root, and may import only that.
var mayImport = map[string][]string{
	"codec":      {},
	"vfs":        {},
	"evict":      {},
	"segment":    {"codec", "vfs", "internal/prefetch"},
	"lease":      {"codec", "vfs"},
	"keydir":     {"codec", "evict", "internal/prefetch"},
	"compaction": {"segment", "codec"},
	"engine":     {"codec", "vfs", "evict", "segment", "lease", "keydir", "compaction", "internal/sortset"},
	"":           {"engine"},
	"storetest":  {"", "vfs", "internal/history"}, // disks that fail, and what processes did to one store

	"internal/prefetch": {},
	"internal/sortset":  {},

	"cmd/dcbench": {"", "internal/history", "internal/trace",
		"cmd/dcbench/internal/contest", "cmd/dcbench/internal/draw", "cmd/dcbench/internal/memory"},
	"cmd/dcbench/internal/contest": {"cmd/dcbench/internal/draw", "cmd/dcbench/internal/memory"},
	"cmd/dcbench/internal/draw":    {},
	"cmd/dcbench/internal/memory":  {},
}

// violation says what is wrong with a file that imports a package; "" is nothing.
func violation(file, imported string) string {
	dir := path.Dir(file)
	if dir == "." {
		dir = ""
	}
	ours, inside := strings.CutPrefix(imported, module)
	if inside && (ours == "" || ours[0] == '/') {
		if ours = strings.TrimPrefix(ours, "/"); !allowed(dir, ours) {
			return "imports upwards or sideways"
		}
		return ""
	}
	if slices.Contains(core, dir) && speaksToSystem(imported) && !mapsMemory(file, imported) {
		return "speaks to the system; use vfs"
	}
	return ""
}

func speaksToSystem(imported string) bool {
	return slices.ContainsFunc(system, func(s string) bool {
		return imported == s || strings.HasPrefix(imported, s+"/") && s != "os"
	})
}

// mapsMemory: the index lies in anonymous memory, which is no file.
func mapsMemory(file, imported string) bool {
	ok, _ := path.Match("keydir/mem_*.go", file)
	return ok && strings.HasPrefix(imported, "golang.org/x/sys/")
}

func allowed(dir, ours string) bool {
	if parent := path.Dir(dir); parent != "." && strings.HasPrefix(path.Base(dir), path.Base(parent)) {
		// A suite such as vfs/vfstest: its package and what that may import.
		return ours == parent || allowed(parent, ours)
	}
	may, known := mayImport[dir]
	if !known {
		may = []string{""}
	}
	if slices.Contains(may, ours) {
		return true
	}
	return dir != "" && path.Dir(ours) == dir // a package may have parts of its own below it
}

func TestImports(t *testing.T) {
	root := os.DirFS("..")
	files := 0
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && skipped(root, name):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", filepath.FromSlash(name)), nil, parser.ImportsOnly)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return nil
		}
		for _, i := range f.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			require.NoError(t, err)
			if what := violation(name, imported); what != "" {
				t.Errorf("%s imports %s: %s", name, imported, what)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, files, 20, "the repository was not found")
}

// skipped leaves out what is no part of the module.
func skipped(root fs.FS, dir string) bool {
	if base := path.Base(dir); base == "testdata" || base[0] == '.' || base[0] == '_' {
		return true
	}
	_, err := fs.Stat(root, dir+"/go.mod") // a module of its own
	return err == nil
}

// TestViolation: the rules themselves.
func TestViolation(t *testing.T) {
	for _, bad := range [][2]string{
		{"cache.go", "os"},
		{"cache.go", module + "/codec"},
		{"cache.go", module + "/vfs"},
		{"codec/codec.go", "path/filepath"},
		{"codec/codec.go", module + "/vfs"},
		{"codec/codec.go", module},
		{"engine/lock_unix.go", "golang.org/x/sys/unix"},
		{"engine/lock_unix.go", "golang.org/x/sys/windows"},
		{"engine/engine.go", "syscall"},
		{"engine/engine.go", "io/ioutil"},
		{"engine/engine.go", "os/exec"},
		{"engine/engine.go", module},
		{"evict/lru.go", module + "/codec"},
		{"keydir/mem_unix.go", "syscall"},
		{"keydir/mem_unix.go", "os"},
		{"keydir/index.go", "golang.org/x/sys/unix"},
		{"keydir/index.go", module + "/vfs"},
		{"segment/set.go", module + "/keydir"},
		{"segment/set.go", module + "/engine"},
		{"compaction/pick.go", module + "/vfs"},
		{"vfs/os.go", module + "/codec"},
		{"vfs/vfstest/suite.go", module + "/codec"},
		{"cmd/dcbench/main.go", module + "/engine"},
		{"typed/typed.go", module + "/engine"},
	} {
		require.NotEmpty(t, violation(bad[0], bad[1]), "%v", bad)
	}
	for _, good := range [][2]string{
		{"cache.go", module + "/engine"},
		{"cache.go", "io/fs"},
		{"cache.go", "golang.org/x/system"},
		{"cache.go", "osmosis"},
		{"cmd/dcbench/main.go", "os"},
		{"cmd/dcbench/main.go", module},
		{"vfs/os.go", "os"},
		{"vfs/sync_linux.go", "golang.org/x/sys/unix"},
		{"vfs/vfstest/suite.go", module + "/vfs"},
		{"keydir/mem_unix.go", "golang.org/x/sys/unix"},
		{"keydir/index.go", module + "/codec"},
		{"engine/engine.go", module + "/vfs"},
		{"engine/enginetest/suite.go", module + "/engine"},
		{"engine/enginetest/suite.go", module + "/vfs"},
		{"typed/typed.go", module},
	} {
		require.Empty(t, violation(good[0], good[1]), "%v", good)
	}
}
