package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-diskcache/diskcache/internal/history"
)

// tortureParams are the flags of "dcbench torture".
type tortureParams struct {
	scenarios []*scenario
	procs     []int
	clients   int
	histories int
	ops       int // 0: what the scenario does by itself
	keys      int
	kills     int // -1: likewise
	stops     int
	limit     int64
	network   bool
	freshness time.Duration
	time      time.Duration
	timeout   time.Duration
	dir       string
	hosts     []host
	faults    []string
	json      bool
	seed      uint64
}

// scenario is one way to torture.
type scenario struct {
	name string
	run  func(t *torturing) error
}

// scenarios are all that there are, in the order in which they are run.
var scenarios = []scenario{
	{"histories", tortureHistories}, {"incr", tortureIncr}, {"add", tortureAdd}, {"poll", torturePoll}, {"kill", tortureKill},
}

func scenarioNames() string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return strings.Join(names, ",")
}

// What the flags accept.
const (
	maxProcs     = 256
	maxHistories = 1_000_000
	leastLimit   = 64 << 10 // with less there is room for no large value
)

func parseTorture(args []string, stdout io.Writer) (*tortureParams, error) {
	p := &tortureParams{}
	fs := flag.NewFlagSet("torture", flag.ContinueOnError)
	names := fs.String("scenario", "histories", "`scenarios`, separated by commas: "+scenarioNames())
	procs := fs.String("procs", "2,4,8", "`processes`; several numbers are taken in turns (for all but histories: the first)")
	fs.IntVar(&p.clients, "c", 1, "`goroutines` of each process")
	fs.IntVar(&p.histories, "histories", 20, "`number` of histories, each in a directory of its own")
	fs.IntVar(&p.ops, "ops", 0, "`operations`: of a history, of all processes together (default 2000); increments of each process (10000); times that the polled key is overwritten (100000)")
	fs.IntVar(&p.keys, "keys", 0, "`number` of keys: of a history (default 12), to be added (1000), of each client that is killed (50)")
	fs.IntVar(&p.kills, "kills", -1, "`times` that a process is killed: in a history (default 3), while it is counted or added (0), and in all for the scenario kill (200)")
	fs.IntVar(&p.stops, "stops", 2, "`times` that a process is stopped for a while in a history")
	fs.Int64Var(&p.limit, "limit", 256<<10, "`bytes` that the cache may take in every other history, so that items are given up; 0: in none")
	fs.BoolVar(&p.network, "network", false, "open the caches as on a network disk")
	fs.DurationVar(&p.freshness, "freshness", -1, "with --network: how old the news may be that reads are content with; a history may show it then. Less than 0: reads look for news each time")
	fs.DurationVar(&p.time, "time", 0, "begin no history after this `time` (default: no limit)")
	fs.DurationVar(&p.timeout, "check-time", time.Minute, "`time` to check the operations on a group of keys; what takes longer counts as wrong")
	fs.StringVar(&p.dir, "dir", "", "work in a new directory under `dir` (default: that of temporary files); what was wrong is left there")
	fs.Func("host", "`DIR=COMMAND`: start processes by COMMAND (words before the program and its arguments; none: as they are), which find in DIR what this process finds there. Given several times: processes by turns. They must have the clock, and see dcbench under the same name", p.addHost)
	fs.Func("fault", "`command` for sh, begun at a random moment of each history, meanwhile and shortly after which operations may fail. Given several times: each of them", p.addFault)
	fs.BoolVar(&p.json, "json", false, "print one JSON object a line for each scenario")
	fs.Uint64Var(&p.seed, "seed", 0, "`seed` of all that is random, but for when processes run (default: random)")
	if err := parseFlags(fs, args, stdout); err != nil {
		return nil, err
	}
	var serr, perr error
	p.scenarios, serr = parseScenarios(*names)
	p.procs, perr = parseInts("--procs", *procs, 1, maxProcs)
	err := cmp.Or(serr, perr, inRange("-c", p.clients, 1, maxProcs), inRange("--histories", p.histories, 1, maxHistories), inRange("--ops", p.ops, 0, maxN),
		inRange("--keys", p.keys, 0, maxN), inRange("--kills", p.kills, -1, maxN), inRange("--stops", p.stops, 0, maxN), p.checkTorture())
	if err != nil {
		return nil, usageError{err}
	}
	if p.seed == 0 {
		p.seed = rand.Uint64()
	}
	return p, nil
}

func (p *tortureParams) checkTorture() error {
	switch {
	case p.limit != 0 && p.limit < leastLimit:
		return fmt.Errorf("--limit %d is less than %d", p.limit, leastLimit)
	case p.dir != "" && len(p.hosts) > 0:
		return errors.New("--dir and --host both say where the caches are")
	case p.freshness == 0 || p.freshness > 0 && !p.network:
		return fmt.Errorf("--freshness %v is 0, or without --network", p.freshness)
	case p.time < 0:
		return fmt.Errorf("--time %v is less than 0", p.time)
	case p.timeout <= 0:
		return fmt.Errorf("--check-time %v is not over 0", p.timeout)
	}
	return nil
}

func parseScenarios(list string) ([]*scenario, error) {
	var found []*scenario
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown scenario %q; the scenarios are %s", name, scenarioNames())
		}
		found = append(found, &scenarios[i])
	}
	return found, nil
}

// torturing is one scenario while it runs.
type torturing struct {
	p      *tortureParams
	stderr io.Writer
	dir    string // for the caches; it is removed
	rand   *rand.Rand
	until  time.Time // when nothing new is begun any more; zero: never
	out    tortureResult
	wrong  []string

	excused map[string]int // errors for which a fault was the reason
}

// errTortured ends a torture that has found something wrong and said what.
var errTortured = errors.New("what the processes were told cannot be explained; see above")

// torture is "dcbench torture".
func torture(args []string, stdout, stderr io.Writer) error {
	p, err := parseTorture(args, stdout)
	if err != nil {
		return err
	}
	if !canTorture {
		return errors.New("this system has no clock that processes share, as far as dcbench knows")
	}
	if !p.json {
		fmt.Fprintf(stdout, "%v, seed %d\n", thisEnvironment(), p.seed)
	}
	found := 0
	for _, s := range p.scenarios {
		t, err := p.run(s, stderr)
		if err != nil {
			return fmt.Errorf("%s, seed %d: %w", s.name, p.seed, err)
		}
		t.print(stdout)
		found += len(t.wrong)
	}
	if found > 0 {
		return errTortured
	}
	return nil
}

// run runs a scenario in a directory that is removed.
func (p *tortureParams) run(s *scenario, stderr io.Writer) (t *torturing, err error) {
	dir, err := os.MkdirTemp(p.workIn(), "dcbench-torture-")
	if err != nil {
		return nil, err
	}
	t = &torturing{p: p, stderr: stderr, dir: dir, excused: make(map[string]int), rand: rand.New(rand.NewPCG(p.seed, 4))}
	defer func() { err = errors.Join(err, t.remove(dir)) }()
	t.out.Scenario, t.out.Seed, t.out.environment = s.name, p.seed, thisEnvironment()
	start := time.Now()
	if p.time > 0 {
		t.until = start.Add(p.time)
	}
	err = s.run(t)
	t.out.Seconds, t.out.Violations = time.Since(start).Seconds(), len(t.wrong)
	return t, err
}

// late reports whether nothing new is to be begun.
func (t *torturing) late() bool { return !t.until.IsZero() && time.Now().After(t.until) }

// tell takes note of something that is wrong.
func (t *torturing) tell(format string, args ...any) {
	t.wrong = append(t.wrong, fmt.Sprintf(format, args...))
}

// or returns what was asked for, or what is done if nothing was.
func or(asked, unasked, otherwise int) int {
	if asked == unasked {
		return otherwise
	}
	return asked
}

// same returns tasks for so many processes that all do the same.
func (t *torturing) same(procs int, what task) []task {
	what.clients, what.parts, what.network, what.freshness = t.p.clients, procs*t.p.clients, t.p.network, t.p.freshness
	if len(t.p.faults) > 0 {
		what.patience = opensWithin
	}
	tasks := make([]task, procs)
	for i := range tasks {
		tasks[i] = what
		tasks[i].owner = i * t.p.clients
	}
	return tasks
}

// tally adds to the result what a crew has done and suffered, and tells of the errors
// that its operations have returned: but for faults there is no reason for any.
func (t *torturing) tally(c *crew, m *history.Merged) {
	t.out.Procs = max(t.out.Procs, len(c.tasks))
	t.out.Operations += m.Calls
	t.out.Kills += len(c.kills)
	t.out.Stops += c.stops
	t.out.Evictions += m.Counts.Evicted
	t.out.Compactions += m.Counts.Compactions
	t.out.Faults += len(c.faults.spans)
	t.out.Longest = max(t.out.Longest, milliseconds(m.Within))
	for i := range m.Errors {
		o := &m.Errors[i]
		if c.faults.excuse(o) {
			t.out.Excused++
			t.excused[o.Err]++
			continue
		}
		t.out.Errors++
		t.tell("%s: client %d: %v", c.dir, o.Client, o)
	}
	if len(c.faults.spans) > 0 && m.Within > returnsWithin {
		t.tell("%s: an operation took %v", c.dir, m.Within)
	}
}
