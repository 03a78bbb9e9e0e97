// Package engine puts the log and the index together: it recovers a directory,
// commits, reads, syncs, and closes.
//
//	Open    list the segments → snapshot, hint or cursor → replay → seal orphans
//	Commit  queue → writer lock → stage (find, encode) → append → [sync] → apply
//	Get     acquire the set → look up → read and verify → compare the key
//	Update  writer lock → the caller's function → commit
//	Scan    a page of the view → for each key: look up → head or item
//	Close   stop the background → seal → snapshot → let the directory go
//
// Every write is a Commit: a set or a delete is a commit of one record, and
// goroutines that come while one commits are committed together by the next
// (group commit). Every reading of a log from end to end goes through
// segment.Cursor. A read takes no engine lock.
//
// Read engine.go, recover.go, replay.go, commit.go, stage.go, apply.go, read.go, then the
// rest; of the orders of the keys views.go, viewbuild.go, viewwalk.go, queuekey.go, queueview.go,
// exactly.go, txview.go, txqueue.go.
package engine
