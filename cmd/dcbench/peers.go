package main

import (
	_ "embed"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// startOwn starts a store of this module.
func startOwn(name string, patience time.Duration) (*process, error) {
	cmd, err := newChild(childStore, name)
	if err != nil {
		return nil, err
	}
	return startProcess(name, cmd, patience)
}

//go:embed contest.py
var pythonScript string

// pythonStores are those that are called from Python, with what is imported for them.
var pythonStores = []pythonStore{
	{"python-diskcache", "diskcache"},
	{"diskcache_rs", "diskcache_rs"},
}

type pythonStore struct{ name, module string }

// hasPython reports why a module cannot be measured, or nil.
func hasPython(python, module string) error {
	out, err := exec.Command(python, "-c", "import "+module).CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s -c \"import %s\": %w %s", python, module, err, lines[len(lines)-1])
	}
	return nil
}

func startPython(python, name string, patience time.Duration) (*process, error) {
	return startProcess(name, exec.Command(python, "-c", pythonScript, name), patience)
}

// beginning is the first order that a process is given.
func beginning(sizes string, keys int, seed uint64) contest.Order {
	return contest.Order{Do: "begin", Sizes: sizes, KeyCount: keys, Seed: seed}
}
