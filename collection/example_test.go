package collection_test

import (
	"context"
	"fmt"
	"log"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/collection"
	"github.com/go-diskcache/diskcache/memory"
)

// The last three of what there was.
func ExampleDeque() {
	s := memory.New(nil) // or diskcache.Open(dir, nil)
	defer s.Close()
	recent := collection.NewDeque(s, "recent", 3)
	for _, word := range []string{"one", "two", "three", "four"} {
		if err := recent.PushBack([]byte(word)); err != nil {
			log.Fatal(err)
		}
	}
	if err := recent.Rotate(1); err != nil {
		log.Fatal(err)
	}
	for v, err := range recent.All() {
		fmt.Println(string(v), err)
	}
	// Output:
	// four <nil>
	// two <nil>
	// three <nil>
}

// An element is moved from one deque to another; nobody sees it in both, or in none.
func ExampleDeque_In() {
	s := memory.New(nil)
	defer s.Close()
	todo, doing := collection.NewDeque(s, "todo", 0), collection.NewDeque(s, "doing", 0)
	if err := todo.Extend([]byte("write"), []byte("read")); err != nil {
		log.Fatal(err)
	}
	err := diskcache.Transact(context.Background(), s, func(tx diskcache.Txn) error {
		v, err := todo.In(tx).PopFront()
		if err != nil {
			return err
		}
		return doing.In(tx).PushBack(v)
	})
	if err != nil {
		log.Fatal(err)
	}
	v, err := doing.Front()
	fmt.Println(string(v), err)
	// Output: write <nil>
}

func ExampleIndex() {
	s := memory.New(nil)
	defer s.Close()
	x := collection.NewIndex(s, "colours/")
	err := x.Update([]diskcache.KeyValue{
		{Key: "red", Value: []byte("#f00")}, {Key: "green", Value: []byte("#080")}, {Key: "blue", Value: []byte("#00f")},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := x.Set("green", []byte("#0f0")); err != nil { // it keeps its place
		log.Fatal(err)
	}
	last, err := x.PopItem(diskcache.Back)
	fmt.Println(last.Key, err)
	for k, err := range x.Keys() {
		fmt.Println(k, err)
	}
	// Output:
	// blue <nil>
	// red <nil>
	// green <nil>
}
