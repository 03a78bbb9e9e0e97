// Command dcbench shows what the cache does, and measures how fast.
//
//	dcbench demo    caches a source tree, reads it back, and kills a writer
//	dcbench run     measures workloads beside the raw limit of the same machine
//	dcbench compare measures this cache and its peers, each in a process of its own; with
//	                --with python-diskcache --workload 'op-*' each operation beside that one's
//	dcbench report  draws what compare has measured
//	dcbench replay  plays recorded requests and tells how many were hits
//	dcbench torture has processes do anything to one directory, kills and stops them, and
//	                checks whether what they were told can be true
//
// "dcbench run" states every figure as a part of what a loop of plain system
// calls on the same records achieves, in the same process and in turns with it:
// absolute times say more about a machine than about the cache. Its workloads churn
// and sweep ask other questions: what a cache that is kept small by compaction pays for
// it, and how long others wait while very many items are removed at once.
//
// The files, in the order to read them: main.go, then demo.go with tree.go,
// kill.go and child.go; then flags.go, run.go, bench.go, measure.go and
// limit.go, the workload_*.go, and report.go; run_procs.go, process.go, peers.go and
// workload_procs.go for several processes; then compare.go, which says what comes after
// it, the store_*.go, and html.go; then replay.go and replay_*.go; then
// torture.go, torture_crew.go, child_torture.go with torture_client.go, and the others
// of torture_*.go. How histories are checked says the package internal/history.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/go-diskcache/diskcache"
)

// What dcbench ends with.
const (
	exitOK    = 0
	exitWrong = 1 // something was found wrong, or could not be done
	exitUsage = 2

	exitLocked = 3 // of a child: another process has the directory
	exitFalse  = 4 // of compare: a store answered what is not so
	exitGone   = 5 // of a child: the process that it was to signal has ended
)

const usage = `dcbench shows what the cache does, and measures how fast.

usage: dcbench demo   [flags]           cache a source tree, read it back, kill a writer
       dcbench run    [flags]           measure workloads beside the raw limit
       dcbench compare [flags]          measure this cache beside its peers
       dcbench report FILE.json         draw what compare has measured: one HTML file
       dcbench replay [flags] TRACE...  play recorded requests, count the hits
       dcbench torture [flags]          processes on one directory, killed and stopped: is what they were told true?
       dcbench demo -h                  the flags of a command
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is dcbench with its arguments and outputs handed in.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	var err error
	switch name := args[0]; name {
	case "demo":
		err = demo(args[1:], stdout, stderr)
	case "run":
		err = runWorkloads(args[1:], stdout, stderr)
	case "compare":
		err = compare(args[1:], stdout, stderr)
	case "report":
		err = drawReport(args[1:], stdout)
	case "replay":
		err = replay(args[1:], stdout, stderr)
	case "torture":
		err = torture(args[1:], stdout, stderr)
	case childCommand:
		err = child(args[1:], stdout)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
	default:
		err = usageError{fmt.Errorf("unknown command %q; the commands are demo, run, compare, report, replay and torture", name)}
	}
	return exitCode(err, args[0], stderr)
}

// usageError is a wrong use of the command line.
type usageError struct{ error }

func exitCode(err error, command string, stderr io.Writer) int {
	var wrong usageError
	var untrue wrongError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "dcbench %s: %v\nsee dcbench %[1]s -h\n", command, err)
		return exitUsage
	case command == childCommand && errors.Is(err, diskcache.ErrLocked):
		fmt.Fprintln(stderr, err)
		return exitLocked
	case errors.As(err, &untrue):
		fmt.Fprintf(stderr, "dcbench %s: %v\n", command, err)
		return exitFalse
	case command == childCommand && errors.Is(err, os.ErrProcessDone):
		return exitGone
	default:
		fmt.Fprintf(stderr, "dcbench %s: %v\n", command, err)
		return exitWrong
	}
}

// parseFlags parses the flags of a command that takes nothing else.
func parseFlags(fs *flag.FlagSet, args []string, stdout io.Writer) error {
	operands, err := parseArgs(fs, args, "", stdout)
	if err == nil && len(operands) > 0 {
		return usageError{fmt.Errorf("unexpected argument %q", operands[0])}
	}
	return err
}

// parseArgs parses the flags of a command and returns what is no flag, wherever it
// stands. Help goes to stdout, for it was asked for; what is wrong is returned and
// printed in one place.
func parseArgs(fs *flag.FlagSet, args []string, usage string, stdout io.Writer) (operands []string, err error) {
	for {
		fs.SetOutput(io.Discard)
		err := fs.Parse(args)
		switch {
		case errors.Is(err, flag.ErrHelp):
			fs.SetOutput(stdout)
			fmt.Fprintf(stdout, "usage: dcbench %s [flags]%s\n", fs.Name(), usage)
			fs.PrintDefaults()
			return nil, err
		case err != nil:
			return nil, usageError{err}
		case fs.NArg() == 0:
			return operands, nil
		}
		operands, args = append(operands, fs.Arg(0)), fs.Args()[1:]
	}
}
