package main

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/go-diskcache/diskcache"
)

// A peer is a process that does what it is told with a cache, line by line: dcbench, or
// Python with python-diskcache.
//
//	open | close | set FROM TO | get FROM TO     "ok" and the nanoseconds that it took,
//	write | stop                                 or "error" and what is wrong
//
// From write on it sets keys of its own as fast as it can, until stop.
type peer interface {
	do(format string, args ...any) (time.Duration, error)
	end() error
}

// peerKeys are how many keys a writing peer has of its own.
const peerKeys = 1000

// process is a peer that is one.
type process struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

func startPeer(name string, cmd *exec.Cmd) (*process, error) {
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &process{name, cmd, in, bufio.NewReader(out)}, cmd.Start()
}

func (p *process) do(format string, args ...any) (time.Duration, error) {
	order := fmt.Sprintf(format, args...)
	if _, err := fmt.Fprintln(p.in, order); err != nil {
		return 0, fmt.Errorf("%s: %s: %w", p.name, order, err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("%s: %s: it ended: %w", p.name, order, err)
	}
	took, ok := strings.CutPrefix(strings.TrimSpace(line), "ok ")
	ns, err := strconv.ParseInt(took, 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("%s: %s: %s", p.name, order, strings.TrimSpace(line))
	}
	return time.Duration(ns), nil
}

func (p *process) end() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }

// goPeer starts dcbench as a peer. Its own keys are from base on.
func goPeer(b *bench, dir string, base uint64) (*process, error) {
	cmd, err := newChild(childPeer, "--dir", dir, "-n", fmt.Sprint(base), "--value-size", fmt.Sprint(b.valueSize), "--sync", b.p.sync.name,
		"--compression", b.p.compress.name)
	if err != nil {
		return nil, err
	}
	return startPeer("dcbench", cmd)
}

//go:embed procs_peer.py
var pythonScript string

// hasPython reports why python-diskcache cannot be measured, or nil.
func hasPython(python string) error {
	out, err := exec.Command(python, "-c", "import diskcache").CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s -c \"import diskcache\": %w %s", python, err, lines[len(lines)-1])
	}
	return nil
}

func pythonPeer(python string, valueSize int, dir string, base uint64) (*process, error) {
	cmd := exec.Command(python, "-c", pythonScript, dir, fmt.Sprint(valueSize), fmt.Sprint(base))
	return startPeer("python-diskcache", cmd)
}

// peerChild is dcbench as a peer.
type peerChild struct {
	b       *bench
	base    uint64
	writing chan error // gives what came of it, once quit is closed
	quit    chan struct{}
}

// obey is the child command: it does what it is told until its input ends.
func obey(args []string, stdin io.Reader, stdout io.Writer) error {
	p, err := parseParams(args, io.Discard)
	if err != nil {
		return err
	}
	c := &peerChild{b: newBench(p, nil, p.valueSizes[0], 2, p.dir), base: uint64(p.n)}
	for lines := bufio.NewScanner(stdin); lines.Scan(); {
		took, err := c.do(strings.Fields(lines.Text()))
		if err != nil {
			fmt.Fprintf(stdout, "error %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		fmt.Fprintf(stdout, "ok %d\n", took)
	}
	return nil
}

func (c *peerChild) do(words []string) (took time.Duration, err error) {
	var from, to int
	if len(words) == 3 {
		var ferr, terr error
		from, ferr = strconv.Atoi(words[1])
		to, terr = strconv.Atoi(words[2])
		if err := errors.Join(ferr, terr); err != nil {
			return 0, err
		}
	} else if len(words) != 1 {
		return 0, fmt.Errorf("unknown order %q", words)
	}
	b, w := c.b, c.b.workers[0]
	start := time.Now()
	switch words[0] {
	case "open":
		b.cache, err = diskcache.Open(b.dir, new(b.options()))
	case "close":
		err = b.cache.Close()
	case "set":
		err = doAll(w, from, to, func(w *worker, i int) error { return w.set(b.cache, c.base+uint64(i)) })
	case "get":
		err = doAll(w, from, to, func(w *worker, i int) error { return w.get(b.cache, c.base+uint64(i)) })
	case "write":
		c.write()
	case "stop":
		close(c.quit)
		err = <-c.writing
	default:
		err = fmt.Errorf("unknown order %q", words)
	}
	return time.Since(start), err
}

// write sets keys of its own until it is told to stop.
func (c *peerChild) write() {
	c.quit, c.writing = make(chan struct{}), make(chan error, 1)
	w := c.b.workers[1]
	go func() {
		c.writing <- until(c.quit, func(i int) error { return w.set(c.b.cache, c.base+uint64(i%peerKeys)) })
	}()
}
