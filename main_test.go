package diskcache

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the tests, and the part of a test that is to run in a process of
// its own: the binary starts itself, with the name of the part in the environment.
func TestMain(m *testing.M) {
	if part, ok := children[os.Getenv(childEnv)]; ok {
		os.Exit(part(os.Args[1]))
	}
	goleak.VerifyTestMain(m)
}

// childEnv says which of children a process is.
const childEnv = "DISKCACHE_TEST_CHILD"

// children are what a child process does with a directory; it returns the exit
// code.
var children = map[string]func(dir string) int{}
