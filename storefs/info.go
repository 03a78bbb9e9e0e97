package storefs

import (
	"io/fs"
	"path"
	"time"

	"github.com/go-diskcache/diskcache"
)

// info is what is known of a file or a directory.
type info struct {
	name string
	size int64
	mode fs.FileMode
	time time.Time
	item *diskcache.Item // nil for a directory
}

func itemInfo(it diskcache.Item) info {
	it.Value = nil
	return info{path.Base(it.Key), it.Size, 0o444, it.Stored, &it}
}

func dirInfo(name string) info { return info{name: path.Base(name), mode: fs.ModeDir | 0o555} }

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return i.time }
func (i info) IsDir() bool        { return i.mode.IsDir() }

// Sys returns the diskcache.Item of a file, without its value; nil for a directory.
func (i info) Sys() any {
	if i.item == nil {
		return nil
	}
	return *i.item
}

// file is an open file.
type file struct {
	content
	info info
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
