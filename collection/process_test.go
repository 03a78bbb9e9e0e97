package collection_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/collection"
)

// childEnv says which of children a process is.
const childEnv = "DISKCACHE_COLLECTION_CHILD"

// children are what a child process does with the store in a directory.
var children = map[string]func(s diskcache.Store) error{
	"turn": turn,
	"take": take,
}

// runChild is the main function of a child.
func runChild(part func(s diskcache.Store) error, dir string) int {
	s, err := diskcache.Open(dir, nil)
	if err == nil {
		err = errors.Join(part(s), s.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// turn turns a deque round and round, and checks all the while that it is whole.
func turn(s diskcache.Store) error {
	d := collection.NewDeque(s, "q", elements)
	for i := range 20 {
		values, err := d.Values()
		if err != nil {
			return err
		}
		if !slices.Equal(sorted(texts(values)), all()) {
			return fmt.Errorf("not whole: %q", values)
		}
		if err := errors.Join(d.Rotate(i-10), d.Reverse()); err != nil {
			return err
		}
	}
	return nil
}

// take takes elements from a deque and an index until there are no more, and prints them.
func take(s diskcache.Store) error {
	d, x := collection.NewDeque(s, "q", 0), collection.NewIndex(s, "x/")
	for {
		v, err := d.PopFront()
		if errors.Is(err, collection.ErrEmpty) {
			break
		}
		if err != nil {
			return err
		}
		fmt.Println("q" + string(v))
	}
	for {
		it, err := x.PopItem(diskcache.Back)
		if errors.Is(err, collection.ErrEmpty) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println("x" + it.Key)
	}
}

const elements = 60

// all are the elements that the processes work on.
func all() []string {
	ss := make([]string, elements)
	for i := range ss {
		ss[i] = strconv.Itoa(i)
	}
	return sorted(ss)
}

func sorted(ss []string) []string {
	slices.Sort(ss)
	return ss
}

// run runs children at once and returns what they printed.
func run(t *testing.T, part, dir string, n int) (printed []string) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range n {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], dir)
			cmd.Env = append(os.Environ(), childEnv+"="+part)
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			printed = append(printed, strings.Fields(string(out))...)
		})
	}
	wg.Wait()
	return printed
}

// TestProcesses has processes turn a deque round, which none of them ever sees half turned, and then
// take it apart, of which each element comes once.
func TestProcesses(t *testing.T) {
	dir := t.TempDir()
	s, err := diskcache.Open(dir, nil)
	require.NoError(t, err)
	closing(t, s)
	d, x := collection.NewDeque(s, "q", 0), collection.NewIndex(s, "x/")
	for _, v := range all() {
		require.NoError(t, d.PushBack([]byte(v)))
		require.NoError(t, x.Set(v, nil))
	}
	run(t, "turn", dir, 3)
	var want []string
	for _, v := range all() {
		want = append(want, "q"+v, "x"+v)
	}
	assert.Equal(t, sorted(want), sorted(run(t, "take", dir, 3)))
}
