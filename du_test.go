//go:build unix

package diskcache

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/codec"
)

func init() { children["du"] = childDu }

// duSegment is the length of segments in these tests, if the limit lets it be.
const duSegment = 256 << 10

// duThreshold is the size from which on values have files.
const duThreshold = 16 << 10

// duTimes is how many times the limit is written.
func duTimes() int64 {
	if testing.Short() {
		return 5
	}
	return 20
}

// load changes a cache as many users would, at a clock of its own, and knows what must
// not be found in it.
type load struct {
	c     *Cache
	r     *rand.Rand
	clock atomic.Int64 // nanoseconds since 1970
	noMap bool
	small bool // no value has a file
	prior bool // others have set items before
	items map[string]loadItem
	n     uint64 // values made
	bytes int64  // of them
	none  bool   // nothing is given up
	full  int    // refused
}

// loadItem is what a key was set to last.
type loadItem struct {
	n       uint64
	expires int64 // 0: never
	gone    bool
}

func newLoad(seed uint64) *load {
	l := &load{r: rand.New(rand.NewPCG(seed, 3)), items: make(map[string]loadItem), n: seed << 32}
	l.clock.Store(int64(1e18 + seed*uint64(time.Hour)))
	return l
}

func (l *load) now() time.Time { return time.Unix(0, l.clock.Load()) }

func (l *load) options(limit int64, p Policy) *Options {
	l.none = p == PolicyNone
	return &Options{SizeLimit: limit, SegmentSize: duSegment, FileThreshold: duThreshold, Policy: p, NoMap: l.noMap, Now: l.now}
}

// pattern is what values are cut from.
var pattern = func() []byte {
	b := make([]byte, 4*duSegment+4096)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}()

// loadValue returns the n-th value: what it holds tells whether it is whole.
func loadValue(n uint64, size int) []byte {
	v := bytes.Clone(pattern[n%4096:][:size])
	binary.LittleEndian.PutUint64(v, n)
	return v
}

// size picks a small size mostly; a tenth has a file, some are as long as four segments.
func (l *load) size() int {
	switch x := l.r.IntN(200); {
	case l.small:
		return 100 + l.r.IntN(duThreshold-100)
	case x == 0:
		return 100 + l.r.IntN(4*duSegment-99)
	case x < 20:
		return 100 + l.r.IntN(64<<10)
	default:
		return 100 + l.r.IntN(2<<10)
	}
}

// step does one operation.
func (l *load) step() error {
	l.clock.Add(int64(time.Millisecond))
	key := "key " + itoa(l.r.IntN(3000))
	switch x := l.r.IntN(20); {
	case x < 2:
		return l.remove(key)
	case x < 6:
		return l.look(key)
	default:
		return l.set(key)
	}
}

func (l *load) remove(key string) error {
	_, err := l.c.Delete(key)
	if err == nil {
		l.items[key] = loadItem{gone: true}
	}
	return err
}

func (l *load) set(key string) error {
	l.n++
	v := loadValue(l.n, l.size())
	it := loadItem{n: l.n}
	var opts []SetOption
	if l.r.IntN(3) == 0 {
		ttl := time.Duration(l.r.IntN(5000)) * time.Millisecond
		it.expires = l.clock.Load() + int64(ttl)
		opts = append(opts, TTL(ttl))
	}
	l.bytes += int64(len(v))
	var err error
	if l.r.IntN(2) == 0 {
		err = l.c.Set(key, v, opts...)
	} else { // of a length that is not known before
		err = l.c.SetReader(key, io.MultiReader(bytes.NewReader(v)), opts...)
	}
	if errors.Is(err, ErrFull) && l.none {
		l.full++
		for range 5 {
			if err := l.remove("key " + itoa(l.r.IntN(3000))); err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("set %d bytes: %w", len(v), err)
	}
	l.items[key] = it
	return l.look(key)
}

// look finds out whether a key has what it was set to last, or nothing.
func (l *load) look(key string) error {
	v, err := l.c.Get(key)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	it, known := l.items[key]
	n := binary.LittleEndian.Uint64(v)
	switch {
	case !bytes.Equal(v, loadValue(n, len(v))):
		return fmt.Errorf("%s: a value of %d bytes that was never set", key, len(v))
	case !known && l.prior:
		return nil
	case !known || it.gone || it.n != n:
		return fmt.Errorf("%s: value %x, and it is %+v", key, n, it)
	case it.expires != 0 && it.expires <= l.clock.Load():
		return fmt.Errorf("%s: served %d ns after its time", key, l.clock.Load()-it.expires)
	}
	return nil
}

// run does operations until so many bytes were written.
func (l *load) run(bytes int64) error {
	for i := 0; l.bytes < bytes; i++ {
		if err := l.step(); err != nil {
			return fmt.Errorf("operation %d: %w", i, err)
		}
	}
	return nil
}

// duCase is what is written to what.
type duCase struct {
	segments int64 // that the limit is
	noMap    bool
	small    bool // values that have no files
	long     bool // only in the long form
}

var duCases = []duCase{
	{segments: 16},
	{segments: 8},
	{segments: 16, noMap: true, small: true},
	{segments: 16, noMap: true, long: true},
	{segments: 8, noMap: true, long: true},
	{segments: 8, small: true, long: true},
	{segments: 64, long: true},
}

// TestDu: what du shows of the directory is never more than the limit allows, whatever
// is stored and in whatever sizes, and what the cache says of itself is true.
func TestDu(t *testing.T) {
	policies, torture := []Policy{PolicyS3FIFO}, os.Getenv("DISKCACHE_TORTURE") != ""
	if torture {
		policies = []Policy{PolicyS3FIFO, PolicyFIFO, PolicyLRU, PolicyLFU, PolicyTTL, PolicyLRUTTL, PolicyNone}
	}
	for _, p := range policies {
		for _, c := range duCases {
			if c.long && !torture {
				continue
			}
			t.Run(fmt.Sprintf("%v, %d segments, mapped %v, files %v", p, c.segments, !c.noMap, !c.small), func(t *testing.T) { testDu(t, c, p) })
		}
	}
}

func testDu(t *testing.T, c duCase, p Policy) {
	dir, limit := t.TempDir(), c.segments*duSegment
	l := newLoad(1)
	l.noMap, l.small = c.noMap, c.small
	l.c = mustOpen(t, dir, l.options(limit, p))
	stop := watchDu(t, dir, limit)
	err := l.run(duTimes() * limit)
	stop()
	require.NoError(t, err)
	requireTrueUsage(t, l, dir)
	s, err := l.c.Stats()
	require.NoError(t, err)
	t.Logf("%d sets, %d refused, %d items, %d bytes live, %d evicted, %d expired", s.Sets, l.full, s.Items, s.LiveBytes, s.Evicted, s.Expired)
	if c.segments > 10 { // in fewer one value may have driven out all others
		require.Greater(t, s.LiveBytes, limit/3, "space is not used")
	}
	require.NoError(t, l.c.Close())
	requireWithin(t, dir, limit)
	l.c = mustOpen(t, dir, l.options(limit, p))
	requireTrueUsage(t, l, dir)
	require.NoError(t, l.c.Close())
}

// TestDuKilled is TestDu with a process that is killed while it writes, several times,
// and a directory that is opened and written to again.
func TestDuKilled(t *testing.T) {
	const limit = 16 * duSegment
	dir := t.TempDir()
	for round := range 3 {
		stop := watchDu(t, dir, limit)
		killDu(t, dir, round)
		l := newLoad(uint64(2 + 2*round))
		l.prior = true
		l.c = mustOpen(t, dir, l.options(limit, PolicyS3FIFO))
		requireTrueUsage(t, l, dir)
		err := l.run(duTimes() * limit / 10)
		stop()
		require.NoError(t, err)
		requireTrueUsage(t, l, dir)
		problems, err := l.c.Check(false)
		require.NoError(t, err)
		require.Empty(t, problems)
		require.NoError(t, l.c.Close())
		requireWithin(t, dir, limit)
	}
}

// killDu has a child write to dir, and kills it after some limits' worth of bytes.
func killDu(t *testing.T, dir string, round int) {
	t.Setenv("DISKCACHE_TEST_ROUND", itoa(round))
	cmd := child("du", dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for range 2 + 2*round {
		require.True(t, lines.Scan(), "the child ended by itself")
	}
	require.NoError(t, cmd.Process.Kill())
	_, err = io.Copy(io.Discard, out)
	require.NoError(t, err)
	require.Error(t, cmd.Wait())
}

// childDu writes until it is killed, and prints a line for each limit's worth of bytes.
func childDu(dir string) int {
	const limit = 16 * duSegment
	round, _ := strconv.ParseUint(os.Getenv("DISKCACHE_TEST_ROUND"), 10, 64)
	l := newLoad(1 + 2*round) // by clocks that do not go back
	l.prior = true
	c, err := Open(dir, l.options(limit, PolicyS3FIFO))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	l.c = c
	for i := int64(1); ; i++ {
		if err := l.run(i * limit); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(i)
	}
}

// duAllows is what the files may take.
func duAllows(limit int64) int64 {
	allowed := limit + limit/10
	if limit < 10*duSegment {
		allowed += duSegment
	}
	return allowed
}

func requireWithin(t *testing.T, dir string, limit int64) {
	t.Helper()
	seen, err := look(dir)
	require.NoError(t, err)
	require.LessOrEqual(t, seen.bytes, duAllows(limit))
}

// requireTrueUsage compares what the cache says it takes with the files that are there
// and the items that can be found.
func requireTrueUsage(t *testing.T, l *load, dir string) {
	t.Helper()
	require.NoError(t, l.c.Sync())
	// What is over is not found, but counts until it is taken back, and that goes by
	// whole seconds.
	l.clock.Store(l.clock.Load()/1e9*1e9 + 1e9)
	_, err := l.c.Expire()
	require.NoError(t, err)
	const tries = 100 // the background may be at work
	for i := 0; ; i++ {
		s, err := l.c.Stats()
		require.NoError(t, err)
		seen, err := look(dir)
		require.NoError(t, err)
		live := liveBytes(t, l.c)
		// Items do not tell of the padding of their records.
		padding := s.LiveBytes - live
		if s.DiskBytes == seen.bytes && padding >= 0 && padding <= (codec.Align-1)*s.Items {
			return
		}
		if i == tries {
			require.Equal(t, seen.bytes, s.DiskBytes, "DiskUsage")
			require.Fail(t, "Volume", "%d bytes live, the %d items have %d", s.LiveBytes, s.Items, live)
		}
	}
}

// liveBytes adds up what each item takes.
func liveBytes(t *testing.T, c *Cache) (n int64) {
	t.Helper()
	for key, err := range c.Keys() {
		require.NoError(t, err)
		it, err := c.Item(key)
		if errors.Is(err, ErrNotFound) { // given up meanwhile
			continue
		}
		require.NoError(t, err)
		n += it.OnDisk
	}
	return n
}

// seenFiles are all files of a directory as one walk through it has found them.
type seenFiles struct {
	size   map[string]int64 // by name
	bytes  int64
	blocks int64 // bytes that these take on the disk
}

// look walks through a directory as du does.
func look(dir string) (*seenFiles, error) {
	s := &seenFiles{size: make(map[string]int64)}
	return s, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			err = s.add(path, d)
		}
		if errors.Is(err, fs.ErrNotExist) { // removed since it was listed
			return nil
		}
		return err
	})
}

func (s *seenFiles) add(path string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	st := info.Sys().(*syscall.Stat_t)
	s.blocks += int64(st.Blocks) * 512
	s.size[path] = info.Size()
	s.bytes += info.Size()
	return nil
}

// both returns what the files take that two walks have found. Between the walks all of
// these were there. One walk alone counts twice what is replaced while it is under way.
func (s *seenFiles) both(next *seenFiles) (n int64) {
	for path, size := range s.size {
		if later, ok := next.size[path]; ok {
			n += min(size, later)
		}
	}
	return n
}

// watchDu walks through dir again and again until stop is called.
func watchDu(t *testing.T, dir string, limit int64) (stop func()) {
	t.Helper()
	var most, walk, blocks int64
	quit, done := make(chan struct{}), make(chan error)
	walks := 0
	go func() {
		before, err := look(dir)
		for ; err == nil; walks++ {
			var now *seenFiles
			if now, err = look(dir); err != nil {
				break
			}
			most, walk, blocks = max(most, before.both(now)), max(walk, now.bytes), max(blocks, now.blocks)
			before = now
			select {
			case <-quit:
				done <- nil
				return
			default:
			}
		}
		<-quit
		done <- err
	}()
	return func() {
		t.Helper()
		close(quit)
		require.NoError(t, <-done)
		share := func(n int64) float64 { return float64(n) / float64(limit) }
		t.Logf("%d walks: of the limit, at most %.3f at once, %.3f in one walk, %.3f in blocks", walks, share(most), share(walk), share(blocks))
		require.LessOrEqual(t, most, duAllows(limit))
	}
}
