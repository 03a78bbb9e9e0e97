package memory_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
)

func Example() {
	s := memory.New(&memory.Options{SizeLimit: 64 << 20})
	defer s.Close()
	if err := s.Set("k", []byte("value"), diskcache.TTL(time.Minute), diskcache.Tag("page")); err != nil {
		fmt.Println(err)
	}
	v, err := s.Get("k")
	fmt.Println(string(v), err)
	n, err := s.EvictTag("page")
	fmt.Println(n, err)
	_, err = s.Get("k")
	fmt.Println(errors.Is(err, diskcache.ErrNotFound))
	// Output:
	// value <nil>
	// 1 <nil>
	// true
}

func ExampleStore_Begin() {
	s := memory.New(nil)
	defer s.Close()
	err := diskcache.Transact(context.Background(), s, func(tx diskcache.Txn) error {
		if _, err := tx.Decr("from", 10); err != nil {
			return err
		}
		_, err := tx.Incr("to", 10)
		return err
	})
	v, _ := s.GetMany([]string{"from", "to"})
	fmt.Println(string(v[0]), string(v[1]), err)
	// Output: -10 10 <nil>
}
