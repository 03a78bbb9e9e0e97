// Package history tells whether what several processes did with one cache at the
// same time can be explained by some order in which they did it one after the other:
// whether it is linearizable.
//
//	clients ──Log──► records (JSON lines) ──Merge──► []Op ──Check──► porcupine, by groups of keys
//	                                                      └─Ordered─► versions of keys with one writer
//
// A client writes a record before each operation, one within each transaction when it
// is known what that has read and will write, and one when the operation has returned.
// Each is one write to a pipe, so that nothing of it is lost when the process is
// killed. What was called and did not return is pending: it may have happened, then or
// later, or not. What a transaction that did not return was about to do is known all
// the same, from its own record, so that nothing in a history is left to guess.
//
// Times are of a clock that all processes share. An operation begins not after it was
// called and ends not before it returned, so that what is found wrong is wrong.
//
// To be read in this order: op.go, clock_unix.go, log.go, merge.go, model.go, queue.go, check.go, ordered.go.
package history
