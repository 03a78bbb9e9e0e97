package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

var scanCases = []testCase{
	{"Scan/Orders", scanOrders},
	{"Scan/Ranges", scanRanges},
	{"Scan/Items", scanItems},
	{"Scan/Expired", scanExpired},
	{"Scan/Insertions", scanInsertions},
	{"Scan/Deletes", scanDeletes},
	{"Scan/Break", scanBreak},
}

func scanOrders(e *env) {
	for _, k := range []string{"m", "z", "a", "m2", ""} {
		e.set(k, "v")
	}
	e.set("z", "again")
	e.yes(e.Delete("a"))
	e.set("a", "v")
	byAge, byKey := []string{"m", "z", "m2", "", "a"}, []string{"", "a", "m", "m2", "z"}
	for range 2 { // once when the view is built, and once when it was
		e.inserted(byAge, e.keys(e.Scan(diskcache.Range{})))
		require.Equal(e, byKey, e.keys(e.Scan(diskcache.Range{Order: diskcache.ByKey})))
		slices.Reverse(byAge)
		slices.Reverse(byKey)
		e.inserted(byAge, e.keys(e.Scan(diskcache.Range{Reverse: true})))
		require.Equal(e, byKey, e.keys(e.Scan(diskcache.Range{Order: diskcache.ByKey, Reverse: true})))
		slices.Reverse(byAge)
		slices.Reverse(byKey)
		e.set("new", "v")
		byAge, byKey = append(byAge, "new"), []string{"", "a", "m", "m2", "new", "z"}
	}
}

// scanRanges compares all kinds of ranges with what a plain loop finds.
func scanRanges(e *env) {
	type kt struct{ key, tag string }
	var all []kt
	for i, k := range []string{"b", "a", "ab", "a-", "abc", "b\xff", "\xff", "\xff\xff", "", "a\x00", "c", "ca", "B", "\xfe"} {
		tag := []string{"", "t", "u"}[i%3]
		e.set(k, "v", diskcache.Tag(tag))
		all = append(all, kt{k, tag})
	}
	for i := range 500 { // more than a page of any walk
		k := fmt.Sprintf("page%03d", i*7%500)
		e.set(k, "v", diskcache.Tag("t"))
		all = append(all, kt{k, "t"})
	}
	ends := []string{"", "a", "ab", "b", "c", "page100", "page250", "\xff", "zz"}
	if testing.Short() {
		ends = []string{"", "ab", "page100", "\xff"}
	}
	for _, order := range []diskcache.Order{diskcache.ByInsertion, diskcache.ByKey} {
		for _, reverse := range []bool{false, true} {
			for _, prefix := range []string{"", "a", "ab", "\xff", "page", "page1", "none"} {
				for _, from := range ends {
					for _, to := range ends {
						for _, tag := range []string{"", "t", "u", "none"} {
							r := diskcache.Range{Order: order, Reverse: reverse, Prefix: prefix, From: from, To: to, Tag: tag}
							want := []string{}
							for _, x := range all {
								if strings.HasPrefix(x.key, prefix) && x.key >= from && (to == "" || x.key < to) && (tag == "" || x.tag == tag) {
									want = append(want, x.key)
								}
							}
							if order == diskcache.ByKey {
								slices.Sort(want)
							}
							if reverse {
								slices.Reverse(want)
							}
							if got := e.keys(e.Scan(r)); e.anyOrder && order == diskcache.ByInsertion {
								require.ElementsMatch(e, want, got, "%+v", r)
							} else {
								require.Equal(e, want, got, "%+v", r)
							}
						}
					}
				}
			}
		}
	}
}

func scanItems(e *env) {
	e.set("a", "1", diskcache.Tag("t"), diskcache.Kind(3), diskcache.TTL(hour))
	e.set("b", "2")
	e.set("c", "3", diskcache.Tag("t"))
	for _, o := range []diskcache.Order{diskcache.ByInsertion, diskcache.ByKey} {
		var keys []string
		for it, err := range e.ScanItems(diskcache.Range{Order: o, Tag: "t"}) {
			require.NoError(e, err)
			require.Equal(e, e.item(e.Store, it.Key), it)
			keys = append(keys, it.Key)
			if len(keys) == 1 { // each is as it is when it is yielded
				e.set(map[string]string{"a": "c", "c": "a"}[it.Key], "changed by "+it.Key, diskcache.Tag("t"))
			}
		}
		e.inserted([]string{"a", "c"}, keys)
	}
	// What loses the tag or gets it.
	e.set("a", "1")
	e.set("b", "2", diskcache.Tag("t"))
	e.inserted([]string{"b", "c"}, e.keys(e.Scan(diskcache.Range{Tag: "t"})))
	e.set("d", "2", diskcache.Tag("t"))
	e.yes(e.Delete("c"))
	e.inserted([]string{"b", "d"}, e.keys(e.Scan(diskcache.Range{Tag: "t"})))
}

func scanExpired(e *env) {
	e.set("a", "1", diskcache.TTL(second))
	e.set("b", "2")
	e.set("c", "3", diskcache.TTL(hour))
	e.clock.Advance(second)
	for _, o := range []diskcache.Order{diskcache.ByInsertion, diskcache.ByKey} {
		e.inserted([]string{"b", "c"}, e.keys(e.Scan(diskcache.Range{Order: o})))
	}
}

// scanInsertions: a walk of a store that grows as it is walked ends.
func scanInsertions(e *env) {
	for i := range 300 {
		e.set(fmt.Sprintf("k%03d", i), "v")
	}
	for _, reverse := range []bool{false, true} {
		n := 0
		for k, err := range e.Scan(diskcache.Range{Reverse: reverse, Prefix: "k"}) {
			require.NoError(e, err)
			require.Len(e, k, 4, "it was inserted after the walk began")
			e.set(fmt.Sprintf("k%03d-%v", n, reverse), "v")
			e.set("k000", "v") // no change of what is there makes it come again
			n++
		}
		require.Equal(e, 300, n)
		for i := range 300 {
			e.yes(e.Delete(fmt.Sprintf("k%03d-%v", i, reverse)))
		}
	}
	// By key, what comes may be seen: all that was there is, once, and in order.
	var seen []string
	for k, err := range e.Scan(diskcache.Range{Order: diskcache.ByKey, Prefix: "k"}) {
		require.NoError(e, err)
		e.set(k[:min(len(k), 4)]+"new", "v")
		if len(k) == 4 {
			seen = append(seen, k)
		}
	}
	require.Len(e, seen, 300)
	require.True(e, slices.IsSorted(seen))
	// One that was deleted and set again was not there all the time.
	n := 0
	for k, err := range e.Scan(diskcache.Range{Prefix: "k"}) {
		require.NoError(e, err)
		e.yes(e.Delete(k))
		e.set(k, "again")
		n++
	}
	require.Equal(e, 600, n)

	// Nor was one that the walk has not come to yet.
	all := e.keys(e.Scan(diskcache.Range{Prefix: "k"}))
	seen = nil
	for it, err := range e.ScanItems(diskcache.Range{Prefix: "k"}) {
		require.NoError(e, err)
		seen = append(seen, it.Key)
		for _, k := range all {
			if len(seen) == 1 && k != it.Key {
				e.yes(e.Delete(k))
				e.set(k, "new")
			}
		}
	}
	require.Len(e, seen, 1, "the others were inserted after the walk began")
}

// scanDeletes: what is there from the beginning to the end comes once, whatever goes meanwhile.
func scanDeletes(e *env) {
	for _, o := range []diskcache.Order{diskcache.ByInsertion, diskcache.ByKey} {
		for _, reverse := range []bool{false, true} {
			for i := range 1000 {
				e.set(fmt.Sprintf("%04d", i), "v")
			}
			var seen []string
			for k, err := range e.Scan(diskcache.Range{Order: o, Reverse: reverse}) {
				require.NoError(e, err)
				seen = append(seen, k)
				if len(seen) == 1 {
					for i := range 1000 {
						if i%10 != 0 {
							_, err := e.Delete(fmt.Sprintf("%04d", i))
							require.NoError(e, err)
						}
					}
				}
			}
			if reverse {
				slices.Reverse(seen)
			}
			if e.anyOrder {
				slices.Sort(seen)
			}
			require.True(e, slices.IsSorted(seen))
			stayed := slices.DeleteFunc(slices.Clone(seen), func(k string) bool { return k[3] != '0' })
			require.Len(e, stayed, 100)
			require.Len(e, slices.Compact(seen), len(seen), "each comes once")
			_, err := e.Clear()
			require.NoError(e, err)
		}
	}
}

func scanBreak(e *env) {
	for i := range 10 {
		e.set(fmt.Sprint(i), "v")
	}
	walk := e.Scan(diskcache.Range{})
	for range 2 { // a walk can be begun anew
		n := 0
		for _, err := range walk {
			require.NoError(e, err)
			if n++; n == 4 {
				break
			}
		}
		require.Equal(e, 4, n)
	}
	for it, err := range e.ScanItems(diskcache.Range{Order: diskcache.ByKey, Reverse: true}) {
		require.NoError(e, err)
		require.Equal(e, "9", it.Key)
		break
	}
	e.set("after", "v") // nothing is locked
}
