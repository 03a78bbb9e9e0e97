package main

import (
	"io"
	"os"
	"runtime/pprof"
)

// runWorkloads is "dcbench run".
func runWorkloads(args []string, stdout, stderr io.Writer) error {
	p, err := parseParams(args, stdout)
	if err != nil {
		return err
	}
	stop, err := startProfile(p.cpuProfile)
	if err != nil {
		return err
	}
	out := newReport(p, stdout)
	out.begin()
	speedups := make(map[point]float64)
	for _, w := range p.workloads {
		for _, size := range p.valueSizes {
			for _, c := range p.goroutines {
				results, err := runOne(p, w, size, c, stderr)
				if err != nil {
					return err
				}
				for i := range results {
					results[i].compareWith(speedups, p.goroutines)
					out.add(&results[i])
				}
			}
		}
	}
	out.end()
	return stop()
}

// runOne measures one workload in a directory of its own.
func runOne(p *params, w *workload, valueSize, goroutines int, stderr io.Writer) (results []result, err error) {
	dir, err := os.MkdirTemp(p.dir, "dcbench-")
	if err != nil {
		return nil, err
	}
	b := newBench(p, w, valueSize, goroutines, dir)
	b.bar, b.stderr = newProgress(stderr, w.name, w.sides*p.rounds+1), stderr
	defer func() {
		b.bar.done()
		b.close()
		if rerr := os.RemoveAll(dir); err == nil {
			err = rerr
		}
	}()
	if p.procs > 1 && !w.several {
		return runShared(p, w, valueSize, goroutines, dir, b.bar)
	}
	return w.run(b)
}

func startProfile(name string) (stop func() error, err error) {
	if name == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
