package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/internal/history"
)

// task is what a tortured process is started with.
type task struct {
	dir       string
	mix       string
	seed      uint64
	client    int // the first one's id
	owner     int // the first one's
	parts     int
	clients   int
	ops       int // of each client; 0: until its input ends
	keys      int
	limit     int64
	sizes     sizeClass
	network   bool
	freshness time.Duration
	patience  time.Duration // for how long it tries to open the cache
	anew      bool          // who comes after one that was killed begins at the beginning; it need not be told
}

// args returns the task as a command line, which parseTask reads.
func (t *task) args() []string {
	return []string{
		childTorture, "--dir", t.dir, "--mix", t.mix, "--seed", fmt.Sprint(t.seed), "--client", fmt.Sprint(t.client),
		"--owner", fmt.Sprint(t.owner), "--parts", fmt.Sprint(t.parts), "--clients", fmt.Sprint(t.clients),
		"--ops", fmt.Sprint(t.ops), "--keys", fmt.Sprint(t.keys), "--limit", fmt.Sprint(t.limit), "--sizes", string(t.sizes),
		"--network=" + fmt.Sprint(t.network), "--freshness", t.freshness.String(),
		"--patience", t.patience.String(),
	}
}

// options are what the cache is opened with.
func (t *task) options() diskcache.Options {
	o := tortureOptions(t.limit)
	if t.network {
		o.Network, o.Freshness = diskcache.NetworkYes, t.freshness
	}
	return o
}

func parseTask(args []string, stdout io.Writer) (*task, error) {
	t := &task{}
	fs := flag.NewFlagSet(childCommand, flag.ContinueOnError)
	fs.StringVar(&t.dir, "dir", "", "")
	fs.StringVar(&t.mix, "mix", "", "")
	fs.Uint64Var(&t.seed, "seed", 0, "")
	fs.IntVar(&t.client, "client", 0, "")
	fs.IntVar(&t.owner, "owner", 0, "")
	fs.IntVar(&t.parts, "parts", 1, "")
	fs.IntVar(&t.clients, "clients", 1, "")
	fs.IntVar(&t.ops, "ops", 0, "")
	fs.IntVar(&t.keys, "keys", 1, "")
	fs.Int64Var(&t.limit, "limit", 0, "")
	fs.BoolVar(&t.network, "network", false, "")
	fs.DurationVar(&t.freshness, "freshness", -1, "")
	fs.DurationVar(&t.patience, "patience", 0, "")
	sizes := fs.String("sizes", string(mixedSizes), "")
	if err := parseFlags(fs, args, stdout); err != nil {
		return nil, err
	}
	t.sizes = sizeClass(*sizes)
	if mixes[t.mix] == nil {
		return nil, usageError{fmt.Errorf("unknown --mix %q", t.mix)}
	}
	return t, nil
}

// tortured is the child that is killed and stopped. It ends when its work is done, or
// its input, which the parent holds: also when that has died.
func tortured(args []string, stdin io.Reader, stdout io.Writer) error {
	t, err := parseTask(args, stdout)
	if err != nil {
		return err
	}
	log := history.NewLog(stdout, monotonic)
	log.Write(history.Record{Phase: history.Began, PID: os.Getpid()})
	s, err := openStore(t.dir, t.options(), t.patience)
	if err != nil {
		return err
	}
	var ended atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		ended.Store(true)
	}()
	err = t.work(s, log, ended.Load)
	if cerr := s.Close(); t.patience == 0 {
		err = errors.Join(err, cerr)
	}
	return err
}

// work lets the clients of the process work until all are done.
func (t *task) work(s store, log *history.Log, ended func() bool) error {
	errs := make([]error, t.clients)
	var failed atomic.Bool // what one cannot do, the others of its process cannot
	var wg sync.WaitGroup
	for i := range errs {
		c := t.newClient(i, s, log)
		wg.Go(func() {
			errs[i] = c.work(mixes[t.mix], func() bool { return ended() || failed.Load() })
			if errs[i] != nil {
				failed.Store(true)
				return
			}
			c.count()
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (t *task) newClient(i int, s store, log *history.Log) *client {
	return &client{
		id: t.client + i, owner: t.owner + i, parts: t.parts, keys: t.keys, ops: t.ops, limit: t.limit > 0, sizes: t.sizes, store: s, log: log,
		rand: rand.New(rand.NewPCG(t.seed, uint64(t.client+i))),
	}
}
