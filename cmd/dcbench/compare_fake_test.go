package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// The test binary is a program of peers as well, of which some have a fault.

// honest is a map. What its faults are says wrong.
type honest struct {
	mu    sync.Mutex
	items map[string][]byte
	wrong func(s *honest, key, value []byte) ([]byte, error) // of Get, when a key is there
	set   func(s *honest) error
}

func (s *honest) Set(key, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[string(key)] = bytes.Clone(value)
	if s.set != nil {
		return s.set(s)
	}
	return nil
}

func (s *honest) Get(key, buf []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.items[string(key)]
	if !ok {
		return nil, contest.ErrMissing
	}
	if s.wrong != nil {
		return s.wrong(s, key, v)
	}
	return append(buf, v...), nil
}

func (s *honest) Delete(key []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.items, string(key))
	return nil
}

func (s *honest) Batch(keys, values [][]byte) error {
	for i := range keys {
		if err := s.Set(keys[i], values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *honest) Compact() error { return nil }
func (s *honest) Close() error   { return nil }

// fakes are honest, or have one fault.
var fakes = map[string]*honest{
	"honest": {},
	// One value of a hundred has a bit that is wrong.
	"liar": {wrong: func(_ *honest, key, value []byte) ([]byte, error) {
		v := bytes.Clone(value)
		if contest.KeyNumber(key)%100 == 7 {
			v[len(v)/2] ^= 1
		}
		return v, nil
	}},
	// A value of another key, as long as it should be.
	"mixer": {wrong: func(s *honest, key, value []byte) ([]byte, error) {
		if other, ok := s.items[string(contest.AppendKey(nil, contest.KeyNumber(key)+1))]; ok {
			return bytes.Clone(other), nil
		}
		return bytes.Clone(value), nil
	}},
	"forgetful": {set: func(s *honest) error {
		delete(s.items, string(contest.AppendKey(nil, 5)))
		return nil
	}},
	"dying": {set: func(s *honest) error {
		if len(s.items) > 50 {
			fmt.Fprintln(os.Stderr, "these are my last words")
			os.Exit(7)
		}
		return nil
	}},
	"refusing": {set: func(s *honest) error {
		if len(s.items) > 50 {
			return io.ErrShortWrite
		}
		return nil
	}},
	"hanging": {set: func(s *honest) error {
		select {}
	}},
}

// pythonFault is the environment variable that says what is wrong with the fake of python-diskcache.
const pythonFault = "DCBENCH_PYTHON_FAULT"

// fakePython is the test binary as a Python that has diskcache, and nothing else. Its diskcache is the
// library, so that it can do everything, in several processes too.
func fakePython(args []string) int {
	if len(args) == 1 {
		if args[0] == "import diskcache" {
			return 0
		}
		fmt.Println("ModuleNotFoundError")
		return 1
	}
	fault := os.Getenv(pythonFault)
	k := contest.Kind{Promises: contest.Promises{Name: args[1], Version: "v0", Shared: fault != "alone", Survives: true}}
	k.Open = func(dir string, o contest.Options) (contest.Store, error) {
		s, err := openLibrary(dir, o)
		if err != nil {
			return nil, err
		}
		return &faultyLibrary{s.(library), fault}, nil
	}
	if contest.Serve(k, os.Stdin, os.Stdout) != nil {
		return 1
	}
	return 0
}

// faultyLibrary is the library with what its fault says wrong.
type faultyLibrary struct {
	library
	fault string
}

func (l *faultyLibrary) Incr(key []byte) (int64, error) {
	n, err := l.library.Incr(key)
	if l.fault == "miscounts" && n > 1 {
		n--
	}
	return n, err
}

func (l *faultyLibrary) Clear() (int, error) {
	if l.fault == "keeps" {
		return 0, nil
	}
	return l.library.Clear()
}

func (l *faultyLibrary) Delete(key []byte) error {
	if l.fault == "undead" {
		return nil
	}
	return l.library.Delete(key)
}

func (l *faultyLibrary) Set(key, value []byte) error {
	if l.fault == "dying" {
		fmt.Fprintln(os.Stderr, "these are my last words")
		os.Exit(7)
	}
	return l.library.Set(key, value)
}

// fakeProgram is what the test binary does in place of the tests, if it is called as a program of
// peers.
func fakeProgram(args []string) (code int, called bool) {
	switch {
	case len(args) > 1 && args[0] == "-c":
		return fakePython(args[1:]), true
	case len(args) == 1 && args[0] == "list":
		for _, name := range slices.Sorted(maps.Keys(fakes)) {
			fmt.Println(name)
		}
		return 0, true
	case len(args) == 2 && args[0] == "store":
		k := contest.Kind{Promises: contest.Promises{Name: args[1], Version: "v0", Survives: true}}
		k.Open = func(string, contest.Options) (contest.Store, error) {
			s := fakes[args[1]]
			s.items = map[string][]byte{}
			return s, nil
		}
		if contest.Serve(k, os.Stdin, os.Stdout) != nil {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}
