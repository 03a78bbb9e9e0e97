package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

// TestMain lets the test binary be the child that dcbench starts and kills, or the program of
// peers.
func TestMain(m *testing.M) {
	if code, called := fakeProgram(os.Args[1:]); called {
		os.Exit(code)
	}
	if len(os.Args) > 1 && os.Args[1] == childCommand {
		main()
	}
	goleak.VerifyTestMain(m)
}

// dcbench runs a command line.
func dcbench(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestWrongUse(t *testing.T) {
	for _, test := range []struct {
		args []string
		says string
	}{
		{nil, "usage: dcbench demo"},
		{[]string{"walk"}, `unknown command "walk"`},
		{[]string{"child"}, "is how dcbench starts itself"},
		{[]string{"run", "-x"}, "flag provided but not defined: -x"},
		{[]string{"run", "now"}, `unexpected argument "now"`},
		{[]string{"run", "-w", "fillseq,fly"}, `unknown workload "fly"; the workloads are fillseq,`},
		{[]string{"run", "-n", "0"}, "-n 0 is not from 1 to"},
		{[]string{"run", "-n", "many"}, `invalid value "many" for flag -n`},
		{[]string{"run", "-c", "1,0"}, "-c 0 is not from 1 to"},
		{[]string{"run", "--value-size", "1K"}, `--value-size "1K" is not a number`},
		{[]string{"run", "--value-size", "-1"}, "--value-size -1 is not from 0 to"},
		{[]string{"run", "--key-size", "7"}, "--key-size 7 is not from 8 to 65536"},
		{[]string{"run", "--keys", "zipf"}, `unknown --keys "zipf"; it is uniform, or zipf:θ`},
		{[]string{"run", "--keys", "zipf:NaN"}, `unknown --keys "zipf:NaN"`},
		{[]string{"run", "--sync", "often"}, `unknown --sync "often"; it is never, interval or always`},
		{[]string{"run", "--compression", "gzip"}, `unknown --compression "gzip"; it is none, lz4 or zstd`},
		{[]string{"run", "--rounds", "0"}, "--rounds 0 is not from 1 to"},
		{[]string{"run", "--limit", "1"}, "--limit 1 is not over 1 and at most 100"},
		{[]string{"run", "--limit", "NaN"}, "--limit NaN is not over 1"},
		{[]string{"run", "--settle", "-1s"}, "--settle -1s is less than 0"},
		{[]string{"run", "--procs", "0"}, "--procs 0 is not from 1 to 64"},
		{[]string{"run", "-w", "sweep", "--procs", "2"}, "sweep is for one process"},
		{[]string{"torture", "--scenario", "rack"}, `unknown scenario "rack"; the scenarios are histories,incr,add,poll,kill`},
		{[]string{"torture", "--procs", "0"}, "--procs 0 is not from 1 to 256"},
		{[]string{"torture", "--limit", "1"}, "--limit 1 is less than"},
		{[]string{"torture", "--time", "-1s"}, "--time -1s is less than 0"},
		{[]string{"torture", "--check-time", "0"}, "--check-time 0s is not over 0"},
		{[]string{"child", "torture", "--mix", "none"}, `unknown --mix "none"`},
		{[]string{"compare", "--workload", "fly"}, `unknown workload "fly"; the workloads are set,`},
		{[]string{"compare", "--format", "xml"}, `unknown --format "xml"`},
		{[]string{"compare", "-n", "10"}, "-n 10 is not from 100 to"},
		{[]string{"compare", "--time", "1us"}, "--time 1µs is less than a millisecond"},
		{[]string{"compare", "--rate", "-1"}, "--rate -1 is less than 0"},
		{[]string{"compare", "--rate", "NaN"}, "--rate NaN is less than 0"},
		{[]string{"compare", "--bytes", "1"}, "--bytes 1 is less than"},
		{[]string{"compare", "--patience", "0"}, "--patience 0s is not over 0"},
		{[]string{"report"}, "one file of JSON is to be given, not 0"},
		{[]string{"child", "store", "fly"}, `unknown store "fly"`},
		{[]string{"demo", "--rounds", "0"}, "--rounds 0 is not from 1 to"},
		{[]string{"demo", "--seed", "x"}, `invalid value "x" for flag -seed`},
	} {
		code, stdout, stderr := dcbench(test.args...)
		assert.Equal(t, exitUsage, code, test.args)
		assert.Empty(t, stdout, test.args)
		assert.Contains(t, stderr, test.says, test.args)
	}
}

func TestHelp(t *testing.T) {
	for args, says := range map[string]string{"help": "usage: dcbench demo", "run": "-value-size bytes", "replay": "dcbench replay [flags] TRACE...", "demo": "-src dir", "torture": "-scenario scenarios", "compare": "-quick", "report": "dcbench report [flags] FILE.json"} {
		line := []string{args}
		if args != "help" {
			line = append(line, "-h")
		}
		code, stdout, stderr := dcbench(line...)
		assert.Equal(t, exitOK, code, args)
		assert.Contains(t, stdout, says)
		assert.Empty(t, stderr)
	}
}

// A directory that is not there is no wrong use of the command line.
func TestCannotBeDone(t *testing.T) {
	missing := t.TempDir() + "/missing"
	for _, args := range [][]string{
		{"run", "-n", "1", "--dir", missing},
		{"demo", "--src", missing},
		{"run", "-n", "1", "--cpuprofile", missing + "/file"},
		{"compare", "--dir", missing},
		{"compare", "--peers", missing},
		{"report", missing},
	} {
		code, _, stderr := dcbench(args...)
		assert.Equal(t, exitWrong, code, args)
		assert.Contains(t, stderr, missing)
	}
}
