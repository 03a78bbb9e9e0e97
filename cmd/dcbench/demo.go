package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// demoParams are the flags of "dcbench demo".
type demoParams struct {
	dir, src string
	rounds   int
	seed     uint64
}

func parseDemo(args []string, stdout io.Writer) (*demoParams, error) {
	p := &demoParams{}
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	fs.StringVar(&p.dir, "dir", "", "make the caches in `dir`, which must be empty or absent, and leave them there (default: a temporary one that is removed)")
	fs.StringVar(&p.src, "src", "", "cache the files of `dir` (default: src in the directory that \"go env GOROOT\" names)")
	fs.IntVar(&p.rounds, "rounds", 25, "`times` that a writer is killed")
	fs.Uint64Var(&p.seed, "seed", 0, "`seed` of all that is random (default: random)")
	if err := parseFlags(fs, args, stdout); err != nil {
		return nil, err
	}
	if err := inRange("--rounds", p.rounds, 1, maxRounds); err != nil {
		return nil, usageError{err}
	}
	if p.seed == 0 {
		p.seed = rand.Uint64()
	}
	return p, nil
}

// errWrong ends a demo that has found something wrong and said what.
var errWrong = errors.New("the cache lost something or returned a wrong value; see above")

// demo caches a source tree and compares it with the original, and kills a
// writer to see whether what it said to be stored is there.
func demo(args []string, stdout, stderr io.Writer) error {
	p, err := parseDemo(args, stdout)
	if err != nil {
		return err
	}
	if p.src == "" {
		if p.src, err = goSource(); err != nil {
			return err
		}
	}
	dir, cleanUp, err := p.workDir()
	if err != nil {
		return err
	}
	return errors.Join(p.show(dir, stdout, stderr), cleanUp())
}

func goSource() (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	root := strings.TrimSpace(string(out))
	if err != nil || root == "" {
		return "", fmt.Errorf("go env GOROOT: %w; say with --src what to cache", errors.Join(err, errors.New("no directory")))
	}
	return filepath.Join(root, "src"), nil
}

// workDir returns the directory to make the caches in, and what to do with it in
// the end.
func (p *demoParams) workDir() (dir string, cleanUp func() error, err error) {
	if p.dir == "" {
		dir, err = os.MkdirTemp("", "dcbench-demo-")
		return dir, func() error { return os.RemoveAll(dir) }, err
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return "", nil, err
	}
	list, err := os.ReadDir(p.dir)
	if err == nil && len(list) > 0 {
		err = usageError{fmt.Errorf("--dir %s is not empty", p.dir)}
	}
	return p.dir, func() error { return nil }, err
}

func (p *demoParams) show(dir string, stdout, stderr io.Writer) error {
	fmt.Fprintf(stdout, "%v, seed %d\n", thisEnvironment(), p.seed)
	files, err := p.showTree(filepath.Join(dir, "files"), stdout, stderr)
	if err != nil {
		return err
	}
	kills, err := p.showKills(filepath.Join(dir, "killed"), stdout, stderr)
	if err != nil {
		return err
	}
	if wrong := append(files.wrong, kills.wrong...); len(wrong) > 0 {
		tellWrong(wrong, stdout)
		return errWrong
	}
	fmt.Fprintln(stdout, "verdict: every file equal, nothing lost, no wrong value")
	return nil
}

func (p *demoParams) showTree(dir string, stdout, stderr io.Writer) (*treeOutcome, error) {
	t, err := readTree(p.src)
	if err != nil {
		return nil, err
	}
	o := &treeOutcome{}
	bar := newProgress(stderr, "storing and comparing", 2*len(t.paths))
	err = t.store(dir, o, bar)
	if err == nil {
		err = t.compare(dir, o, bar)
	}
	bar.done()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(stdout, "files of %s\n", p.src)
	fmt.Fprintf(stdout, "  stored    %d files of %s bytes in %s\n", o.files, size(o.bytes), round(o.storing))
	fmt.Fprintf(stdout, "  on disk   %s bytes, %.2f to 1; without %d large ones (%s), which are stored as they are, zstd makes it %.2f to 1\n",
		size(o.disk), quotient(o.bytes, o.disk), o.large, size(o.largeBytes), quotient(o.bytes-o.largeBytes, o.disk-o.largeBytes))
	fmt.Fprintf(stdout, "  closed    in %s, opened again in %s\n", round(o.closing), round(o.opening))
	fmt.Fprintf(stdout, "  read      in %s, and compared with the originals: %d wrong\n", round(o.reading), len(o.wrong))
	return o, nil
}

func (p *demoParams) showKills(dir string, stdout, stderr io.Writer) (*killOutcome, error) {
	bar := newProgress(stderr, "killing a writer", p.rounds)
	start := time.Now()
	o, err := newKilling(dir, p.seed).run(p.rounds, bar)
	bar.done()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(stdout, "a writing process, killed %d times in %s\n", o.rounds, round(time.Since(start)))
	fmt.Fprintf(stdout, "  told      %d sets and deletes to be done before it died\n", o.changes)
	fmt.Fprintf(stdout, "  opened    %d times to look at every key, in %s at most: %d wrong\n", o.opened, round(o.slowest), len(o.wrong))
	return o, nil
}

// tellWrong prints what is wrong, cut where it is very much.
func tellWrong(wrong []string, stdout io.Writer) {
	const most = 20
	for i, w := range wrong {
		if i == most {
			fmt.Fprintf(stdout, "… and %d more\n", len(wrong)-most)
			return
		}
		fmt.Fprintln(stdout, "WRONG", w)
	}
}

func quotient(a, b int64) float64 { return float64(a) / float64(b) }

func round(d time.Duration) string { return short(int64(d)) }
