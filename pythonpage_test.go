package diskcache_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPythonPage: the page has every public name of python-diskcache, and names nothing of ours, and
// no test, that is not there.
func TestPythonPage(t *testing.T) {
	page, err := os.ReadFile("docs/python-diskcache.md")
	require.NoError(t, err)
	theirs, err := os.ReadFile("testdata/python-diskcache-5.6.3.txt")
	require.NoError(t, err)
	ours := declared(t)

	quoted := regexp.MustCompile("`([^`]+)`")
	isTest := regexp.MustCompile(`^(\w+\.)?Test`)
	left := make(map[string]bool)
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !quoted.MatchString(cells[1]) {
			continue
		}
		rows++
		for _, name := range quoted.FindAllStringSubmatch(cells[1], -1) {
			assert.False(t, left[name[1]], "%s: twice", name[1])
			left[name[1]] = true
		}
		for i, cell := range cells[2:4] {
			for _, name := range quoted.FindAllStringSubmatch(cell, -1) {
				known := ours[name[1]] || i == 0 && left[name[1]] || name[1] == "du"
				assert.True(t, known, "%s is not there: %s", name[1], line)
				assert.Equal(t, i == 1, isTest.MatchString(name[1]), "%s is in the wrong column", name[1])
			}
		}
	}
	require.Greater(t, rows, 100)
	for _, name := range strings.Fields(string(theirs)) {
		assert.True(t, left[name], "%s is not on the page", name)
		delete(left, name)
	}
	assert.Empty(t, left, "the peer has no such names")
}

// declared returns the names that the packages of the repository export: those of the root as they
// are, others with their package; methods and fields with their type. Tests are among them, and
// the cases of storetest as TestStore/Name.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		prefix := strings.TrimSuffix(f.Name.Name, "_test") + "."
		if prefix == "diskcache." {
			prefix = ""
		}
		for _, decl := range f.Decls {
			declare(names, prefix, decl)
		}
		if f.Name.Name == "storetest" {
			cases(names, f)
		}
		return nil
	})
	require.NoError(t, err)
	inherit(names, "Ops.", "Store.", "Txn.")
	inherit(names, "engine.Stats.", "Stats.")
	return names
}

// inherit adds to types what they have from one that is embedded, or that they are another name of.
func inherit(names map[string]bool, from string, to ...string) {
	for name := range maps.Clone(names) {
		if part, found := strings.CutPrefix(name, from); found {
			for _, of := range to {
				names[of+part] = true
			}
		}
	}
}

// declare adds the names of a declaration.
func declare(names map[string]bool, prefix string, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names[prefix+d.Name.Name] = true
			return
		}
		names[prefix+receiver(d.Recv.List[0].Type)+"."+d.Name.Name] = true
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				for _, id := range s.Names {
					names[prefix+id.Name] = true
				}
			case *ast.TypeSpec:
				names[prefix+s.Name.Name] = true
				for _, id := range parts(s.Type) {
					names[prefix+s.Name.Name+"."+id] = true
				}
			}
		}
	}
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// parts are the fields of a struct, or the methods of an interface.
func parts(e ast.Expr) (names []string) {
	var list *ast.FieldList
	switch e := e.(type) {
	case *ast.StructType:
		list = e.Fields
	case *ast.InterfaceType:
		list = e.Methods
	default:
		return nil
	}
	for _, f := range list.List {
		for _, id := range f.Names {
			names = append(names, id.Name)
		}
	}
	return names
}

// cases adds the tests of a list of storetest, whose elements begin with their names.
func cases(names map[string]bool, f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		if c, ok := n.(*ast.CompositeLit); ok && c.Type == nil && len(c.Elts) == 2 {
			if name, ok := c.Elts[0].(*ast.BasicLit); ok && name.Kind == token.STRING {
				names["TestStore/"+strings.Trim(name.Value, `"`)] = true
			}
		}
		return true
	})
}
