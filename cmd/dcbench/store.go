package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// ownName is the library's among the stores.
const ownName = "diskcache"

// stores are those that need nothing but this module.
var stores = []contest.Kind{
	{Promises: contest.Promises{Name: ownName, Verified: true, Shared: true, Bounded: true, Survives: true}, Open: openLibrary},
	{Promises: contest.Promises{
		Name: "limit", Opened: "one pwrite a record, one pread and a checksum a Get; an array in place of an index",
		Verified: true, Survives: true, Limit: true,
	}, Open: openLimit},
	{Promises: contest.Promises{
		Name: "limit-mapped", Opened: "appended through a buffer of 256 KiB, read where the file is mapped, and summed",
		Verified: true, Limit: true,
	}, Open: openMappedLimit},
	{Promises: contest.Promises{
		Name: "files", Opened: "a file for each key in 256 directories, renamed into place", Shared: true, Survives: true,
	}, Open: openFiles},
}

// serveStore is the child command: a process with one of the stores.
func serveStore(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return usageError{errors.New("store: its name is missing")}
	}
	i := slices.IndexFunc(stores, func(k contest.Kind) bool { return k.Name == args[0] })
	if i < 0 {
		return usageError{fmt.Errorf("unknown store %q; the stores are %s", args[0], strings.Join(namesOfStores(stores), ","))}
	}
	return contest.Serve(stores[i], in, out)
}

func namesOfStores(kinds []contest.Kind) []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return names
}
