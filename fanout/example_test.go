package fanout_test

import (
	"context"
	"fmt"
	"os"

	"github.com/go-diskcache/diskcache"
	"github.com/go-diskcache/diskcache/fanout"
)

func Example() {
	dir, err := os.MkdirTemp("", "fanout")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	s, err := fanout.Open(dir, &fanout.Options{Shards: 4, Options: diskcache.Options{SizeLimit: 1 << 30}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	for i := range 3 {
		_, err = s.Push("jobs", fmt.Append(nil, "job ", i), diskcache.Back)
		fmt.Println(err)
	}
	err = diskcache.Transact(context.Background(), s, func(tx diskcache.Txn) error {
		job, err := tx.Pull("jobs", diskcache.Front)
		if err != nil {
			return err
		}
		fmt.Println(string(job.Value))
		_, err = tx.Incr("done", 1)
		return err
	})
	n, _ := s.QueueLen("jobs")
	fmt.Println(n, s.Shards(), err)
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// job 0
	// 2 4 <nil>
}
