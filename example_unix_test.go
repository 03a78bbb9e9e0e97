//go:build unix

package diskcache_test

import (
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/go-diskcache/diskcache"
)

// Who can write to a directory can store any value under any key, so one that
// others may write to is refused unless it is said that they are trusted.
func ExampleUntrustedError() {
	dir := exampleDir()
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o777); err != nil {
		log.Fatal(err)
	}
	_, err := diskcache.Open(dir, nil)
	var untrusted *diskcache.UntrustedError
	if errors.As(err, &untrusted) {
		fmt.Println(untrusted.Mode.Perm(), errors.Is(err, diskcache.ErrUntrusted))
	}
	c, err := diskcache.Open(dir, &diskcache.Options{Trust: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Close())
	// Output:
	// -rwxrwxrwx true
	// <nil>
}
