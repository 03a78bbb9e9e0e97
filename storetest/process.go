package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/internal/history"
	"github.com/stretchr/testify/require"
)

// RunProcesses tests what is atomic in a store that several processes have open: the test binary
// runs itself, in the test that has called this. open opens the store in a directory.
func RunProcesses(t *testing.T, open func(dir string) (diskcache.Store, error)) {
	if !history.Shared {
		t.Skip("this system has no clock that processes share, as far as is known")
	}
	for _, c := range concat(linearCases, processCases) {
		t.Run(c.name, func(t *testing.T) {
			e := &env{T: t, crew: &crew{open: open, dir: os.Getenv(childDir)}}
			if e.crew.dir == "" {
				e.crew.dir = t.TempDir()
			}
			c.run(e)
		})
	}
}

const (
	processes   = 2
	clientsEach = 2

	// A child finds there which directory it is to work in, what the first of its clients is
	// called, and where it is to write what they have done.
	childDir    = "STORETEST_DIR"
	childClient = "STORETEST_CLIENT"
	childLog    = "STORETEST_LOG"
)

// crew is the processes of a test.
type crew struct {
	open func(dir string) (diskcache.Store, error)
	dir  string
}

// done is an operation as it is written down.
type done struct {
	Client         int
	Began, Ended   int64
	Op             string
	Arg, Got, More int
	OK             bool
}

// history has children do operations at once. When they have ended the store is opened here. In a
// child it ends the test.
func (c *crew) history(e *env, operations int, run func(r *rand.Rand, id int) (call, error)) []porcupine.Operation {
	e.Helper()
	if os.Getenv(childDir) != "" {
		c.child(e, operations, run)
	}
	var ops []porcupine.Operation
	for _, d := range c.parent(e) {
		what := call{d.Op, d.Arg, d.Got, d.OK, d.More}
		ops = append(ops, porcupine.Operation{ClientId: d.Client, Input: what, Output: what, Call: d.Began, Return: d.Ended})
	}
	require.Len(e, ops, processes*clientsEach*operations)
	var err error
	e.Store, err = c.open(c.dir)
	require.NoError(e, err)
	e.Cleanup(func() { require.NoError(e, e.Store.Close()) })
	return ops
}

// parent runs the children and returns what they have done.
func (c *crew) parent(e *env) (all []done) {
	e.Helper()
	var children []*child
	logs := e.TempDir()
	for i := range processes {
		children = append(children, start(e, c.dir, i*clientsEach, filepath.Join(logs, fmt.Sprint(i))))
	}
	for _, p := range children {
		p.ready(e)
	}
	for _, p := range children { // they all begin
		require.NoError(e, p.stdin.Close())
	}
	for _, p := range children {
		all = append(all, p.end(e)...)
	}
	return all
}

// child is another process.
type child struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout io.Reader
	said   bytes.Buffer
	log    string
}

// start starts a child that does the same test, and ends with it.
func start(e *env, dir string, client int, log string) *child {
	e.Helper()
	var name []string
	for part := range strings.SplitSeq(e.Name(), "/") {
		name = append(name, "^"+regexp.QuoteMeta(part)+"$")
	}
	p := &child{cmd: exec.Command(os.Args[0], "-test.run="+strings.Join(name, "/"), "-test.count=1"), log: log}
	p.cmd.Env = append(os.Environ(), childDir+"="+dir, childClient+"="+fmt.Sprint(client), childLog+"="+log)
	p.cmd.Stderr = os.Stderr
	var err error
	p.stdout, err = p.cmd.StdoutPipe()
	require.NoError(e, err)
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(e, err)
	require.NoError(e, p.cmd.Start())
	e.Cleanup(func() {
		_ = p.stdin.Close()
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	return p
}

const readyLine = "storetest: ready\n"

// ready waits until the child has opened the store.
func (p *child) ready(e *env) {
	e.Helper()
	b := make([]byte, 1)
	for !strings.HasSuffix(p.said.String(), readyLine) {
		_, err := io.ReadFull(p.stdout, b)
		require.NoError(e, err, "%s", &p.said)
		p.said.Write(b)
	}
}

// end waits for the end of the child, and returns what it has done.
func (p *child) end(e *env) (all []done) {
	e.Helper()
	_, err := io.Copy(&p.said, p.stdout)
	require.NoError(e, err)
	require.NoError(e, p.cmd.Wait(), "%s", &p.said)
	b, err := os.ReadFile(p.log)
	require.NoError(e, err, "%s", &p.said)
	require.NoError(e, json.Unmarshal(b, &all))
	return all
}

// child does its part of a test and ends it.
func (c *crew) child(e *env, operations int, run func(r *rand.Rand, id int) (call, error)) {
	var from int
	_, err := fmt.Sscan(os.Getenv(childClient), &from)
	require.NoError(e, err)
	e.Store, err = c.open(c.dir)
	require.NoError(e, err)
	fmt.Print(readyLine)
	_, err = io.Copy(io.Discard, os.Stdin) // until all are ready
	require.NoError(e, err)
	ops, err := clients{from, clientsEach, history.Now}.work(operations, run)
	require.NoError(e, err)
	require.NoError(e, e.Close())
	var all []done
	for _, o := range ops {
		c := o.Input.(call)
		all = append(all, done{o.ClientId, o.Call, o.Return, c.op, c.arg, c.got, c.more, c.ok})
	}
	b, err := json.Marshal(all)
	require.NoError(e, err)
	require.NoError(e, os.WriteFile(os.Getenv(childLog), b, 0o600))
	e.SkipNow()
}
