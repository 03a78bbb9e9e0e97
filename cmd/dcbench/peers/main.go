// Command peers has the stores that "dcbench compare" compares the cache with. It is a module of its
// own, so that the library does not depend on any of them. dcbench builds and starts it.
//
//	peers list         the names of the stores, one a line
//	peers store NAME   be one of them: see the package contest
//
// There is one file for each. How they are opened, where that is not the default, is told beside
// their figures (contest.Promises), and so is what they do not promise.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// kinds are all stores, in the order in which they are told of.
var kinds = []contest.Kind{
	bboltKind, pebbleKind, badgerKind, rosedbKind, nutsdbKind, bitcaskKind, pogrebKind, sqliteKind, fastcacheKind, otterKind,
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in io.Reader, out, errs io.Writer) int {
	switch {
	case len(args) == 1 && args[0] == "list":
		for _, k := range kinds {
			fmt.Fprintln(out, k.Name)
		}
		return 0
	case len(args) == 2 && args[0] == "store":
		return serve(args[1], in, out, errs)
	}
	fmt.Fprintln(errs, "usage: peers list | peers store NAME")
	return 2
}

func serve(name string, in io.Reader, out, errs io.Writer) int {
	i := slices.IndexFunc(kinds, func(k contest.Kind) bool { return k.Name == name })
	if i < 0 {
		fmt.Fprintf(errs, "peers: unknown store %q\n", name)
		return 2
	}
	k := kinds[i]
	k.Version = versionOf(k.Version)
	if err := contest.Serve(k, in, out); err != nil {
		fmt.Fprintf(errs, "peers: %s: %v\n", name, err)
		return 1
	}
	return 0
}
