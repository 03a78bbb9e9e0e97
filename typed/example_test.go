package typed_test

import (
	"context"
	"fmt"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
	"github.com/go-diskcache/diskcache/typed"
)

type city struct {
	Name   string
	People int
}

func Example() {
	m := memory.New(nil)
	defer m.Close()
	cities := typed.New(m, typed.CBOR[city](), typed.Ints[int](), nil)
	defer cities.Close()

	for _, zip := range []int{20, -3, 100} {
		if err := cities.Set(zip, city{"C", zip}); err != nil {
			fmt.Println(err)
		}
	}
	for it, err := range cities.All(diskcache.Range{Order: diskcache.ByKey}) {
		fmt.Println(it.Key, it.Value, err)
	}
	// Output:
	// -3 {C -3} <nil>
	// 20 {C 20} <nil>
	// 100 {C 100} <nil>
}

func ExampleStore_Fetch() {
	m := memory.New(nil)
	defer m.Close()
	pages := typed.New(m, typed.String(), typed.Strings[string](), nil)
	defer pages.Close()

	load := func(context.Context) (string, error) {
		fmt.Println("loading")
		return "<html>", nil
	}
	for range 2 {
		page, err := pages.Fetch(context.Background(), "/index", load, &typed.FetchOptions{TTL: time.Minute, Early: 1})
		fmt.Println(page, err)
	}
	// Output:
	// loading
	// <html> <nil>
	// <html> <nil>
}
