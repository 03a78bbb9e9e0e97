package httpcache_test

import (
	"fmt"
	"log"
	"time"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/httpcache"
	"github.com/go-diskcache/diskcache/memory"
)

// With github.com/gregjones/httpcache: httpcache.NewTransport(cache).
func ExampleHTTP() {
	s := memory.New(nil) // or diskcache.Open(dir, nil)
	defer s.Close()
	cache := httpcache.NewHTTP(s, "http/", func(err error) { log.Print(err) }, diskcache.TTL(24*time.Hour))
	cache.Set("https://example.org/", []byte("HTTP/1.1 200 OK\r\n\r\n"))
	response, ok := cache.Get("https://example.org/")
	fmt.Println(len(response), ok)
	// Output: 19 true
}

// With github.com/alexedwards/scs/v2: manager.Store = sessions.
func ExampleSessions() {
	s := memory.New(nil)
	defer s.Close()
	sessions := httpcache.NewSessions(s, "session/")
	if err := sessions.Commit("token", []byte("data"), time.Now().Add(time.Hour)); err != nil {
		log.Fatal(err)
	}
	data, found, err := sessions.Find("token")
	fmt.Println(string(data), found, err)
	// Output: data true <nil>
}

// With github.com/gofiber/fiber: limiter.New(limiter.Config{Storage: storage}).
func ExampleStorage() {
	s := memory.New(nil)
	storage := httpcache.NewStorage(s, "fiber/")
	defer storage.Close()
	if err := storage.Set("key", []byte("value"), time.Minute); err != nil {
		log.Fatal(err)
	}
	value, err := storage.Get("key")
	fmt.Println(string(value), err)
	// Output: value <nil>
}
