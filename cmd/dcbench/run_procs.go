package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/go-diskcache/diskcache"
)

// A workload in several processes: each runs it with one directory and keys of its own,
// and they begin every round together. The limit of each has files of its own.
//
//	child:  ready   a round is to begin; it does on go
//	parent: go
//	child:  {...}   a result, in the end

const (
	ready = "ready"
	goOn  = "go"
)

// sharer is one of the processes.
type sharer struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	stderr  bytes.Buffer
	results []result
}

// runShared measures one workload in several processes.
func runShared(p *params, w *workload, valueSize, goroutines int, dir string, bar progress) (results []result, err error) {
	var all []*sharer
	defer func() {
		for _, s := range all {
			if s.cmd.ProcessState == nil { // another has failed
				err = errors.Join(err, ignoreDone(s.cmd.Process.Kill()))
				_ = s.cmd.Wait() // with the death that it was given
			}
		}
	}()
	for place := range p.procs {
		own := filepath.Join(dir, strconv.Itoa(place))
		if err := os.Mkdir(own, 0o700); err != nil {
			return nil, err
		}
		s, err := startSharer(p.shareArgs(w, valueSize, goroutines, place, own, filepath.Join(dir, "cache")))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	for {
		waiting := 0
		for i, s := range all {
			was, err := s.listen()
			if err != nil {
				return nil, fmt.Errorf("process %d: %w", i, err)
			}
			if was {
				waiting++
			}
		}
		switch {
		case waiting == 0:
			return sumUp(all), nil
		case waiting < len(all):
			return nil, errors.New("some processes have more rounds than others")
		}
		for i, s := range all {
			if _, err := fmt.Fprintln(s.in, goOn); err != nil {
				return nil, fmt.Errorf("process %d: %w", i, err)
			}
		}
		bar.step()
	}
}

func ignoreDone(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// shareArgs are what a process is started with.
func (p *params) shareArgs(w *workload, valueSize, goroutines, place int, own, cache string) []string {
	return []string{
		childShare, strconv.Itoa(place), cache, "-w", w.name, "-n", fmt.Sprint(p.n), "-c", fmt.Sprint(goroutines), "--value-size", fmt.Sprint(valueSize),
		"--key-size", fmt.Sprint(p.keySize), "--keys", p.keys.Name, "--sync", p.sync.name, "--compression", p.compress.name,
		"--no-map=" + strconv.FormatBool(p.noMap), "--network=" + strconv.FormatBool(p.network), "--freshness", p.freshness.String(),
		"--seed", fmt.Sprint(p.seed), "--rounds", fmt.Sprint(p.rounds), "--dir", own,
	}
}

func startSharer(args []string) (*sharer, error) {
	cmd, err := newChild(args...)
	if err != nil {
		return nil, err
	}
	s := &sharer{cmd: cmd}
	cmd.Stderr = &s.stderr
	if s.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	return s, cmd.Start()
}

// listen returns whether the process waits for the others, or else when it has ended,
// its results read.
func (s *sharer) listen() (waits bool, err error) {
	for {
		line, err := s.out.ReadBytes('\n')
		if err != nil {
			return false, s.ended()
		}
		if string(bytes.TrimSpace(line)) == ready {
			return true, nil
		}
		var r result
		if err := json.Unmarshal(line, &r); err != nil {
			return false, fmt.Errorf("it said %q: %w", line, err)
		}
		s.results = append(s.results, r)
	}
}

func (s *sharer) ended() error {
	err := s.cmd.Wait()
	if s.cmd.ProcessState.ExitCode() == exitLocked {
		err = fmt.Errorf("%w: another process has the directory for itself", diskcache.ErrLocked)
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, tail(s.stderr.Bytes()))
	}
	return nil
}

// sumUp makes one result of what each process has: rates are added up, percentiles are
// those of the slowest.
func sumUp(all []*sharer) []result {
	sum := all[0].results
	for i := range sum {
		r := &sum[i]
		r.PerProcess = []float64{r.OpsPerSec}
		for _, s := range all[1:] {
			r.addProcess(&s.results[i])
		}
	}
	return sum
}

func (r *result) addProcess(o *result) {
	r.PerProcess = append(r.PerProcess, o.OpsPerSec)
	r.setRate(r.OpsPerSec + o.OpsPerSec)
	if r.Limit != nil && o.Limit != nil {
		r.setLimit(*r.Limit + *o.Limit)
	}
	if r.MappedLimit != nil && o.MappedLimit != nil {
		r.MappedLimit = new(*r.MappedLimit + *o.MappedLimit)
	}
	r.P50, r.P99, r.P999 = max(r.P50, o.P50), max(r.P99, o.P99), max(r.P999, o.P999)
	r.Seconds, r.Disk = max(r.Seconds, o.Seconds), max(r.Disk, o.Disk)
	r.RSS += o.RSS
	r.Written += o.Written
}

// share is the child command: one process of several that run a workload.
func share(args []string, stdin io.Reader, stdout io.Writer) (err error) {
	if len(args) < 2 {
		return usageError{errors.New("share: place and directory are missing")}
	}
	place, err := strconv.ParseUint(args[0], 10, 15)
	if err != nil {
		return usageError{err}
	}
	p, err := parseParams(args[2:], io.Discard)
	if err != nil {
		return err
	}
	b := newBench(p, p.workloads[0], p.valueSizes[0], p.goroutines[0], p.dir)
	defer b.close()
	b.sharedDir = args[1]
	for _, w := range b.workers {
		w.base = place << 48
	}
	lines := bufio.NewReader(stdin)
	b.together = func() error {
		fmt.Fprintln(stdout, ready)
		_, err := lines.ReadString('\n')
		return err
	}
	results, err := b.w.run(b)
	if err != nil {
		return err
	}
	for i := range results {
		printJSON(stdout, &results[i])
	}
	return nil
}
