package storetest

import (
	"strings"

	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

var badCases = []testCase{
	{"Bad/Sizes", badSizes},
	{"Bad/Enums", badEnums},
	{"Close", closes},
}

// badSizes: keys and tags have their limits, and what is beyond changes nothing.
func badSizes(e *env) {
	most, over := strings.Repeat("k", diskcache.MaxKeySize), strings.Repeat("k", diskcache.MaxKeySize+1)
	tag, longTag := strings.Repeat("t", diskcache.MaxTagSize), diskcache.Tag(strings.Repeat("t", diskcache.MaxTagSize+1))
	e.transact(func(o diskcache.Ops) {
		require.NoError(e, o.Set(most, []byte("v"), diskcache.Tag(tag)))
		it := e.item(o, most)
		require.Equal(e, tag, it.Tag)
		e.gone(o, over)
		tooLarge := func(err error) {
			e.Helper()
			require.ErrorIs(e, err, diskcache.ErrTooLarge)
		}
		tooLarge(o.Set(over, nil))
		_, err := o.Add(over, nil)
		tooLarge(err)
		_, err = o.Incr(over, 1)
		tooLarge(err)
		_, _, err = o.GetOrSet(over, nil)
		tooLarge(err)
		_, err = o.Push(most, nil, diskcache.Back)
		tooLarge(err)
		tooLarge(o.Set("k", nil, longTag))
		_, err = o.Add("k", nil, longTag)
		tooLarge(err)
		_, err = o.Incr("k", 1, longTag)
		tooLarge(err)
		_, err = o.Push("k", nil, diskcache.Back, longTag)
		tooLarge(err)
		e.gone(o, "k")
	})
}

func badEnums(e *env) {
	e.push(e.Store, "q", "v", diskcache.Back)
	_, err := e.Push("q", nil, diskcache.Side(2))
	require.ErrorIs(e, err, diskcache.ErrOption)
	_, err = e.Pull("q", diskcache.Side(2))
	require.ErrorIs(e, err, diskcache.ErrOption)
	_, err = e.Peek("q", diskcache.Side(2))
	require.ErrorIs(e, err, diskcache.ErrOption)
	_, err = e.PeekItem(diskcache.Side(2))
	require.ErrorIs(e, err, diskcache.ErrOption)
	n := 0
	for _, err := range e.Scan(diskcache.Range{Order: diskcache.Order(2)}) {
		require.ErrorIs(e, err, diskcache.ErrOption)
		n++
	}
	require.Equal(e, 1, n)
	e.queueIs(e.Store, "q", "v")
	require.ErrorIs(e, e.Set("k", nil, diskcache.Compress(diskcache.Compression(99))), diskcache.ErrOption)
	e.gone(e.Store, "k")
}

// closes: after Close everything returns ErrClosed.
func closes(e *env) {
	e.set("k", "v")
	require.NoError(e, e.Close())
	_, get := e.Get("k")
	buf, getAppend := e.GetAppend("k", []byte("buf"))
	require.Equal(e, "buf", string(buf))
	_, item := e.Item("k")
	_, has := e.Has("k")
	_, getMany := e.GetMany([]string{"k"})
	_, deleteMany := e.DeleteMany([]string{"k"})
	_, begin := e.Begin(e.ctx())
	_, length := e.Len()
	_, volume := e.Volume()
	_, clearing := e.Clear()
	_, evict := e.EvictTag("t")
	_, expire := e.Expire()
	_, cull := e.Cull()
	_, stats := e.Stats()
	_, add := e.Add("k", nil)
	_, incr := e.Incr("n", 1)
	_, touch := e.Touch("k")
	_, pop := e.Pop("k")
	_, del := e.Delete("k")
	_, push := e.Push("q", nil, diskcache.Back)
	_, pull := e.Pull("q", diskcache.Back)
	_, queueLen := e.QueueLen("q")
	_, peekItem := e.PeekItem(diskcache.Back)
	var scan error
	for _, err := range e.Scan(diskcache.Range{}) {
		scan = err
	}
	for what, err := range map[string]error{
		"Get": get, "GetAppend": getAppend, "Item": item, "Has": has, "Set": e.Set("k", nil), "GetMany": getMany,
		"SetMany": e.SetMany([]diskcache.KeyValue{{Key: "k"}}), "DeleteMany": deleteMany, "Begin": begin, "Len": length, "Volume": volume,
		"Clear": clearing, "EvictTag": evict, "Expire": expire, "Cull": cull, "Stats": stats, "Add": add, "Incr": incr,
		"Touch": touch, "Pop": pop, "Delete": del, "Push": push, "Pull": pull, "QueueLen": queueLen, "PeekItem": peekItem,
		"Scan": scan, "Wait": e.Wait(e.ctx(), "k", 0), "Close": e.Close(),
	} {
		require.ErrorIs(e, err, diskcache.ErrClosed, what)
	}
}
