package vfs

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestLockPending: while one goroutine is about to open a lock file, and has perhaps
// made it, no other in the process goes near it,
// whichever FS it has the directory from.
func TestLockPending(t *testing.T) {
	dir := t.TempDir()
	var first [2]FS
	for i := range first {
		d, err := OpenDir(dir, DirOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		first[i] = d
	}
	l := &lockFile{fs: first[0].(*osFS), name: "lock", text: "the first"}
	if err := l.register(nil); err != nil {
		t.Fatal(err)
	}
	for _, d := range first {
		_, err := d.Locks("lock")
		var locked *LockedError
		if !errors.As(err, &locked) || locked.Holder != "the first" {
			t.Errorf("not refused: %v", err)
		}
		if _, err := d.Stat("lock"); err == nil {
			t.Error("the file was touched")
		}
	}
	l.unregister()
	if _, err := first[1].Locks("lock"); err != nil {
		t.Error(err)
	}
}

// TestLockReplaced: a lock file that lost its name is none.
func TestLockReplaced(t *testing.T) {
	path := t.TempDir()
	fs, err := OpenDir(path, DirOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	d := fs.(*osFS)
	l := &lockFile{fs: d, name: "lock"}
	f, err := l.open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := l.confirm(d.root, "lock"); err != nil {
		t.Error(err)
	}
	lock := filepath.Join(path, "lock")
	if err := os.Rename(lock, lock+"x"); err != nil {
		t.Fatal(err)
	}
	if err := l.confirm(d.root, "lock"); err != errReplaced {
		t.Error("it is gone:", err)
	}
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.confirm(d.root, "lock"); err != errReplaced {
		t.Error("it is another:", err)
	}
}

// TestFirstTaken: whatever of the truth a system tells about a range, the first
// lock in it is found.
func TestFirstTaken(t *testing.T) {
	const numbers = 40
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		var held [numbers]bool
		for i := range held {
			held[i] = r.IntN(1+r.IntN(numbers)) == 0
		}
		whole := func(from, to int) (int, int, bool, error) {
			return from, to - from, slices.Contains(held[from:to], true), nil
		}
		one := func(from, to int) (int, int, bool, error) {
			var at []int
			for i := from; i < to; i++ {
				if held[i] {
					at = append(at, i)
				}
			}
			if len(at) == 0 {
				return 0, 0, false, nil
			}
			i := at[r.IntN(len(at))]
			n := 1
			for i+n < to && held[i+n] && r.IntN(2) == 0 {
				n++
			}
			return i, n, true, nil
		}
		from := r.IntN(numbers)
		to := from + r.IntN(numbers-from+1)
		want := slices.Index(held[from:to], true)
		for name, probe := range map[string]prober{"whole": whole, "one": one} {
			i, ok, err := firstTaken(from, to, probe)
			if err != nil || ok != (want >= 0) || ok && i != from+want {
				t.Fatalf("%s: %v, %d to %d: %d, %v, %v", name, held, from, to, i, ok, err)
			}
		}
	}
	for range 2000 { // a system that names one's own locks as well
		var held, own [numbers]bool
		var mine []int
		for i := range held {
			if held[i] = r.IntN(4) == 0; !held[i] && r.IntN(4) == 0 {
				own[i] = true
				mine = append(mine, i)
			}
		}
		from := r.IntN(numbers)
		to := from + r.IntN(numbers-from+1)
		want := slices.Index(held[from:to], true)
		i, ok, err := firstOfOthers(from, to, mine, func(from, to int) (int, int, bool, error) {
			at := slices.Index(held[from:to], true)
			if mine := slices.Index(own[from:to], true); mine >= 0 && (at < 0 || mine < at) {
				at = mine
			}
			return from + at, 1, at >= 0, nil
		})
		if err != nil || ok != (want >= 0) || ok && i != from+want {
			t.Fatalf("%v, own %v, %d to %d: %d, %v, %v", held, mine, from, to, i, ok, err)
		}
	}
	broken := errors.New("no server")
	for nth := range 3 {
		calls := 0
		_, ok, err := firstTaken(0, numbers, func(from, to int) (int, int, bool, error) {
			if calls++; calls > nth {
				return 0, 0, false, broken
			}
			return from, to - from, true, nil
		})
		if ok || err != broken {
			t.Error(ok, err)
		}
	}
}
