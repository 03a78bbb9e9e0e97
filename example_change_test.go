package diskcache_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/go-diskcache/diskcache"
)

// Of any number of processes that do this one is the first.
func ExampleCache_Add() {
	c, done := open(nil)
	defer done()
	for range 2 {
		first, err := c.Add("job", []byte("mine"), diskcache.TTL(time.Minute))
		fmt.Println(first, err)
	}
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleCache_Replace() {
	c, done := open(nil)
	defer done()
	ok, err := c.Replace("k", []byte("v"))
	fmt.Println(ok, err)
	// Output: false <nil>
}

// Nothing is stored over what somebody else has stored meanwhile.
func ExampleCache_CompareAndSwap() {
	c, done := open(nil)
	defer done()
	if err := c.Set("page", []byte("draft")); err != nil {
		log.Fatal(err)
	}
	it, err := c.Item("page")
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"mine", "yours"} {
		ok, err := c.CompareAndSwap("page", it.Version, []byte(text))
		fmt.Println(text, ok, err)
	}
	// Output:
	// mine true <nil>
	// yours false <nil>
}

func ExampleCache_GetOrSet() {
	c, done := open(nil)
	defer done()
	for _, v := range []string{"a", "b"} {
		actual, loaded, err := c.GetOrSet("k", []byte(v))
		fmt.Printf("%s %v %v\n", actual, loaded, err)
	}
	// Output:
	// a false <nil>
	// a true <nil>
}

func ExampleCache_Incr() {
	c, done := open(nil)
	defer done()
	for range 2 {
		n, err := c.Incr("visits", 1, diskcache.TTL(24*time.Hour))
		fmt.Println(n, err)
	}
	n, err := c.Decr("visits", 5)
	fmt.Println(n, err)
	f, err := c.IncrFloat("visits", 0.5)
	fmt.Println(f, err)
	_, err = c.Incr("visits", 1)
	fmt.Println(errors.Is(err, diskcache.ErrNotNumber))
	// Output:
	// 1 <nil>
	// 2 <nil>
	// -3 <nil>
	// -2.5 <nil>
	// true
}

// What is used lives on.
func ExampleCache_Touch() {
	c, done := open(nil)
	defer done()
	if err := c.Set("session", []byte("data"), diskcache.TTL(time.Minute), diskcache.Tag("web")); err != nil {
		log.Fatal(err)
	}
	ok, err := c.Touch("session", diskcache.TTL(time.Hour))
	fmt.Println(ok, err)
	it, err := c.Item("session")
	fmt.Println(time.Until(it.Expires) > 30*time.Minute, it.Tag, err)
	// Output:
	// true <nil>
	// true web <nil>
}

func ExampleCache_Pop() {
	c, done := open(nil)
	defer done()
	if err := c.Set("k", []byte("v")); err != nil {
		log.Fatal(err)
	}
	it, err := c.Pop("k")
	fmt.Printf("%s %v\n", it.Value, err)
	_, err = c.Pop("k")
	fmt.Println(errors.Is(err, diskcache.ErrNotFound))
	// Output:
	// v <nil>
	// true
}

func ExampleCache_SetMany() {
	c, done := open(nil)
	defer done()
	err := c.SetMany([]diskcache.KeyValue{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")}}, diskcache.Tag("pair"))
	if err != nil {
		log.Fatal(err)
	}
	values, err := c.GetMany([]string{"a", "b", "c"})
	fmt.Printf("%q %v %v\n", values, values[2] == nil, err)
	n, err := c.DeleteMany([]string{"a", "c"})
	fmt.Println(n, err)
	// Output:
	// ["1" "2" ""] true <nil>
	// 1 <nil>
}

// A transaction that is held open ends when its holder says so.
func ExampleCache_Begin() {
	c, done := open(nil)
	defer done()
	tx, err := c.Begin(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := tx.Set("from", []byte("90")); err != nil {
		log.Fatal(err)
	}
	if err := tx.Set("to", []byte("10")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(tx.Commit())
	v, err := c.Get("to")
	fmt.Printf("%s %v\n", v, err)
	// Output:
	// <nil>
	// 10 <nil>
}

// Transact works with any Store.
func ExampleTransact() {
	c, done := open(nil)
	defer done()
	var s diskcache.Store = c
	err := diskcache.Transact(context.Background(), s, func(tx diskcache.Txn) error {
		_, err := tx.Incr("n", 41)
		if err == nil {
			_, err = tx.Incr("n", 1)
		}
		return err
	})
	v, _ := s.Get("n")
	fmt.Printf("%s %v\n", v, err)
	// Output: 42 <nil>
}

// Somebody else, maybe in another process, answers.
func ExampleCache_Wait() {
	c, done := open(nil)
	defer done()
	go func() {
		if err := c.Set("answer", []byte("42")); err != nil {
			log.Fatal(err)
		}
	}()
	if err := c.Wait(context.Background(), "answer", 0); err != nil {
		log.Fatal(err)
	}
	v, err := c.Get("answer")
	fmt.Printf("%s %v\n", v, err)
	// Output: 42 <nil>
}

// What is set once holds for whoever opens the directory.
func ExampleSettings() {
	dir := exampleDir()
	defer os.RemoveAll(dir)
	for range 2 {
		c, err := diskcache.Open(dir, nil)
		if err != nil {
			log.Fatal(err)
		}
		s, err := c.Settings()
		fmt.Println(s.CountLimit, err)
		err = c.Configure(func(s *diskcache.Settings) { s.CountLimit += 1000 })
		if err := errors.Join(err, c.Close()); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 0 <nil>
	// 1000 <nil>
}
