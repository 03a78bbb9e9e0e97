package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/internal/history"
)

// mostStopped is how long a process is stopped at most.
const mostStopped = 200 * time.Millisecond

// tortureHistories has processes do anything to the same few keys, kills and stops some
// of them, and looks whether an order explains what they were told.
func tortureHistories(t *torturing) error {
	bar := newProgress(t.stderr, "histories", t.p.histories)
	defer bar.done()
	var checking time.Duration
	for n := range t.p.histories {
		if t.late() {
			break
		}
		took, err := t.history(n)
		if err != nil {
			return fmt.Errorf("history %d: %w", n, err)
		}
		checking += took
		t.out.Histories++
		t.out.CheckMax = max(t.out.CheckMax, milliseconds(took))
		bar.step()
	}
	t.out.CheckMean = milliseconds(checking) / float64(max(t.out.Histories, 1))
	return nil
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }

// history makes a history and checks it, and returns how long the latter took.
func (t *torturing) history(n int) (took time.Duration, err error) {
	procs := t.p.procs[n%len(t.p.procs)]
	total := or(t.p.ops, 0, 2000)
	what := task{mix: "random", keys: or(t.p.keys, 0, 12), sizes: mixedSizes, ops: max(1, total/(procs*t.p.clients))}
	if n%2 == 1 {
		what.limit = t.p.limit
	}
	c := t.newCrew(t.same(procs, what), fmt.Sprint(n), t.p.seed+uint64(n))
	c.events = t.events(or(t.p.kills, -1, 3), t.p.stops, total*6/10) // what is done late would meet nobody
	if err := c.run(); err != nil {
		return 0, err
	}
	last, damaged, err := lookAtAll(c, c.tasks[0])
	if err != nil {
		return 0, err
	}
	m, err := c.merge(last)
	if err != nil {
		return 0, err
	}
	t.tally(c, m)
	for _, d := range damaged {
		t.tell("%s: %s", c.dir, d)
	}
	start := time.Now()
	found := history.Check(m.Ops, history.Options{Evict: what.limit > 0, Timeout: t.p.timeout, Stale: t.stale()})
	took = time.Since(start)
	for i := range found {
		if err := t.keep(n, &found[i]); err != nil {
			return took, err
		}
	}
	return took, t.remove(c.dir)
}

// stale returns how old reads may be.
func (t *torturing) stale() time.Duration {
	if !t.p.network {
		return 0
	}
	return max(0, t.p.freshness)
}

// events are when processes are killed and stopped, and faults begin, before so many
// operations have returned. Every fifth comes together with the one before it.
func (t *torturing) events(kills, stops, before int) []event {
	var es []event
	for _, command := range t.p.faults {
		es = append(es, event{at: t.rand.Int64N(int64(max(before, 1))), what: fault, command: command})
	}
	for i := range kills + stops {
		e := event{at: t.rand.Int64N(int64(max(before, 1)))}
		if i >= kills {
			e.what, e.stop = stop, time.Duration(t.rand.Int64N(int64(mostStopped)))
		} else if i%5 == 4 {
			e.at = es[len(es)-1].at
		}
		es = append(es, e)
	}
	slices.SortStableFunc(es, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return es
}

// lookAtAll reads every key when all processes have ended, as one more client, so that
// what was lost is seen also if nobody came upon it; and has the cache look for damage.
func lookAtAll(c *crew, what task) (log []byte, damaged []string, err error) {
	s, err := openStore(c.dir, what.options(), what.patience)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var records bytes.Buffer
	reader := &client{id: c.nextClient, store: s, log: history.NewLog(&records, monotonic), rand: rand.New(rand.NewPCG(c.seed, 5))}
	c.nextClient++
	for key := range what.keys {
		reader.get(key)
	}
	if what.mix == "random" {
		reader.lookAtAtomic()
	}
	problems, err := s.cache.Check(false)
	for _, p := range problems {
		if errors.Is(p.Err, diskcache.ErrCorrupt) {
			damaged = append(damaged, fmt.Sprint("Check: ", p))
		}
	}
	return records.Bytes(), damaged, err
}

// keep leaves a violation in files and says where.
func (t *torturing) keep(n int, v *history.Violation) error {
	base := filepath.Join(cmp.Or(t.p.dir, os.TempDir()), fmt.Sprintf("dcbench-violation-%d-%d-key%d", t.p.seed, n, v.Keys[0]))
	var lines bytes.Buffer
	for i := range v.Ops {
		printJSON(&lines, &v.Ops[i])
	}
	if err := os.WriteFile(base+".jsonl", lines.Bytes(), 0o600); err != nil {
		return err
	}
	if v.Undecided {
		t.out.Undecided++
		t.tell("history %d of seed %d: keys %v: could not be checked in time; its %d operations are in %s.jsonl", n, t.p.seed, v.Keys, len(v.Ops), base)
		return nil
	}
	t.tell("history %d of seed %d: keys %v: no order explains the %d operations in %s.jsonl; they are shown in %[5]s.html", n, t.p.seed, v.Keys, len(v.Ops), base)
	return v.Visualize(base + ".html")
}
