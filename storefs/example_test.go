package storefs_test

import (
	"fmt"
	"io/fs"
	"log"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/memory"
	"github.com/go-diskcache/diskcache/storefs"
)

func ExampleFS() {
	s := memory.New(nil) // or diskcache.Open(dir, nil)
	defer s.Close()
	err := s.SetMany([]diskcache.KeyValue{
		{Key: "pages/index.html", Value: []byte("<h1>hello</h1>")}, {Key: "style.css", Value: []byte("h1 {}")},
	})
	if err != nil {
		log.Fatal(err)
	}
	err = fs.WalkDir(storefs.New(s), ".", func(name string, d fs.DirEntry, err error) error { // or http.FileServerFS
		fmt.Println(name, d.IsDir())
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// . true
	// pages true
	// pages/index.html false
	// style.css false
}
