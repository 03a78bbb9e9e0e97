package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/go-diskcache/diskcache"
)

// killing starts a child that writes, kills it, and looks whether everything is
// there that it had told to be done.
type killing struct {
	dir  string
	seed uint64
	rand *rand.Rand

	// may is what each key may be: the last change that was told, and the one
	// after it, which the child may or may not have made before it died. A key
	// that is not in it is absent.
	may map[string][]version

	outcome killOutcome
}

// killOutcome is what came of all rounds.
type killOutcome struct {
	rounds, opened int
	changes        int // that were told
	wrong          []string
	slowest        time.Duration // opening
}

// mostChanges bounds after how many changes the child is killed.
const mostChanges = 4000

func newKilling(dir string, seed uint64) *killing {
	return &killing{dir: dir, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), may: make(map[string][]version)}
}

// run kills the child in so many rounds. Not after each of them is the cache
// looked at, for that would close it properly: the next child must also cope
// with what the one before it left behind.
func (k *killing) run(rounds int, bar progress) (*killOutcome, error) {
	o := &k.outcome
	for round := range rounds {
		if err := k.round(round); err != nil {
			return o, err
		}
		o.rounds++
		if round == rounds-1 || k.rand.IntN(3) > 0 {
			if err := k.look(); err != nil {
				return o, err
			}
		}
		bar.step()
	}
	return o, nil
}

// round has a child write and kills it after a random number of changes, which
// is sometimes none: then it dies while it opens the cache.
func (k *killing) round(round int) error {
	out, cmd, err := startChild(childWrite, "--dir", k.dir, "--seed", fmt.Sprint(k.seed), "--round", fmt.Sprint(round))
	if err != nil {
		return err
	}
	lines := bufio.NewReader(out)
	told := make([]int, killWriters)
	rerr := readTold(lines, told, k.rand.IntN(mostChanges))
	kerr := cmd.Process.Kill()
	if rerr == nil { // what it told before it died counts, too
		if rerr = readTold(lines, told, -1); rerr == io.EOF {
			rerr = nil
		}
	}
	werr := cmd.Wait()
	if rerr != nil || kerr != nil {
		return fmt.Errorf("round %d: the child ended by itself: %w", round, errors.Join(rerr, kerr, werr))
	}
	for writer, n := range told {
		k.replay(newStory(k.seed, round, writer), n)
		k.outcome.changes += n
	}
	return nil
}

// readTold reads n lines, or all there are, and counts them by the writer that each
// names. The last one may lack its end: it is not counted, for its change is
// known to be made or not to be as little as any that was not told.
func readTold(r *bufio.Reader, told []int, n int) error {
	for ; n != 0; n-- {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return err
		}
		writer, err := strconv.Atoi(string(bytes.TrimSpace(line)))
		if err != nil || writer < 0 || writer >= len(told) {
			return fmt.Errorf("the child said %q", line)
		}
		told[writer]++
	}
	return nil
}

// replay brings k.may up to n changes of s, and the next one which may be made.
func (k *killing) replay(s *story, n int) {
	for range n {
		c := s.next()
		k.may[c.key] = []version{c.to}
	}
	c := s.next()
	if len(k.may[c.key]) == 0 {
		k.may[c.key] = []version{{}}
	}
	k.may[c.key] = append(k.may[c.key], c.to)
}

// look opens the cache and compares every key with what it may be.
func (k *killing) look() (err error) {
	start := time.Now()
	c, err := diskcache.Open(k.dir, killOptions())
	if err != nil {
		return err
	}
	k.outcome.slowest = max(k.outcome.slowest, time.Since(start))
	k.outcome.opened++
	defer func() { err = errors.Join(err, c.Close()) }()
	present := 0
	for writer := range killWriters {
		for n := range keysPerWriter {
			ok, err := k.lookAt(c, keyOfWriter(writer, n))
			if err != nil {
				return err
			}
			if ok {
				present++
			}
		}
	}
	return k.lookAtRest(c, present)
}

// lookAt compares one key, and reports whether it is there. From then on it may
// only be what it was found to be.
func (k *killing) lookAt(c *diskcache.Cache, key string) (present bool, err error) {
	got, err := c.Get(key)
	present = err == nil
	if errors.Is(err, diskcache.ErrCorrupt) {
		k.wrong("%s: %v", key, err)
		return false, nil
	}
	if err != nil && !errors.Is(err, diskcache.ErrNotFound) {
		return false, err
	}
	may := k.may[key]
	if len(may) == 0 {
		may = []version{{}}
	}
	for _, v := range may {
		if v.present == present && (!present || bytes.Equal(got, v.value(key))) {
			k.may[key] = []version{v}
			return present, nil
		}
	}
	if present {
		k.wrong("%s: has a value of %d bytes that is not any of %v", key, len(got), may)
	} else {
		k.wrong("%s: lost, is to be any of %v", key, may)
	}
	return present, nil
}

// lookAtRest looks for keys that nobody set, and for damage. Value files that the
// child died over, before a record named them, are no damage; they must be gone
// once Check has removed them.
func (k *killing) lookAtRest(c *diskcache.Cache, present int) error {
	n, err := c.Len()
	if err != nil {
		return err
	}
	if n != present {
		k.wrong("Len is %d, with %d keys there", n, present)
	}
	found, err := c.Check(true)
	if err != nil {
		return err
	}
	for _, p := range found {
		if errors.Is(p.Err, diskcache.ErrCorrupt) {
			k.wrong("Check: %v", p)
		}
	}
	left, err := c.Check(false)
	for _, p := range left {
		k.wrong("Check, after everything was mended: %v", p)
	}
	return err
}

func (k *killing) wrong(format string, args ...any) {
	k.outcome.wrong = append(k.outcome.wrong, fmt.Sprintf("after round %d: ", k.outcome.rounds-1)+fmt.Sprintf(format, args...))
}
