package diskcache_test

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	require.NoError(t, err)
	return string(b)
}

// The quick start is what Example does, from Open on, and so it works.
func TestReadmeQuotesTheExample(t *testing.T) {
	_, rest, _ := strings.Cut(readme(t), "```go\n")
	quoted, _, _ := strings.Cut(rest, "```")
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "example_test.go", nil, 0)
	require.NoError(t, err)
	var lines bytes.Buffer
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "Example" {
			require.NoError(t, format.Node(&lines, fset, fn.Body))
		}
	}
	_, body, found := strings.Cut(strings.ReplaceAll(lines.String(), "\n\t", "\n"), "\n\n")
	require.True(t, found)
	assert.Equal(t, strings.TrimSpace(strings.TrimSuffix(body, "}")), strings.TrimSpace(quoted))
}

func TestReadmeListsAllOptions(t *testing.T) {
	text := readme(t)
	o := reflect.TypeFor[diskcache.Options]()
	for i := range o.NumField() {
		if f := o.Field(i); f.IsExported() {
			assert.Contains(t, text, "| `"+f.Name+"` | ", "no row of the option")
		}
	}
}

// A guarantee is only as good as the test that is named beside it.
func TestReadmeNamesTestsThatAreThere(t *testing.T) {
	files, err := filepath.Glob("*/*_test.go")
	require.NoError(t, err)
	own, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	files = append(files, own...)
	var code strings.Builder
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		code.Write(b)
	}
	names := regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(readme(t), -1)
	require.NotEmpty(t, names)
	for _, name := range names {
		assert.Contains(t, code.String(), "func "+name[1]+"(t *testing.T)")
	}
}

// Every file that the documents point to is there.
func TestDocumentsPointToFiles(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	for _, name := range append(documents, "README.md", "CHANGELOG.md") {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, link := range regexp.MustCompile(`\]\(([^):#]+)\)`).FindAllStringSubmatch(string(b), -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(name), link[1]))
			assert.NoError(t, err, name)
		}
	}
}
