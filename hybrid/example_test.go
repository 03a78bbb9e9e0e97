package hybrid_test

import (
	"fmt"
	"os"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/hybrid"
)

func Example() {
	dir, err := os.MkdirTemp("", "hybrid")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	c, err := diskcache.Open(dir, &diskcache.Options{Compression: diskcache.Zstd})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := hybrid.New(c, &hybrid.Options{MemoryLimit: 64 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	fmt.Println(s.Set("k", []byte("value")))
	for range 2 { // the second time it is kept
		v, err := s.Get("k")
		fmt.Println(string(v), err)
	}
	n, _ := s.Memory()
	fmt.Println(n, "in memory")
	// Output:
	// <nil>
	// value <nil>
	// value <nil>
	// 1 in memory
}
