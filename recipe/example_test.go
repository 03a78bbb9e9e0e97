package recipe_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
	"github.com/go-diskcache/diskcache/recipe"
)

var ctx = context.Background()

func ExampleLock() {
	s := memory.New(nil) // or diskcache.Open(dir, nil), for several processes
	defer s.Close()
	lock := recipe.NewLock(s, "lock/report", 30*time.Second)
	hold, err := lock.Acquire(ctx)
	if err != nil {
		log.Fatal(err)
	}
	// hold.Context() ends if the lock is lost, and hold.Token() tells this holder from earlier ones.
	_, err = lock.TryAcquire(ctx)
	fmt.Println(errors.Is(err, recipe.ErrHeld))
	fmt.Println(hold.Release())
	fmt.Println(errors.Is(hold.Release(), recipe.ErrNotHeld))
	// Output:
	// true
	// <nil>
	// true
}

func ExampleHold() {
	s := memory.New(nil)
	defer s.Close()
	hold, err := recipe.NewLock(s, "lock", time.Minute).Acquire(ctx)
	if err != nil {
		log.Fatal(err)
	}
	written := uint64(0) // what is written to remembers the highest token that it has seen
	write := func(token uint64) bool {
		if token < written {
			return false // from one who does not know yet that the lock is lost
		}
		written = token
		return true
	}
	fmt.Println(write(hold.Token()), write(hold.Token()-1), hold.Release())
	// Output: true false <nil>
}

func ExampleRLock() {
	s := memory.New(nil)
	defer s.Close()
	lock := recipe.NewRLock(s, "lock", "request 17", time.Minute)
	outer, err := lock.Acquire(ctx)
	if err != nil {
		log.Fatal(err)
	}
	inner, err := lock.Acquire(ctx) // the owner is in
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(inner.Release(), outer.Release())
	// Output: <nil> <nil>
}

func ExampleSemaphore() {
	s := memory.New(nil)
	defer s.Close()
	downloads := recipe.NewSemaphore(s, "downloads", 2, time.Minute)
	for range 3 {
		hold, err := downloads.TryAcquire(ctx)
		if err != nil {
			fmt.Println(errors.Is(err, recipe.ErrHeld))
			continue
		}
		defer hold.Release()
		fmt.Println(downloads.Free())
	}
	// Output:
	// 1 <nil>
	// 0 <nil>
	// true
}

func ExampleBarrier() {
	s := memory.New(nil)
	defer s.Close()
	build := recipe.Barrier(recipe.NewLock(s, "build", time.Minute), func(ctx context.Context) error {
		fmt.Println("one at a time, in all processes")
		return ctx.Err() // it ends when the lock is lost
	})
	fmt.Println(build(ctx))
	// Output:
	// one at a time, in all processes
	// <nil>
}

func ExampleThrottle() {
	s := memory.New(nil)
	defer s.Close()
	requests := recipe.NewThrottle(s, "requests", 2, time.Hour, nil)
	for range 3 {
		fmt.Println(requests.Allow(ctx)) // Wait waits in place of saying no
	}
	// Output:
	// true <nil>
	// true <nil>
	// false <nil>
}

func ExampleAverager() {
	s := memory.New(nil)
	defer s.Close()
	latency := recipe.NewAverager(s, "latency")
	for _, ms := range []float64{10, 20, 60} {
		if err := latency.Add(ms); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(latency.Mean())
	// Output: 30 <nil>
}

func ExampleMemoize() {
	s := memory.New(nil)
	defer s.Close()
	upper := recipe.Memoize(s,
		func(word string) string { return "upper/" + word },
		func(_ context.Context, word string) ([]byte, error) {
			fmt.Println("computing")
			return []byte(strings.ToUpper(word)), nil
		},
		&recipe.MemoOptions{Set: []diskcache.SetOption{diskcache.TTL(time.Hour)}, Lease: time.Minute})
	for range 2 {
		v, err := upper.Call(ctx, "word")
		fmt.Println(string(v), err)
	}
	// Output:
	// computing
	// WORD <nil>
	// WORD <nil>
}
