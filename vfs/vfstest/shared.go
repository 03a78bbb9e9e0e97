package vfstest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// Shared is a directory that processes of several hosts use at once.
type Shared struct {
	// Hosts is an empty directory as the processes of each host have it. There
	// are two processes at least.
	Hosts [][]vfs.FS

	// Settle returns when all that was done before is seen by who opens a file
	// afresh, and names that were removed can be made again. It is called where
	// that is not so. Default: nil, it is so at once.
	Settle func()
}

// RunShared runs the suite of what the users of a directory see of one another:
// what is relied on everywhere, on network disks too. open is called for each test.
func RunShared(t *testing.T, open func(t *testing.T) Shared) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s *shared)
	}{
		{"Synced", testSharedSynced},
		{"Names", testSharedNames},
		{"Exclusive", testSharedExclusive},
		{"Walk", testSharedWalk},
		{"Locks", testSharedLocks},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newShared(t, open(t))
			test.run(t, s)
			for _, u := range s.users {
				require.NoError(t, u.Close())
			}
		})
	}
}

// shared is a Shared in use.
type shared struct {
	t      *testing.T
	users  []user
	settle func()
	r      *rand.Rand
}

// user is one of the processes.
type user struct {
	vfs.FS
	host int
}

func newShared(t *testing.T, o Shared) *shared {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := &shared{t: t, settle: o.Settle, r: rand.New(rand.NewPCG(seed, 0))}
	if s.settle == nil {
		s.settle = func() {}
	}
	for host, processes := range o.Hosts {
		for _, d := range processes {
			s.users = append(s.users, user{d, host})
		}
	}
	return s
}

func (s *shared) user() user { return s.users[s.r.IntN(len(s.users))] }

// names are the names in a directory, but for those of what was removed.
func (s *shared) names(d vfs.FS) (names []string) {
	s.t.Helper()
	list, err := d.List(".")
	require.NoError(s.t, err)
	for _, info := range list {
		if info.Regular && !isSilly(d, info.Name) {
			names = append(names, info.Name)
		}
	}
	return names
}

// requireNames expects these names in the directory, and at first perhaps some that
// were there.
func (s *shared) requireNames(d vfs.FS, want ...string) {
	s.t.Helper()
	got := s.names(d)
	for _, name := range want {
		require.Contains(s.t, got, name)
	}
	if len(got) > len(want) {
		s.settle()
		got = s.names(d)
	}
	require.Equal(s.t, append([]string{}, want...), append([]string{}, got...))
}

// create makes a file that nobody else makes.
func (s *shared) create(d vfs.FS, name string) vfs.File {
	s.t.Helper()
	f, err := d.Create(name)
	if errors.Is(err, fs.ErrExist) {
		s.settle()
		f, err = d.Create(name)
	}
	require.NoError(s.t, err)
	return f
}

// testSharedSynced: what was synced, or closed, others read who open the file
// afterwards: what was appended, and what was written over.
func testSharedSynced(t *testing.T, s *shared) {
	for i, w := range s.users {
		name := fmt.Sprint("f", i)
		f, err := w.Create(name)
		require.NoError(t, err)
		for round := range 6 {
			text := fmt.Sprintf("%d%*d", round, 1000*round+5, round) // begins otherwise, and is longer
			_, err := f.WriteAt([]byte(text), 0)
			require.NoError(t, err)
			if round < 5 {
				require.NoError(t, f.Sync())
			} else {
				require.NoError(t, f.Close())
			}
			for _, d := range s.users {
				if read(t, d, name) != text {
					s.settle()
				}
				require.Equal(t, text, read(t, d, name))
			}
		}
	}
}

// testSharedNames: a listing has the names that there are, whatever was looked
// for before, and what it has can be opened.
func testSharedNames(t *testing.T, s *shared) {
	for _, w := range s.users {
		for _, name := range []string{"a", "b"} {
			for _, d := range s.users {
				_, err := d.Stat(name)
				if err != nil {
					require.ErrorIs(t, err, fs.ErrNotExist)
				}
			}
		}
		f := s.create(w, "a")
		_, err := f.WriteAt([]byte("text"), 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		for _, d := range s.users {
			s.requireNames(d, "a")
		}
		require.NoError(t, w.Rename("a", "b"))
		for _, d := range s.users {
			s.requireNames(d, "b")
			if read(t, d, "b") != "text" {
				s.settle()
			}
			require.Equal(t, "text", read(t, d, "b"))
		}
		require.NoError(t, w.Remove("b"))
		for _, d := range s.users {
			s.requireNames(d)
		}
	}
}

// testSharedExclusive: of all that make a name one does.
func testSharedExclusive(t *testing.T, s *shared) {
	var mu sync.Mutex
	made := make(map[string]int)
	var wg sync.WaitGroup
	for _, d := range s.users {
		wg.Go(func() {
			for i := range 20 {
				name := fmt.Sprint("f", i)
				f, err := d.Create(name)
				if errors.Is(err, fs.ErrExist) {
					continue
				}
				if err == nil {
					err = f.Close()
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				made[name]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Len(t, made, 20)
	for name, n := range made {
		require.Equal(t, 1, n, name)
	}
}

// sharedSteps is how many steps the walk takes.
const sharedSteps = 400

// sharedFile is a file that one of the users writes.
type sharedFile struct {
	vfs.File // nil once closed
	by       user
	synced   []byte
	since    [][]byte // all that it was since, the newest last
}

// now is what its own host sees.
func (f *sharedFile) now() []byte {
	if n := len(f.since); n > 0 {
		return f.since[n-1]
	}
	return f.synced
}

// testSharedWalk walks at random: each file is written by who made it, and read,
// listed and removed by all.
func testSharedWalk(t *testing.T, s *shared) {
	files := make(map[string]*sharedFile)
	for range sharedSteps {
		name := string(rune('a' + s.r.IntN(4)))
		f := files[name]
		switch what := s.r.IntN(10); {
		case f == nil:
			by := s.user()
			files[name] = &sharedFile{File: s.create(by, name), by: by}
		case what < 3 && f.File != nil:
			s.writeSome(f)
		case what == 3 && f.File != nil:
			require.NoError(t, f.Sync())
			f.synced, f.since = f.now(), nil
		case what == 4 && f.File != nil:
			require.NoError(t, f.Close())
			f.File, f.synced, f.since = nil, f.now(), nil
		case what == 5 && f.File == nil:
			require.NoError(t, f.by.Remove(name))
			delete(files, name)
		default:
			s.lookAt(name, f, slices.Collect(maps.Keys(files)))
		}
	}
}

// writeSome appends to a file, or overwrites a part of it.
func (s *shared) writeSome(f *sharedFile) {
	now := slices.Clone(f.now())
	off := len(now)
	if s.r.IntN(3) == 0 {
		off = s.r.IntN(len(now) + 1)
	}
	b := make([]byte, 1+s.r.IntN(6000))
	for i := range b {
		b[i] = byte(1 + s.r.IntN(255))
	}
	_, err := f.WriteAt(b, int64(off))
	require.NoError(s.t, err)
	now = append(now, make([]byte, max(0, off+len(b)-len(now)))...)
	copy(now[off:], b)
	f.since = append(f.since, now)
}

// lookAt lists the directory and reads a file.
func (s *shared) lookAt(name string, f *sharedFile, names []string) {
	d := s.user()
	slices.Sort(names)
	s.requireNames(d, names...)
	got := []byte(read(s.t, d, name))
	if len(got) < len(f.synced) {
		s.settle()
		got = []byte(read(s.t, d, name))
	}
	if d.host == f.by.host {
		require.Equal(s.t, string(f.now()), string(got), "%s, on its own host", name)
		return
	}
	require.GreaterOrEqual(s.t, len(got), len(f.synced), name)
	require.LessOrEqual(s.t, len(got), len(f.now()), name)
	for i, b := range got {
		if !f.mayBe(i, b) {
			s.t.Fatalf("%s: byte %d of %d, %d of them synced, is what it never was", name, i, len(got), len(f.synced))
		}
	}
}

// mayBe says whether another host may see a byte: the one that was synced, or
// what was written since, or a zero where nothing was.
func (f *sharedFile) mayBe(i int, b byte) bool {
	if i < len(f.synced) && f.synced[i] == b || i >= len(f.synced) && b == 0 {
		return true
	}
	return slices.ContainsFunc(f.since, func(v []byte) bool { return i < len(v) && v[i] == b })
}

// testSharedLocks: all agree on who has which lock.
func testSharedLocks(t *testing.T, s *shared) {
	var locks []vfs.Locks
	for _, d := range s.users {
		l, err := d.Locks("lock")
		if errors.Is(err, vfs.ErrLocked) {
			t.Skip("they are one process")
		}
		require.NoError(t, err)
		locks = append(locks, l)
	}
	const numbers, free = 5, -1
	owner := slices.Repeat([]int{free}, numbers)
	for range 400 {
		u, i := s.r.IntN(len(locks)), s.r.IntN(numbers)
		switch s.r.IntN(3) {
		case 0:
			requireTry(t, locks[u], i, owner[i] == free)
			if owner[i] == free {
				owner[i] = u
			}
		case 1:
			require.NoError(t, locks[u].Unlock(i))
			if owner[i] == u {
				owner[i] = free
			}
		default:
			got, ok, err := locks[u].Taken(0, numbers)
			require.NoError(t, err)
			want := slices.IndexFunc(owner, func(o int) bool { return o != free && o != u })
			require.Equal(t, want >= 0, ok)
			if ok {
				require.Equal(t, want, got)
			}
		}
	}
	for _, l := range locks {
		require.NoError(t, l.Close())
	}
}
