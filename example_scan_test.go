package diskcache_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/go-diskcache/diskcache"
)

func ExampleCache_Scan() {
	c, done := open(nil)
	defer done()
	for _, key := range []string{"pear", "apple", "plum", "peach"} {
		if err := c.Set(key, nil); err != nil {
			log.Fatal(err)
		}
	}

	for key, err := range c.Scan(diskcache.Range{}) { // as they were inserted
		fmt.Println(key, err)
	}
	fmt.Println("and from behind, those with a p:")
	for key, err := range c.Scan(diskcache.Range{Order: diskcache.ByKey, Prefix: "p", Reverse: true}) {
		fmt.Println(key, err)
	}
	// Output:
	// pear <nil>
	// apple <nil>
	// plum <nil>
	// peach <nil>
	// and from behind, those with a p:
	// plum <nil>
	// pear <nil>
	// peach <nil>
}

func ExampleCache_ScanItems() {
	c, done := open(nil)
	defer done()
	for i, color := range []string{"red", "green", "red"} {
		err := c.Set(fmt.Sprint("item-", i), []byte(color), diskcache.Tag(color))
		if err != nil {
			log.Fatal(err)
		}
	}

	for it, err := range c.ScanItems(diskcache.Range{Tag: "red"}) {
		if err != nil {
			log.Fatal(err) // or go on: of a damaged item the key is known
		}
		fmt.Printf("%s %s\n", it.Key, it.Value)
	}
	// Output:
	// item-0 red
	// item-2 red
}

func ExampleRange() {
	all := diskcache.Range{}                                     // as they were inserted
	last := diskcache.Range{Reverse: true}                       // what was inserted last comes first
	users := diskcache.Range{Prefix: "user:"}                    // those whose keys begin so
	half := diskcache.Range{Order: diskcache.ByKey, To: "n"}     // the keys before n
	rest := diskcache.Range{Order: diskcache.ByKey, From: "n"}   // the others
	images := diskcache.Range{Order: diskcache.ByKey, Tag: "im"} // those with a tag
	fmt.Println(all.Order == last.Order, users.Prefix, half.To, rest.From, images.Tag)
	// Output: true user: n n im
}

func ExampleCache_PeekItem() {
	c, done := open(nil)
	defer done()
	for _, key := range []string{"a", "b", "c"} {
		if err := c.Set(key, []byte("value of "+key)); err != nil {
			log.Fatal(err)
		}
	}

	first, err := c.PeekItem(diskcache.Front)
	fmt.Println(first.Key, string(first.Value), err)
	last, err := c.PeekItem(diskcache.Back)
	fmt.Println(last.Key, string(last.Value), err)
	// Output:
	// a value of a <nil>
	// c value of c <nil>
}

func ExampleCache_Push() {
	c, done := open(nil)
	defer done()
	for _, job := range []string{"first", "second", "third"} {
		key, err := c.Push("jobs", []byte(job), diskcache.Back)
		fmt.Println(key, err)
	}
	n, err := c.QueueLen("jobs")
	fmt.Println(n, err)

	for { // any number of processes may do that; each job is one's
		it, err := c.Pull("jobs", diskcache.Front)
		if errors.Is(err, diskcache.ErrNotFound) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(it.Value))
	}
	// Output:
	// jobs-500000000000000 <nil>
	// jobs-500000000000001 <nil>
	// jobs-500000000000002 <nil>
	// 3 <nil>
	// first
	// second
	// third
}

func ExampleCache_QueueAt() {
	c, done := open(nil)
	defer done()
	for _, job := range []string{"first", "second", "third"} {
		if _, err := c.Push("jobs", []byte(job), diskcache.Back); err != nil {
			log.Fatal(err)
		}
	}

	second, err := c.QueueAt("jobs", 1)
	fmt.Println(string(second.Value), err)
	last, err := c.QueueAt("jobs", -1)
	fmt.Println(string(last.Value), err)
	// Output:
	// second <nil>
	// third <nil>
}

func ExampleSide() {
	c, done := open(nil)
	defer done()
	// What is pushed and pulled at one side is a stack.
	for _, plate := range []string{"blue", "white"} {
		if _, err := c.Push("plates", []byte(plate), diskcache.Back); err != nil {
			log.Fatal(err)
		}
	}
	top, err := c.Peek("plates", diskcache.Back)
	fmt.Println(string(top.Value), err)
	top, err = c.Pull("plates", diskcache.Back)
	fmt.Println(string(top.Value), err)
	top, err = c.Pull("plates", diskcache.Back)
	fmt.Println(string(top.Value), err)
	// Output:
	// white <nil>
	// white <nil>
	// blue <nil>
}

// A queue that keeps its last two items: nobody ever sees three.
func ExampleTx_Push() {
	c, done := open(nil)
	defer done()
	for i := range 5 {
		err := c.Update(func(tx *diskcache.Tx) error {
			if _, err := tx.Push("log", fmt.Append(nil, "line ", i), diskcache.Back); err != nil {
				return err
			}
			n, err := tx.QueueLen("log")
			if n > 2 {
				_, err = tx.Pull("log", diskcache.Front)
			}
			return err
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	for it, err := range c.ScanItems(diskcache.Range{Order: diskcache.ByKey, Prefix: "log-"}) {
		fmt.Println(string(it.Value), err)
	}
	// Output:
	// line 3 <nil>
	// line 4 <nil>
}
