// Command mutants breaks the product on purpose, one defect at a time, and runs
// the tests that should notice. A defect that no test notices is a test that is
// missing. Nothing in the tree is changed: each defect is an overlay of one file.
//
//	go run ./internal/mutants [-run PATTERN] [-jobs N] [-v]
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// mutant is one deliberate defect.
type mutant struct {
	name  string
	file  string
	old   string // stands in the file exactly once
	new   string
	tests string // pattern of tests
	pkg   string // where they are
}

// all are those of the cache and those of what builds on it.
var all = slices.Concat(mutants, layers)

// testTimeout ends tests that a defect makes hang, which counts as noticing.
const testTimeout = 4 * time.Minute

func main() {
	pattern := flag.String("run", ".", "only defects whose names match")
	jobs := flag.Int("jobs", 2, "defects at a time")
	verbose := flag.Bool("v", false, "show what the tests print")
	flag.Parse()
	re, err := regexp.Compile(*pattern)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	var chosen []mutant
	for _, m := range all {
		if re.MatchString(m.name) {
			chosen = append(chosen, m)
		}
	}
	caught, bad := runAll(chosen, *jobs, *verbose)
	fmt.Printf("%d of %d defects caught\n", caught, len(chosen))
	if bad || caught < len(chosen) {
		os.Exit(1)
	}
}

// runAll runs the tests against each defect. bad: some defect could not be made.
func runAll(chosen []mutant, jobs int, verbose bool) (caught int, bad bool) {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		slots = make(chan struct{}, max(jobs, 1))
	)
	for _, m := range chosen {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			start := time.Now()
			ok, out, err := m.run()
			mu.Lock()
			defer mu.Unlock()
			verdict := "SURVIVED"
			switch {
			case err != nil:
				verdict, bad = "NOT MADE: "+err.Error(), true
			case ok:
				verdict = "caught"
				caught++
			}
			fmt.Printf("%-34s %-9s %6.1fs  %s\n", m.name, verdict, time.Since(start).Seconds(), firstFailure(out))
			if verbose {
				fmt.Println(out)
			}
		})
	}
	wg.Wait()
	return caught, bad
}

// run applies the defect and reports whether the tests noticed.
func (m mutant) run() (caught bool, out string, err error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return false, "", err
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(dir)
	if err != nil {
		return false, "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout+time.Minute)
	defer cancel()
	args := []string{"test", "-overlay", overlay, "-count=1", "-failfast", "-timeout", testTimeout.String(), "-run", m.tests, m.pkg}
	if m.pkg == engineTests {
		args = append(args, "-rapid.nofailfile") // what fails here is no news to the tests
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.WaitDelay = time.Second
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	err = cmd.Run()
	out = b.String()
	switch {
	case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
		return false, out, fmt.Errorf("it does not compile:\n%s", out)
	case strings.Contains(out, "no tests to run"):
		return false, out, fmt.Errorf("no test matches %s", m.tests)
	}
	return err != nil, out, nil
}

// overlay writes the changed file and what go test has to know of it to dir.
func (m mutant) overlay(dir string) (string, error) {
	src, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(src), m.old); n != 1 {
		return "", fmt.Errorf("%s has %q %d times, not once", m.file, m.old, n)
	}
	changed := filepath.Join(dir, filepath.Base(m.file))
	if err := os.WriteFile(changed, []byte(strings.Replace(string(src), m.old, m.new, 1)), 0o600); err != nil {
		return "", err
	}
	abs, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {abs: changed}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, list, 0o600)
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)|^(panic: .*|fatal error: .*)`)

// firstFailure returns the name of the test that noticed.
func firstFailure(out string) string {
	m := failure.FindStringSubmatch(out)
	if m == nil {
		return ""
	}
	return m[1] + m[2]
}
