// Package codec turns what a cache directory holds into bytes and back. It is
// the only code that knows the format, whose specification is docs/format.md;
// sizes and offsets of fields do not leave it. It does no I/O, has no state,
// and imports nothing of ours.
//
//	segment    header | frame | frame | …                       what is so
//	frame      header | record | record | …                     one commit
//	record     head | tag | key | value | zeros                 one key
//	hint       header | entry | entry | …                       saves reading a segment
//	snapshot   header | directory | regions of the index        saves reading the hints
//	file ref   the value of a record whose value is a file
//
// # What holds
//
//   - AppendX and ParseX stand next to each other. What Parse accepts, Append
//     makes again byte by byte: nothing can be written in two ways, and no bit
//     is there that is not looked at.
//   - Parse verifies the checksum first and believes a length only then, and
//     also then only after comparing it with what is left and with its limit.
//     It never panics, and takes no memory that the input does not warrant.
//   - Frames and records verify at their own place only: segment id and offset
//     are in their sums.
//   - A head has its own sum, so that a record's size, key hash, sequence and
//     expiry are known from at most MaxHeadLen bytes, and a damaged body costs
//     that record alone.
//   - Append panics on what Parse would refuse. Whoever takes keys and values
//     from outside compares them with MaxKeyLen, MaxTagLen and MaxValueLen.
//   - What is parsed from b is part of b where it can be: a Record's Key, Tag
//     and Value. Records, heads and frames are appended and parsed without
//     allocating.
//
// # Order to read in
//
// sum.go (what the sums cover), record.go and head.go, frame.go, header.go (what
// files have in common), segment.go, hint.go, snapshot.go, fileref.go; then
// compress.go, names.go and errors.go, which stand alone.
package codec
