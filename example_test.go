package diskcache_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-diskcache/diskcache"
)

// exampleDir makes an empty directory for the cache of an example.
func exampleDir() string {
	dir, err := os.MkdirTemp("", "diskcache-example-")
	if err != nil {
		log.Fatal(err)
	}
	return dir
}

// open opens an empty cache, and returns what ends the example.
func open(o *diskcache.Options) (c *diskcache.Cache, done func()) {
	dir := exampleDir()
	c, err := diskcache.Open(dir, o)
	if err != nil {
		log.Fatal(err)
	}
	return c, func() {
		if err := errors.Join(c.Close(), os.RemoveAll(dir)); err != nil {
			log.Fatal(err)
		}
	}
}

func Example() {
	dir := exampleDir()
	defer os.RemoveAll(dir)

	c, err := diskcache.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	err = c.Set("greeting", []byte("hello"), diskcache.TTL(time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	v, err := c.Get("greeting")
	fmt.Printf("%s %v\n", v, err)

	_, err = c.Get("nothing")
	fmt.Println(errors.Is(err, diskcache.ErrNotFound))
	// Output:
	// hello <nil>
	// true
}

// What is in a cache outlives the process.
func ExampleCache() {
	dir := exampleDir()
	defer os.RemoveAll(dir)
	for _, word := range []string{"first", "second"} {
		c, err := diskcache.Open(dir, nil)
		if err != nil {
			log.Fatal(err)
		}
		before, err := c.Get("word")
		if err != nil && !errors.Is(err, diskcache.ErrNotFound) {
			log.Fatal(err)
		}
		if err := c.Set("word", []byte(word)); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("was %q, is %q\n", before, word)
		if err := c.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// was "", is "first"
	// was "first", is "second"
}

func ExampleOptions() {
	c, done := open(&diskcache.Options{
		SizeLimit:   1 << 30,
		Compression: diskcache.Zstd,
		Sync:        diskcache.SyncInterval,
	})
	defer done()
	text := strings.Repeat("The same again. ", 1000)
	if err := c.Set("text", []byte(text)); err != nil {
		log.Fatal(err)
	}
	volume, err := c.Volume()
	fmt.Println(volume < int64(len(text))/10, err)
	// Output: true <nil>
}

// With SyncAlways a Set that has returned survives a power cut. Goroutines that
// set at the same time share the syncs.
func ExampleSyncMode() {
	c, done := open(&diskcache.Options{Sync: diskcache.SyncAlways})
	defer done()
	fmt.Println(c.Set("order", []byte("paid")))
	// Output: <nil>
}

func ExampleCompression() {
	c, done := open(nil)
	defer done()
	page := []byte(strings.Repeat("<p>hello</p>", 500))
	for _, x := range []diskcache.Compression{diskcache.NoCompression, diskcache.LZ4, diskcache.Zstd} {
		if err := c.Set("page", page, diskcache.Compress(x)); err != nil {
			log.Fatal(err)
		}
		it, err := c.Item("page")
		fmt.Println(it.Size, it.OnDisk < it.Size/10, err)
	}
	// Output:
	// 6000 false <nil>
	// 6000 true <nil>
	// 6000 true <nil>
}

// Which disk a directory is on is found out; where that goes wrong it is said.
func ExampleNetwork() {
	c, done := open(&diskcache.Options{Network: diskcache.NetworkYes})
	defer done()
	fmt.Println(c.Set("k", []byte("v")))
	// Output: <nil>
}

func ExampleSetOption() {
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	c, done := open(&diskcache.Options{Now: func() time.Time { return now }})
	defer done()
	err := c.Set("avatar", []byte("…"), diskcache.TTL(time.Hour), diskcache.Tag("images"), diskcache.Kind(7))
	if err != nil {
		log.Fatal(err)
	}
	now = now.Add(59 * time.Minute)
	_, err = c.Get("avatar")
	fmt.Println(err)
	now = now.Add(time.Minute)
	_, err = c.Get("avatar")
	fmt.Println(errors.Is(err, diskcache.ErrExpired), errors.Is(err, diskcache.ErrNotFound))
	// Output:
	// <nil>
	// true true
}

func ExampleItem() {
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	c, done := open(&diskcache.Options{Now: func() time.Time { return now }})
	defer done()
	if err := c.Set("k", []byte("value"), diskcache.Tag("t"), diskcache.ExpireAt(now.Add(time.Hour))); err != nil {
		log.Fatal(err)
	}
	it, err := c.Item("k")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %d bytes, tag %s, expires %s\n", it.Value, it.Size, it.Tag, it.Expires.UTC().Format(time.TimeOnly))
	// Output: value, 5 bytes, tag t, expires 13:00:00
}

// A counter. Between what the function reads and what it writes nobody changes
// the cache.
func ExampleTx() {
	c, done := open(nil)
	defer done()
	increment := func(tx *diskcache.Tx) error {
		var n uint64
		v, err := tx.Get("visits")
		switch {
		case err == nil:
			n = binary.LittleEndian.Uint64(v)
		case !errors.Is(err, diskcache.ErrNotFound):
			return err
		}
		fmt.Println("visits:", n+1)
		return tx.Set("visits", binary.LittleEndian.AppendUint64(nil, n+1))
	}
	for range 3 {
		if err := c.Update(increment); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// visits: 1
	// visits: 2
	// visits: 3
}

// An error takes back everything that the function has done.
func ExampleCache_Update() {
	c, done := open(nil)
	defer done()
	changedMyMind := errors.New("changed my mind")
	err := c.Update(func(tx *diskcache.Tx) error {
		if err := tx.Set("a", []byte("1")); err != nil {
			return err
		}
		return changedMyMind
	})
	has, _ := c.Has("a")
	fmt.Println(err == changedMyMind, has)
	// Output: true false
}

// Large values are streamed; they need no memory.
func ExampleReader() {
	c, done := open(nil)
	defer done()
	video := io.LimitReader(zeros{}, 10<<20)
	if err := c.SetReader("video", video); err != nil {
		log.Fatal(err)
	}
	r, err := c.Reader("video")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Seek(-4, io.SeekEnd); err != nil {
		log.Fatal(err)
	}
	end, err := io.ReadAll(r)
	fmt.Println(r.Size(), end, err)
	// Output: 10485760 [0 0 0 0] <nil>
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func ExampleCache_GetAppend() {
	c, done := open(nil)
	defer done()
	if err := c.Set("k", []byte("value")); err != nil {
		log.Fatal(err)
	}
	buf := make([]byte, 0, 64)
	for range 3 { // nothing is allocated
		v, err := c.GetAppend("k", buf[:0])
		fmt.Printf("%s %v\n", v, err)
	}
	// Output:
	// value <nil>
	// value <nil>
	// value <nil>
}

func ExampleCache_Keys() {
	c, done := open(nil)
	defer done()
	for _, key := range []string{"one", "two", "three"} {
		if err := c.Set(key, []byte(key)); err != nil {
			log.Fatal(err)
		}
	}
	for key, err := range c.Keys() {
		fmt.Println(key, err)
	}
	// Unordered output:
	// one <nil>
	// two <nil>
	// three <nil>
}

func ExampleKeyValue() {
	c, done := open(nil)
	defer done()
	for _, key := range []string{"one", "two", "three"} {
		if err := c.Set(key, []byte(strings.ToUpper(key))); err != nil {
			log.Fatal(err)
		}
	}
	for item, err := range c.Items() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %s\n", item.Key, item.Value)
	}
	// Unordered output:
	// one ONE
	// two TWO
	// three THREE
}

func ExampleCache_Delete() {
	c, done := open(nil)
	defer done()
	if err := c.Set("k", nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Delete("k"))
	fmt.Println(c.Delete("k"))
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleStats() {
	c, done := open(nil)
	defer done()
	if err := c.Set("k", []byte("v")); err != nil {
		log.Fatal(err)
	}
	_, _ = c.Get("k")
	_, _ = c.Get("other")
	s, err := c.Stats()
	fmt.Println(s.Items, s.Sets, s.Hits, s.Misses, err)
	// Output: 1 1 1 1 <nil>
}

// Check names what is damaged, here a record of which one byte was changed.
func ExampleProblem() {
	dir := exampleDir()
	defer os.RemoveAll(dir)
	c, err := diskcache.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(c.Set("k", []byte("spoil me")), c.Close()); err != nil {
		log.Fatal(err)
	}
	spoil(dir, "spoil me")

	c, err = diskcache.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	problems, err := c.Check(false)
	if err != nil || len(problems) == 0 {
		log.Fatal("nothing found: ", err)
	}
	p := problems[0]
	fmt.Println(filepath.Ext(p.File), p.Offset, errors.Is(p.Err, diskcache.ErrCorrupt))
	// Output: .seg 88 true
}

// A value that is not what was stored is never returned.
func ExampleCorruptError() {
	dir := exampleDir()
	defer os.RemoveAll(dir)
	c, err := diskcache.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(c.Set("k", []byte("spoil me")), c.Close()); err != nil {
		log.Fatal(err)
	}
	spoil(dir, "spoil me")

	c, err = diskcache.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	_, err = c.Get("k")
	var corrupt *diskcache.CorruptError
	if errors.As(err, &corrupt) {
		fmt.Println(filepath.Ext(corrupt.File), corrupt.Offset)
	}
	fmt.Println(errors.Is(err, diskcache.ErrCorrupt))
	// Output:
	// .seg 88
	// true
}

// spoil changes one byte of a value in the segments of dir.
func spoil(dir, value string) {
	segments, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range segments {
		b, err := os.ReadFile(name)
		if err != nil {
			log.Fatal(err)
		}
		b = []byte(strings.Replace(string(b), value, "S"+value[1:], 1))
		if err := os.WriteFile(name, b, 0o600); err != nil {
			log.Fatal(err)
		}
	}
}

// Any number of processes may open a directory, and one process may do so several times.
func ExampleOpen_shared() {
	dir := exampleDir()
	defer os.RemoveAll(dir)
	one, err := diskcache.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer one.Close()
	two, err := diskcache.Open(dir, nil) // here, or in another process
	if err != nil {
		log.Fatal(err)
	}
	defer two.Close()

	if err := one.Set("k", []byte("seen by both")); err != nil {
		log.Fatal(err)
	}
	v, err := two.Get("k")
	fmt.Println(string(v), err)
	// Output: seen by both <nil>
}
