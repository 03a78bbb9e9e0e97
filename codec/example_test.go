package codec_test

import (
	"fmt"

	"github.com/go-diskcache/diskcache/codec"
)

// A commit of one record, appended to a segment and read back.
func Example() {
	const id = 7
	r := codec.Record{Kind: codec.KindPut, Seq: 100, Key: []byte("color"), Value: []byte("red")}
	r.Hash = codec.Sum(r.Key)
	r.Digest() // needs no lock, and no sequence

	file := codec.AppendSegmentHeader(nil, &codec.SegmentHeader{ID: id})
	length := codec.FrameHeaderLen + codec.RecordSize(&r)
	file = codec.AppendFrameHeader(file, id, int64(len(file)), codec.Frame{Length: int64(length), Seq: r.Seq})
	file = codec.AppendRecord(file, id, int64(len(file)), &r)

	_, at, err := codec.ParseSegmentHeader(file)
	if err != nil {
		panic(err)
	}
	_, n, err := codec.ParseFrameHeader(file[at:], id, int64(at))
	if err != nil {
		panic(err)
	}
	at += n
	var got codec.Record
	if _, err := codec.ParseRecord(file[at:], id, int64(at), &got); err != nil {
		panic(err)
	}
	fmt.Printf("%s = %s\n", got.Key, got.Value)

	// At any other place the same bytes are not a record.
	_, err = codec.ParseRecord(file[at:], id+1, int64(at), &got)
	fmt.Println(err)
	// Output:
	// color = red
	// codec: checksum is wrong
}

func ExampleHead() {
	r := codec.Record{Kind: codec.KindPut, Key: []byte("color"), Value: make([]byte, 1000)}
	r.Digest()
	b := codec.AppendRecord(nil, 7, 88, &r)

	// A read of a few bytes says how many more there are, and whose they are.
	b = b[:96]
	h, err := codec.ParseHead(b, 7, 88)
	fmt.Println(h.Size(), string(h.KeyIn(b)), err)
	// Output: 1048 color <nil>
}

func ExampleCompress() {
	value := make([]byte, 1000)
	stored, how := codec.Compress(nil, value, codec.LZ4)
	back, err := codec.Decompress(nil, stored, how, len(value))
	fmt.Println(len(stored) < 100, len(back), err)

	stored, how = codec.Compress(nil, []byte("short"), codec.LZ4)
	fmt.Println(string(stored), how == codec.None)
	// Output:
	// true 1000 <nil>
	// short true
}

func ExampleParseName() {
	for _, name := range []string{codec.SegmentName(42), "notes.txt"} {
		kind, id, ok := codec.ParseName(name)
		fmt.Println(name, kind == codec.NameSegment, id, ok)
	}
	// Output:
	// 000000000000002a.seg true 42 true
	// notes.txt false 0 false
}
