package keydir_test

import (
	"bytes"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/go-diskcache/diskcache/keydir"
)

// records stands for the log: the key of the record at each place.
var records = map[uint64]string{1: "apple", 2: "pear", 3: "apple"}

// resolver answers for one key.
type resolver string

func (r resolver) Same(e keydir.Entry) (bool, error) { return records[e.Place] == string(r), nil }
func (r resolver) Key() ([]byte, error)              { return []byte(r), nil }

func set(x *keydir.Index, key string, place uint64) {
	hash := xxhash.Sum64String(key)
	ref, err := x.Find(hash, resolver(key))
	if err != nil {
		panic(err)
	}
	if err := x.Put(hash, ref, resolver(key), keydir.Entry{Place: place}); err != nil {
		panic(err)
	}
}

func get(x *keydir.Index, key string) uint64 {
	hash := xxhash.Sum64String(key)
	e, status := x.Lookup(hash)
	if status == keydir.Found && records[e.Place] == key {
		return e.Place
	}
	e, _ = x.LookupSide(hash, []byte(key)) // another key's record, or none
	return e.Place
}

func ExampleIndex() {
	x := keydir.New(keydir.Config{})
	defer x.Close()
	set(x, "apple", 1)
	set(x, "pear", 2)
	set(x, "apple", 3)
	fmt.Println(get(x, "apple"), get(x, "pear"), get(x, "plum"), x.Len())
	// Output: 3 2 0 2
}

func ExampleLoad() {
	x := keydir.New(keydir.Config{})
	set(x, "apple", 1)
	var file []byte
	var src keydir.Source
	for i := range x.Shards() {
		from := len(file)
		file, _ = x.Image(i, file)
		count, _ := x.ImageCount(i)
		src.Shards = append(src.Shards, keydir.Region{
			Offset: int64(from), Length: int64(len(file) - from),
			Sum: xxhash.Sum64(file[from:]), Count: count,
		})
	}
	x.Close()

	src.Reader = bytes.NewReader(file)
	y, err := keydir.Load(keydir.Config{}, src)
	if err != nil {
		panic(err)
	}
	defer y.Close()
	fmt.Println(get(y, "apple"), get(y, "pear"), y.LoadAll())
	// Output: 1 0 <nil>
}
