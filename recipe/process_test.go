package recipe

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/fanout"
	"github.com/go-diskcache/diskcache/hybrid"
)

// childEnv says which of children a process is.
const childEnv = "DISKCACHE_RECIPE_CHILD"

// children are what a child process does with the store in a directory.
var children = map[string]func(s diskcache.Store) error{
	"count": countUnderLock,
	"lock": func(s diskcache.Store) error {
		return printHistory(NewLock(s, "lock", time.Minute))
	},
	"semaphore": func(s diskcache.Store) error {
		return printHistory(NewSemaphore(s, "semaphore", 2, time.Minute))
	},
	"hold": holdUntilKilled,
}

// shared opens stores that several processes can have.
var shared = map[string]func(dir string) (diskcache.Store, error){
	"disk":   func(dir string) (diskcache.Store, error) { return diskcache.Open(dir, nil) },
	"fanout": func(dir string) (diskcache.Store, error) { return fanout.Open(dir, nil) },
	"hybrid": func(dir string) (diskcache.Store, error) {
		c, err := diskcache.Open(dir, nil)
		if err != nil {
			return nil, err
		}
		return hybrid.New(c, &hybrid.Options{AdmitFirst: true})
	},
}

// runChild is the main function of a child.
func runChild(part func(s diskcache.Store) error, kind, dir string) int {
	s, err := shared[kind](dir)
	if err == nil {
		err = errors.Join(part(s), s.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// process is a child that runs.
type process struct {
	cmd *exec.Cmd
	out io.Reader
}

// start starts a child on a disk, which ends when the test does.
func start(t *testing.T, part, dir string) *process {
	t.Helper()
	return startOn(t, "disk", part, dir)
}

// startOn starts a child on a kind of store.
func startOn(t *testing.T, kind, part, dir string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], kind, dir)
	cmd.Env = append(os.Environ(), childEnv+"="+part)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	stdin, err := cmd.StdinPipe() // the child ends with it, should this process die
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &process{cmd, out}
}

// end waits for a child and returns what it printed.
func (p *process) end(t *testing.T) string {
	t.Helper()
	b, err := io.ReadAll(p.out)
	require.NoError(t, errors.Join(err, p.cmd.Wait()))
	return string(b)
}

const rounds = 30 // that a child does

// countUnderLock counts up what is not counted by one operation.
func countUnderLock(s diskcache.Store) error {
	l := NewLock(s, "lock", time.Minute)
	for range rounds {
		err := Barrier(l, func(context.Context) error {
			v, err := s.Get("count")
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(string(v))
			if err != nil {
				return err
			}
			return s.Set("count", strconv.AppendInt(nil, int64(n+1), 10))
		})(context.Background())
		if err != nil {
			return err
		}
	}
	return nil
}

// TestProcessesExclude has processes do under a lock what two of them must not do at once.
func TestProcessesExclude(t *testing.T) {
	dir := t.TempDir()
	s, err := diskcache.Open(dir, nil)
	require.NoError(t, err)
	closing(t, s)
	require.NoError(t, s.Set("count", []byte("0")))
	var all []*process
	for range 3 {
		all = append(all, start(t, "count", dir))
	}
	require.NoError(t, countUnderLock(s))
	for _, p := range all {
		p.end(t)
	}
	v, err := s.Get("count")
	require.NoError(t, err)
	assert.Equal(t, strconv.Itoa(4*rounds), string(v))
}

// printHistory does random operations and prints them, one JSON object after the other.
func printHistory(a acquirer) error {
	c := &client{began: time.Unix(0, 0)} // the clock on the wall is the one that all processes have
	err := c.run(a, rounds, rand.New(rand.NewPCG(rand.Uint64(), 0)))
	out := json.NewEncoder(os.Stdout)
	for _, op := range c.ops {
		o := op.Output.(outcome)
		err = errors.Join(err, out.Encode(printed{op.Input.(action), o.held, o.token, op.Call, op.Return}))
	}
	return err
}

// printed is an operation that a child has done.
type printed struct {
	Action       action
	Held         bool
	Token        uint64
	Call, Return int64
}

// TestProcessesLinearizable is TestLinearizable by several processes.
func TestProcessesLinearizable(t *testing.T) {
	for kind := range shared {
		for part, n := range map[string]int{"lock": 1, "semaphore": 2} {
			t.Run(kind+"/"+part, func(t *testing.T) { testProcessesLinearizable(t, kind, part, n) })
		}
	}
}

func testProcessesLinearizable(t *testing.T, kind, part string, n int) {
	dir := t.TempDir()
	var all []*process
	for range 3 {
		all = append(all, startOn(t, kind, part, dir))
	}
	var history []porcupine.Operation
	for i, p := range all {
		dec := json.NewDecoder(p.out)
		for dec.More() {
			var op printed
			require.NoError(t, dec.Decode(&op))
			history = append(history, porcupine.Operation{ClientId: i, Input: op.Action, Call: op.Call, Output: outcome{op.Held, op.Token}, Return: op.Return})
		}
		p.end(t)
	}
	require.Greater(t, len(history), 3*rounds)
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(model(n), history, time.Minute))
}

// killedLease is how long what a killed process held stays held.
const killedLease = time.Second

// holdUntilKilled acquires a lock, prints its token and keeps it.
func holdUntilKilled(s diskcache.Store) error {
	h, err := NewLock(s, "lock", killedLease).Acquire(context.Background())
	if err != nil {
		return err
	}
	fmt.Println(h.Token())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return h.Release()
}

// TestProcessKilled: what a process held that was killed is free when its lease is over, and the next
// holder has a higher token.
func TestProcessKilled(t *testing.T) {
	dir := t.TempDir()
	s, err := diskcache.Open(dir, nil)
	require.NoError(t, err)
	closing(t, s)
	p := start(t, "hold", dir)
	line, err := bufio.NewReader(p.out).ReadString('\n')
	require.NoError(t, err)
	var token uint64
	_, err = fmt.Sscan(line, &token)
	require.NoError(t, err)
	l := NewLock(s, "lock", killedLease)
	refused(t, l)
	require.NoError(t, p.cmd.Process.Kill())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	h, err := l.Acquire(ctx)
	require.NoError(t, err)
	assert.Greater(t, h.Token(), token)
	require.NoError(t, h.Release())
}
