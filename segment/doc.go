// Package segment is the log: append-only segment files, each written by one
// process for one run of that process, and everything that reads them.
//
//	Writer    creates a segment, appends commits, syncs, and is sealed
//	Segment   one file as its readers see it: committed length, handle or map
//	Set       the immutable, reference-counted list of segments that a reader
//	          holds while it uses places in them
//	Cursor    the one way to read a log from one end to the other: opening,
//	          checking and rescuing all go through it
//	Hint      the sidecar of a sealed segment: where each record lies, so that
//	          opening reads a few percent of the bytes
//
// Invariants:
//
//   - a segment is appended to only by the Writer that created it; a file found
//     at open is never written again, only sealed by a hint;
//   - bytes below the committed length never change;
//   - a hint is written only after the bytes that it describes were synced, so
//     what a hint says is also what survives a power cut;
//   - a write or sync that failed poisons its Writer: nothing is appended to it
//     again and no sync of it is retried.
//
// Read place.go, segment.go, writer.go, cursor.go, hint.go, set.go in this order.
package segment
