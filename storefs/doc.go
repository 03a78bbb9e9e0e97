// Package storefs shows a diskcache.Store as a file system for reading: an fs.FS for templates,
// http.FileServerFS and all that takes one.
//
// A key is the path of a file, and slashes in it make directories, which are there as long as a
// file is in them. Not seen are keys that fs.ValidPath refuses (the empty one, those that begin or
// end with a slash, have two in a row, an element "." or "..", or are no UTF-8), and a key that is
// also a directory of others: of "a" and "a/b" the second is seen. They can be read through the store.
//
// A file that was opened stays as it was, whatever becomes of its item. Its time is when the item
// was stored; directories have none. What the store has a reader for is streamed.
package storefs
